/** Parses the command line of `task release`. */

import { type Target, targetNamed, TARGETS } from "../build/targets.ts";

/** The text of `--help`. */
export const USAGE = `Usage: scripts/deno task release --key FILE | --unsigned [--target TARGET]...

Makes dist/release/ from a clean tree: executables, tarballs, wheels, install.sh, a bill of materials, and SHA256SUMS with its
signature.

  --key FILE       a secret key from 'aimodellib keygen'; AIMODELLIB_RELEASE_PASSWORD provides its password, if it has one
  --unsigned       don't sign the checksums
  --target TARGET  for one machine only; by default for all:
${TARGETS.map(({ name }) => `                     ${name}`).join("\n")}
`;

/** The release to make. */
export interface ReleaseOptions {
  /** The path of the secret key; undefined for no signature. */
  readonly key: string | undefined;
  readonly targets: readonly Target[];
}

/**
 * Reads the command line.
 *
 * @returns undefined if help was asked for
 * @throws {RangeError} if the command line is invalid
 */
export function parseOptions(args: readonly string[]): ReleaseOptions | undefined {
  let key: string | undefined;
  let unsigned = false;
  const targets: Target[] = [];
  const words = args[0] === "--" ? args.slice(1) : [...args];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--help" || word === "-h") return undefined;
    if (word === "--unsigned") unsigned = true;
    else if (word === "--key") key = valueOf(word, words);
    else if (word === "--target") targets.push(targetNamed(valueOf(word, words)));
    else throw new RangeError(`There is no option '${word}'.\n\n${USAGE}`);
  }
  if (unsigned === (key !== undefined)) throw new RangeError(`Give either --key FILE or --unsigned.\n\n${USAGE}`);
  return { key, targets: targets.length > 0 ? targets : TARGETS };
}

function valueOf(option: string, words: string[]): string {
  const value = words.shift();
  if (!value) throw new RangeError(`Option ${option} needs a value.\n\n${USAGE}`);
  return value;
}
