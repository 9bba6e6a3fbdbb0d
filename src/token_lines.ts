/**
 * The format of token files: one token on each line, optionally followed by its scope; `#` begins a comment.
 *
 *     8f2…c1             # for everything except /admin/
 *     77a…09 metrics     # for GET /metrics only
 *     d03…7e admin       # for everything
 */

/** A line of a token file that has a token. */
export interface TokenLine {
  readonly token: string;
  /** The scope as it is written; `all` if the line has none. */
  readonly scope: string;
  /** Words after the scope, which are an error. */
  readonly rest: readonly string[];
  /** The number of the line, from 1. */
  readonly line: number;
}

/** Splits the lines of a token file, without checking the tokens. */
export function tokenLines(text: string): TokenLine[] {
  return text.split("\n").flatMap((content, index) => {
    const [token, scope = "all", ...rest] = content.replace(/(^|\s)#.*/, "").trim().split(/\s+/);
    return token ? [{ token, scope, rest, line: index + 1 }] : [];
  });
}
