/** Asks a Python whether it has what a `requirements.txt` asks for. */

import { ANSWER_LIMIT_MS, type Assets, describeExit, type Finished, runChild } from "../bridge/mod.ts";
import { AimodellibError, reasonOf } from "../errors.ts";
import { printable } from "../printable.ts";
import type { SiteFolder } from "./base.ts";
import { decodeRequirements, logicalLines } from "./requirements_text.ts";

/** What a Python says of requirements, and of itself. */
export interface Checked {
  /** What is missing; null if nothing is. */
  readonly unmet: string | null;
  /** Where its packages lie. */
  readonly site: readonly SiteFolder[];
  /** Whether it has none but those that install others. */
  readonly bare: boolean;
  /** Whether it has pip. */
  readonly pip: boolean;
  /** Whether it can make environments. */
  readonly venv: boolean;
}

/** Which Python is asked, and what ends that. */
export interface CheckOptions {
  /** Path of the Python. */
  readonly python: string;
  readonly assets: Assets;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks a Python whether requirements are met, and what it could install with.
 *
 * @param lines logical lines of a requirements file
 * @throws {AimodellibError} if it can't tell
 */
export async function checkRequirements(
  lines: readonly string[],
  { python, assets, signal }: CheckOptions,
): Promise<Checked> {
  const args = [assets.entry, "requirements", "check"];
  const stdin = new TextEncoder().encode(lines.join("\n"));
  let finished: Finished;
  try {
    finished = await runChild(python, { args, stdin, signal, limitMs: ANSWER_LIMIT_MS });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new AimodellibError(
      `The Python '${printable(python)}' can't tell what is installed: it ${reasonOf(cause)}`,
      { cause },
    );
  }
  const { success, exit, stdout, stderr } = finished;
  if (!success) {
    throw new AimodellibError(
      `The Python '${printable(python)}' can't tell what is installed: it ended with ${
        describeExit(exit)
      }\n${stderr.trim()}`,
    );
  }
  return JSON.parse(stdout);
}

/** The logical lines of a module's requirements; none if there is no such file. */
export function requirementsOf(module: string, env: (name: string) => string | undefined): string[] {
  try {
    return logicalLines(decodeRequirements(Deno.readFileSync(`${module}/requirements.txt`)), env);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
