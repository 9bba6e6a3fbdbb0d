/** Finds the token to send to a server. */

import { UsageError } from "../errors.ts";
import { tokenLines } from "../token_lines.ts";

/**
 * Finds the first token for predictions in a file, which may be the server's own `--token-file`.
 *
 * @param source the file's name in messages
 * @throws {UsageError} if the file contains no token
 */
export function firstToken(text: string, source: string): string {
  for (const { token, scope } of tokenLines(text)) {
    if (scope !== "all") continue;
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new UsageError(`${source} has a token that can't be sent: it is not visible ASCII`);
    }
    return token;
  }
  throw new UsageError(`${source} contains no token`);
}
