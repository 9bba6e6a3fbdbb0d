/** Parses and formats sizes in bytes with units. */

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

const SHOWN = [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const;

/** Formats a size such as `100 MiB`, in the largest unit of which `bytes` is a multiple. */
export function formatSize(bytes: number): string {
  const [unit, size] = SHOWN.find(([, size]) => bytes > 0 && bytes % size === 0) ?? ["B", 1];
  return `${bytes / size} ${unit}`;
}

/**
 * Parses a size: a number with or without a unit, such as `1048576`, `100MiB`, `1.5 GB` or `64k`.
 *
 * @returns the number of bytes; undefined if `text` is not a size
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = UNITS[match?.[2]?.toLowerCase() ?? "?"];
  return unit === undefined ? undefined : Math.floor(Number(match![1]) * unit);
}
