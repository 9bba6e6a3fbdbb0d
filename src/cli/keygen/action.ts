/** Carries out `aimodellib keygen`. */

import { FileBeside } from "../../atomic_file.ts";
import { exists } from "../../files.ts";
import { formatKeyId, formatPublicKey, formatSecretKey, generateKey } from "../../archive/mod.ts";
import { UsageError } from "../../errors.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { askPassword } from "../terminal/password.ts";

/** The options of the command. */
export interface KeygenOptions {
  readonly secretKey: string;
  readonly publicKey: string;
  readonly passwordFile?: string | undefined;
  readonly noPassword: boolean;
  readonly force: boolean;
  readonly json: boolean;
}

/**
 * Generates a key pair and writes both keys.
 *
 * @returns the exit code
 * @throws {UsageError} if a key file exists already, or no password is given
 * @throws {WriteError} if a key can't be written
 */
export async function runKeygen(options: KeygenOptions, io: Io): Promise<number> {
  const { secretKey, publicKey, passwordFile, noPassword, force, json } = options;
  if (noPassword && passwordFile !== undefined) {
    throw new UsageError("--no-password and --password-file can't be combined");
  }
  for (const path of [secretKey, publicKey]) {
    if (!force && exists(path)) {
      throw new UsageError(`'${path}' exists already: choose another name, or replace it with --force`);
    }
  }
  const questions = ["Password of the new secret key: ", "The same again: "];
  const password = noPassword ? undefined : await askPassword(io, passwordFile, ...questions);
  if (password === "") {
    throw new UsageError("The password is empty: use --no-password to leave the secret key unencrypted");
  }
  if (password !== undefined) io.stderrLine("Encrypting the secret key, which takes some seconds and 1 GiB of memory");
  const secret = await generateKey();
  const secretText = await formatSecretKey(secret, password);
  using secretFile = new FileBeside(secretKey, 0o600);
  using publicFile = new FileBeside(publicKey);
  const encoder = new TextEncoder();
  secretFile.write(encoder.encode(secretText));
  const text = formatPublicKey(secret);
  publicFile.write(encoder.encode(text));
  secretFile.commit();
  publicFile.commit();
  const [id, line] = [formatKeyId(secret.id), text.split("\n")[1]!];
  if (json) {
    io.stdoutJson(`${JSON.stringify({ key: id, secretKey, publicKey, publicKeyText: line }, null, 2)}\n`);
  } else {
    io.stderrLine(`Wrote the key ${id}: keep ${secretKey} secret, and share ${publicKey} for verification`);
    io.stdoutLine(line);
  }
  return ExitCode.Success;
}
