/** Makes programs that take the place of Python, which unit tests do not need. */

import type { Assets } from "../../../src/bridge/mod.ts";
import type { FakeBridge } from "./fake_bridge.ts";
import type { TempDir } from "./temp_dir.ts";

const BRIDGE = new URL("fake_bridge.ts", import.meta.url).href;

/**
 * Makes a program that runs `main` in a process of its own; `main` can use only its arguments.
 *
 * @param data a further argument of `main`, passed as JSON
 * @returns the program's path
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
