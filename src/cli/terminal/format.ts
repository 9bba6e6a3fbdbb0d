/** Formats numbers for people. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Formats a number of bytes, such as `512 B` or `3.4 MiB`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Formats a count, such as `1 file` or `20 files`. */
export function count(number: number, word: string, plural: string = `${word}s`): string {
  return `${number} ${number === 1 ? word : plural}`;
}

/** Formats a rounded number in groups of three digits, such as `46,985`, whatever the locale. */
export function formatCount(number: number): string {
  return Math.round(number).toLocaleString("en");
}
