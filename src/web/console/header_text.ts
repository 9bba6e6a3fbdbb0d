/** What the value of a header may contain. */

/** Returns the first character of a text with which fetch() would refuse it as the value of a header, as if the server could not be reached; undefined if there is none. */
export function unsendable(value: string): string | undefined {
  return /[^\0-\xff]/u.exec(value)?.[0];
}
