/** Python environments for tests. */

import assert from "node:assert/strict";
import { PYTHON, type Sandbox } from "./sandbox.ts";
import { tool } from "./tool.ts";

/**
 * Makes a Python environment that has pip and no other package, and returns the path of its Python. The pip is the one that tests have,
 * through links: installing it would take seconds of processor time, and copying it would make a thousand files.
 */
export async function venvWithPip(box: Sandbox, name: string): Promise<string> {
  const { code, stderr } = await box.run(["-m", "venv", "--without-pip", name], { command: PYTHON });
  assert.equal(code, 0, stderr);
  const python = box.path(`${name}/bin/python`);
  const from = sitePackages(PYTHON);
  const pip = [...Deno.readDirSync(from)].map((entry) => entry.name).filter((entry) => /^pip(-.*)?$/.test(entry));
  const to = sitePackages(python);
  for (const entry of pip) Deno.symlinkSync(`${from}/${entry}`, `${to}/${entry}`);
  return python;
}

/** Returns the folder of a Python's packages. */
function sitePackages(python: string): string {
  const code = "import sysconfig; print(sysconfig.get_path('purelib'))";
  return new TextDecoder().decode(tool(python, ["-I", "-c", code])).trim();
}
