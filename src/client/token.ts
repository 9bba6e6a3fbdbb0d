/** The token that a server is sent. */

import { UsageError } from "../errors.ts";

/**
 * Finds the first token of a file that the server's `--token-file` may be as well: a token on each line, with its scope behind it, and
 * comments behind `#`.
 *
 * @param source what messages call it
 * @throws {UsageError} if there is none
 */
export function firstToken(text: string, source: string): string {
  for (const line of text.split("\n")) {
    const [token, scope = "all"] = line.replace(/(^|\s)#.*/, "").trim().split(/\s+/);
    if (!token || scope !== "all") continue;
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new UsageError(`${source} has a token that can't be sent: it is not visible ASCII`);
    }
    return token;
  }
  throw new UsageError(`There is no token in ${source}`);
}
