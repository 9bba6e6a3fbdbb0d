/** `aimodellib --version` */

import { UsageError } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";

/**
 * Prints the version on a line of its own, then the versions of Deno and V8 and the target.
 *
 * @param words what follows `--version`: `--json`, or nothing
 * @returns the exit code
 * @throws {UsageError} if something else follows
 */
export function showVersion(words: readonly string[], io: Io): Promise<number> {
  const [word, ...others] = words;
  const odd = word === undefined || word === "--json" ? others[0] : word;
  if (odd !== undefined) {
    throw new UsageError([`Unexpected '${odd}' after --version`, "Only --json can follow it"]);
  }
  const facts = {
    version: VERSION,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    target: Deno.build.target,
    standalone: Deno.build.standalone,
  };
  if (word === "--json") io.stdoutJson(`${JSON.stringify(facts)}\n`);
  else io.stdout(`${facts.version}\nDeno ${facts.deno}, V8 ${facts.v8}, ${facts.target}\n`);
  return Promise.resolve(ExitCode.Success);
}
