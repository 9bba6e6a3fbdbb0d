/** Python environments for tests. */

import assert from "node:assert/strict";
import { PYTHON, type Sandbox } from "./sandbox.ts";
import { tool } from "./tool.ts";

/** A Python environment. */
export interface Venv {
  /** The path of its Python. */
  readonly python: string;
  /** The folder of its packages. */
  readonly site: string;
}

/** Makes a Python environment without any package. */
export async function bareVenv(box: Sandbox, name: string): Promise<Venv> {
  const { code, stderr } = await box.run(["-m", "venv", "--without-pip", name], { command: PYTHON });
  assert.equal(code, 0, stderr);
  const [python] = [...Deno.readDirSync(box.path(`${name}/lib`))].map((entry) => entry.name);
  return { python: box.path(`${name}/bin/python`), site: box.path(`${name}/lib/${python}/site-packages`) };
}

/**
 * Makes a Python environment that has pip and no other package. The pip is the one that tests have, through links: installing it would take
 * seconds of processor time, and copying it would make a thousand files.
 */
export async function venvWithPip(box: Sandbox, name: string): Promise<Venv> {
  const venv = await bareVenv(box, name);
  const code = "import sysconfig; print(sysconfig.get_path('purelib'))";
  const from = new TextDecoder().decode(tool(PYTHON, ["-I", "-c", code])).trim();
  const pip = [...Deno.readDirSync(from)].map((entry) => entry.name).filter((entry) => /^pip(-.*)?$/.test(entry));
  for (const entry of pip) Deno.symlinkSync(`${from}/${entry}`, `${venv.site}/${entry}`);
  return venv;
}
