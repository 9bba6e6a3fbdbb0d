/** Finds the token to send to a server. */

import { UsageError } from "../errors.ts";

/**
 * Finds the first token of a file, which may be the server's own `--token-file`: it has a token on each line, optionally followed by its
 * scope, and `#` begins a comment.
 *
 * @param source the file's name in messages
 * @throws {UsageError} if the file contains no token
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
