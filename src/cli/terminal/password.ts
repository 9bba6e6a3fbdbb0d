/** Passwords of secret keys. */

import { messageOf, UsageError } from "../../errors.ts";
import type { Io } from "./io.ts";

const VARIABLE = "AIMODELLIB_KEY_PASSWORD";

/**
 * Takes a password from a file, from `AIMODELLIB_KEY_PASSWORD`, or from who sits at the terminal.
 *
 * @param file the value of `--password-file`
 * @param questions what to ask; more than one have to be answered alike
 * @throws {UsageError} if there is none, or the answers differ
 */
export async function askPassword(io: Io, file: string | undefined, ...questions: string[]): Promise<string> {
  if (file !== undefined) {
    try {
      return Deno.readTextFileSync(file).split(/\r?\n/, 1)[0]!;
    } catch (cause) {
      throw new UsageError(`The password can't be read: ${messageOf(cause)}`, { cause });
    }
  }
  const value = io.secret(VARIABLE);
  if (value !== undefined) return value;
  const answers: string[] = [];
  for (const question of questions) {
    const answer = await io.askSecret(question);
    if (answer === undefined) {
      throw new UsageError(
        `The secret key needs a password: give it at a terminal, with --password-file, or in ${VARIABLE}`,
      );
    }
    answers.push(answer);
  }
  if (answers.some((answer) => answer !== answers[0])) throw new UsageError("The two passwords are not the same");
  return answers[0]!;
}
