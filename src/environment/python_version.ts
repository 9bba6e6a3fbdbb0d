/** Asks a Python for its version, without having it start. */

import { runChild } from "../bridge/mod.ts";

/** For an answer, in ms: it takes some milliseconds, unless the Python is a script that finds another. */
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
