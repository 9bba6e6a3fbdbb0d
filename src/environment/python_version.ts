/** Asks a Python executable for its version. */

import { runChild } from "../bridge/mod.ts";

/** Time limit for the answer, in ms: Python needs a few milliseconds, but a wrapper script that finds one can take longer. */
const LIMIT_MS = 5_000;

/** A Python's version, such as `3.11.7`; undefined without an answer in time. A run that starts the Python then reports the reason. */
export async function pythonVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await runChild(path, { args: ["--version"], limitMs: LIMIT_MS });
    return /^Python (\S+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
