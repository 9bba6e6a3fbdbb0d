/** Wheels for tests, made without a build tool. */

import { py, PYTHON } from "./sandbox.ts";
import { tool } from "./tool.ts";

/** A Python script that writes NAME, VERSION and CODE as a wheel with one module, and with one program that prints the module's V. */
const MAKE = py`
  import base64, hashlib, sys, zipfile
  folder, name, version, code = sys.argv[1:]
  info = f"{name}-{version}.dist-info"
  files = {
      f"{name}.py": f"{code}\ndef main(): print(V)\n",
      f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
      f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
      f"{info}/entry_points.txt": f"[console_scripts]\n{name}-program = {name}:main\n",
  }
  def record(path, data):
      return f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
  lines = [record(path, text.encode()) for path, text in files.items()] + [f"{info}/RECORD,,"]
  with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as archive:
      for path, text in {**files, f"{info}/RECORD": "\n".join(lines) + "\n"}.items():
          archive.writestr(path, text)
`;

/** Creates the wheel `NAME-VERSION-py3-none-any.whl` in a folder; its module contains `code`. */
export function makeWheel(folder: string, name: string, version: string, code: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  tool(PYTHON, ["-I", "-c", MAKE, folder, name, version, code]);
}
