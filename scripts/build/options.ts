/** The command line of the build. */

import { hostTarget, type Target, targetNamed, TARGETS } from "./targets.ts";

/** What `--help` prints. */
export const USAGE = `Usage: scripts/deno task build [--target TARGET]...

Makes dist/aimodellib for this machine. With --target it makes dist/aimodellib-TARGET instead; TARGET is one of
${TARGETS.map(({ name }) => `  ${name}`).join("\n")}
  all
`;

/** One executable to make. */
export interface Job {
  readonly target: Target;
  /** The name of its file. */
  readonly file: string;
}

/**
 * Reads the command line.
 *
 * @returns the executables to make; empty if help was requested
 * @throws {RangeError} if the command line is invalid
 */
export function parseOptions(args: readonly string[]): readonly Job[] {
  const names: string[] = [];
  const words = [...args];
  // `deno task build -- --target all` passes the separator on.
  if (words[0] === "--") words.shift();
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--help" || word === "-h") return [];
    const [option, inline] = word.split(/=(.*)/s, 2);
    if (option !== "--target") throw new RangeError(`There is no option '${word}'.\n\n${USAGE}`);
    const value = inline ?? words.shift();
    if (!value) throw new RangeError(`Option --target needs a value.\n\n${USAGE}`);
    names.push(value);
  }
  if (names.length === 0) return [{ target: hostTarget(), file: "aimodellib" }];
  const targets = names.flatMap((name) => name === "all" ? TARGETS : [targetNamed(name)]);
  return [...new Set(targets)].map((target) => ({ target, file: `aimodellib-${target.name}` }));
}
