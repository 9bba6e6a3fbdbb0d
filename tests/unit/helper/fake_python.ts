/** Makes programs that take the place of Python, which unit tests do not need. */

import type { Assets } from "../../../src/bridge/mod.ts";
import type { FakeBridge } from "./fake_bridge.ts";
import type { TempDir } from "./temp_dir.ts";
import { SharedMemory } from "../../../src/bridge/shared_memory.ts";

// The C library that maps shared memory is opened once and stays open: a test that did it would count as leaking it.
SharedMemory.create(4096)?.[Symbol.dispose]();

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
  const folder = directory.folder(`python-${crypto.randomUUID()}`);
  Deno.writeTextFileSync(`${folder}/source`, `#!/bin/sh\n${commands}\n`);
  // Another process writes the program: if this one did, a child that another test starts meanwhile could hold the file open for
  // writing, and Linux does not run such a file ("Text file busy").
  const made = new Deno.Command("install", { args: ["-m", "755", `${folder}/source`, `${folder}/python3`] })
    .outputSync();
  if (!made.success) throw new Error(`'install' can't make ${folder}/python3`);
  return `${folder}/python3`;
}

/** Assets that no program reads. */
export const noAssets: Assets = { root: "/nowhere", entry: "/nowhere/__main__.py", [Symbol.dispose]: () => {} };
