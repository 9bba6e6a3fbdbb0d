/** Obtains the password of a secret key. */

import { UsageError } from "../../errors.ts";
import { readText } from "../../files.ts";
import type { Io } from "./io.ts";

const VARIABLE = "AIMODELLIB_KEY_PASSWORD";

/**
 * Takes a password from a file or from `AIMODELLIB_KEY_PASSWORD`, or asks for it at the terminal.
 *
 * @param file the value of `--password-file`
 * @param questions the questions; the answers to several must be equal
 * @throws {UsageError} if there is no password, or the answers differ
 */
export async function askPassword(io: Io, file: string | undefined, ...questions: string[]): Promise<string> {
  if (file !== undefined) {
    return readText(file, "password file").split(/\r?\n/, 1)[0]!;
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
  if (answers.some((answer) => answer !== answers[0])) throw new UsageError("The two passwords differ");
  return answers[0]!;
}
