/** Carries out `aimodellib sign`. */

import { FileBeside } from "../../atomic_file.ts";
import { formatKeyId, formatSignature, type Limits, parseSecretKey, scan, Signer } from "../../archive/mod.ts";
import { UsageError } from "../../errors.ts";
import { readText } from "../../files.ts";
import { printable } from "../../printable.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { askPassword } from "../terminal/password.ts";
import { readArchive } from "../archives/scan.ts";
import { sourceDateEpoch } from "../archives/source_date.ts";

/** The options of the command. */
export interface SignOptions extends Limits {
  readonly archive: string;
  readonly secretKey: string;
  readonly passwordFile?: string | undefined;
  readonly signature?: string | undefined;
  readonly trustedComment?: string | undefined;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** The longest trusted comment that minisign reads, in bytes. */
const MAX_COMMENT_BYTES = 8192 - "trusted comment: ".length - 2;

/**
 * Checks an archive and writes its signature beside it.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive or the key does not exist, or the password is wrong
 * @throws {ArchiveError} if the archive is not valid; such an archive is not signed
 */
export async function runSigning(options: SignOptions, io: Io): Promise<number> {
  const { archive, secretKey, passwordFile, json } = options;
  const quiet = options.quiet || json;
  if (archive === "-" && options.signature === undefined) {
    throw new UsageError("An archive from standard input has no name: choose the signature's file with --signature");
  }
  const trusted = options.trustedComment ?? defaultComment(archive, io);
  if (/\p{Cc}/u.test(trusted.replaceAll("\t", "")) || new TextEncoder().encode(trusted).length > MAX_COMMENT_BYTES) {
    throw new UsageError(`--trusted-comment must be one line of at most ${MAX_COMMENT_BYTES} bytes`);
  }
  const signer = new Signer();
  const { maxEntries, maxSize, maxRatio } = options;
  const reading = { archive, quiet, maxEntries, maxSize, maxRatio };
  const { result: [secret, { sha256 }] } = await readArchive(reading, "signed", io, async (source, rest) => {
    const text = readText(secretKey, "secret key", "make one with 'aimodellib keygen'");
    const key = await parseSecretKey(text, `'${secretKey}'`, () => {
      return askPassword(io, passwordFile, `Password of '${secretKey}': `);
    });
    return [key, await scan(source.read, {}, { ...rest, witness: signer })] as const;
  });
  const untrusted = `signature from aimodellib with the key ${formatKeyId(secret.id)}`;
  const path = options.signature ?? `${archive}.minisig`;
  using file = new FileBeside(path);
  file.write(new TextEncoder().encode(formatSignature(await signer.sign(secret, { trusted, untrusted }))));
  file.commit();
  const id = formatKeyId(secret.id);
  if (json) {
    const shown = { archive, sha256, signature: { file: path, key: id, trustedComment: trusted } };
    io.stdoutJson(`${JSON.stringify(shown, null, 2)}\n`);
  } else if (!quiet) io.stderrLine(`Wrote ${path}: ${archive} is signed with the key ${id}`);
  return ExitCode.Success;
}

/** The trusted comment that minisign writes by default. */
function defaultComment(archive: string, io: Io): string {
  const seconds = sourceDateEpoch(io) ?? Math.floor(Date.now() / 1000);
  return `timestamp:${seconds}\tfile:${printable(archive.slice(archive.lastIndexOf("/") + 1))}\thashed`;
}
