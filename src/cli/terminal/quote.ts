/** Words of command lines that are shown to be copied. */

/** A word as a shell reads it back. */
export function quote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
