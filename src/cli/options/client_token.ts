/** The token of commands that send requests to a running server. */

import { firstToken } from "../../client/token.ts";
import { readText } from "../../files.ts";
import type { Io } from "../terminal/io.ts";

const VARIABLE = "AIMODELLIB_TOKEN";

/**
 * Finds the token to send: the first of a file, else the one in `AIMODELLIB_TOKEN`; undefined if there is neither.
 *
 * @throws {UsageError} if the file can't be read, or has no token for predictions
 */
export function clientToken(file: string | undefined, io: Io): string | undefined {
  if (file === undefined) {
    const variable = io.secret(VARIABLE);
    return variable === undefined ? undefined : firstToken(variable, VARIABLE);
  }
  return firstToken(readText(file, "token file"), `'${file}'`);
}
