/** Wheels for tests, made without a build tool. */

import { py, PYTHON } from "./sandbox.ts";
import { tool } from "./tool.ts";

/** Writes NAME, VERSION and CODE as a wheel with one module, and one program that prints what the module's V is. */
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

/** Makes the wheel `NAME-VERSION-py3-none-any.whl` in a folder, whose module says `code`. */
export function makeWheel(folder: string, name: string, version: string, code: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  tool(PYTHON, ["-I", "-c", MAKE, folder, name, version, code]);
}
