/** Asks a Python executable for its version. */

import { runChild } from "../bridge/mod.ts";

/** Time limit for the answer, in ms: Python needs a few milliseconds, but a wrapper script that finds one can take longer. */
const LIMIT_MS = 5_000;

/** Such as `3.11.7`; undefined if it does not say so in time: starting it will tell what is wrong. */
export async function pythonVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await runChild(path, { args: ["--version"], limitMs: LIMIT_MS });
    return /^Python (\S+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
