/** How the console writes sizes, times and counts. */

const UNITS = ["B", "KiB", "MiB", "GiB"];

/** Formats a number of bytes, such as `1.4 KiB`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Formats a duration in ms, such as `12.3 ms` or `4.2 s`. */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** Formats a count with its noun, such as `1 row` or `12 rows`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Formats a time of day, from ms since 1970: `14:03:59`. */
export function formatTime(time: number): string {
  return new Date(time).toTimeString().slice(0, 8);
}
