/** Quotes words of command lines that users copy. */

/** Quotes a word for a POSIX shell, if necessary. */
export function quote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
