/** Programs that stand for a Python: unit tests need none. */

import type { Assets } from "../../../src/bridge/mod.ts";
import type { FakeBridge } from "./fake_bridge.ts";
import type { TempDir } from "./temp_dir.ts";

const BRIDGE = new URL("fake_bridge.ts", import.meta.url).href;

/**
 * Makes a program that does what `main` does, in a process of its own: what `main` uses must be in its arguments.
 *
 * @param data what `main` is given besides; JSON
 * @returns its path
 */
export function fakePython<Data>(
  directory: TempDir,
  main: (bridge: typeof FakeBridge, data: Data) => Promise<void>,
  data?: Data,
): string {
  const name = `fake-${crypto.randomUUID()}`;
  const script = directory.write(
    `${name}.js`,
    `import { FakeBridge } from ${JSON.stringify(BRIDGE)};\nawait (${main})(FakeBridge, ${JSON.stringify(data)});\n`,
  );
  return shellPython(directory, `exec '${Deno.execPath()}' run --quiet --no-config --no-lock --allow-all '${script}'`);
}

/** Makes a program from lines of POSIX shell. */
export function shellPython(directory: TempDir, commands: string): string {
  return directory.write(`python-${crypto.randomUUID()}/python3`, `#!/bin/sh\n${commands}\n`, 0o755);
}

/** Assets that no program reads. */
export const noAssets: Assets = { root: "/nowhere", entry: "/nowhere/__main__.py", [Symbol.dispose]: () => {} };
