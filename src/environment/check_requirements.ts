/** Asks a Python whether the requirements of a `requirements.txt` are met. */

import { ANSWER_LIMIT_MS, type Assets, describeExit, type Finished, runChild } from "../bridge/mod.ts";
import { AimodellibError, reasonOf } from "../errors.ts";
import { printable } from "../printable.ts";
import type { SiteFolder } from "./base.ts";
import { decodeRequirements, logicalLines } from "./requirements_text.ts";

/** The answer of a Python about requirements and itself. */
export interface Checked {
  /** The requirements that are not met, in words; null if all are met. */
  readonly unmet: string | null;
  /** The folders of its packages. */
  readonly site: readonly SiteFolder[];
  /** Whether it has no packages except installers. */
  readonly bare: boolean;
  /** Whether it has pip. */
  readonly pip: boolean;
  /** Whether it has the module `venv`, which makes environments. */
  readonly venv: boolean;
}

/** The Python that is asked, and the signal that ends the check. */
export interface CheckOptions {
  /** The path of the Python. */
  readonly python: string;
  readonly assets: Assets;
  readonly signal?: AbortSignal | undefined;
  /** Whether an installer has installed the requirements. Then those that only an installer can read count as met. */
  readonly installed?: boolean;
}

/**
 * Asks a Python whether requirements are met, and whether it has pip and venv.
 *
 * @param lines logical lines of a requirements file
 * @throws {AimodellibError} if the Python fails to answer
 */
export async function checkRequirements(
  lines: readonly string[],
  { python, assets, signal, installed = false }: CheckOptions,
): Promise<Checked> {
  const args = [assets.entry, "requirements", "check", ...(installed ? ["installed"] : [])];
  const stdin = new TextEncoder().encode(lines.join("\n"));
  let finished: Finished;
  try {
    finished = await runChild(python, { args, stdin, signal, limitMs: ANSWER_LIMIT_MS });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new AimodellibError(
      `The Python '${printable(python)}' can't check the requirements: it ${reasonOf(cause)}`,
      { cause },
    );
  }
  const { success, exit, stdout, stderr } = finished;
  if (!success) {
    throw new AimodellibError(
      `The Python '${printable(python)}' can't check the requirements: it ended with ${
        describeExit(exit)
      }\n${stderr.trim()}`,
    );
  }
  return JSON.parse(stdout);
}

/** The logical lines of a module's `requirements.txt`; empty without such a file. */
export function requirementsOf(module: string, env: (name: string) => string | undefined): string[] {
  try {
    return logicalLines(decodeRequirements(Deno.readFileSync(`${module}/requirements.txt`)), env);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
