/** What the value of a header may contain. */

/**
 * Returns the first character of `value` that no header can contain; undefined if there is none. fetch() reports such a value with the same
 * error as a server that it can't reach.
 */
export function unsendable(value: string): string | undefined {
  return /[^\0-\xff]/u.exec(value)?.[0];
}
