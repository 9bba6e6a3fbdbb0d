/** Computes SHA-256 digests, and writes the list of those of the executables. */

/** The SHA-256 of some bytes, in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Writes `SHA256SUMS` for all executables in a folder, in the format of `sha256sum -c`.
 *
 * @throws {Error} if the folder can't be read or written to
 */
export async function writeChecksums(folder: string): Promise<void> {
  const names = [...Deno.readDirSync(folder)]
    .filter(({ name, isFile }) => isFile && /^aimodellib(-|$)/.test(name))
    .map(({ name }) => name)
    .sort();
  const lines: string[] = [];
  for (const name of names) lines.push(`${await sha256(Deno.readFileSync(`${folder}/${name}`))}  ${name}\n`);
  const beside = Deno.makeTempFileSync({ dir: folder, prefix: ".SHA256SUMS-" });
  Deno.writeTextFileSync(beside, lines.join(""));
  Deno.chmodSync(beside, 0o644);
  Deno.renameSync(beside, `${folder}/SHA256SUMS`);
}
