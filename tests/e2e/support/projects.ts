/** Python projects that are built without a package registry: each brings its own build backend. */

import { tool } from "./tool.ts";

/** A build backend that makes a wheel of one module. The definitions of `NAME`, `VERSION`, `CODE` and `REQUIRES` precede it. */
const BACKEND = `
import base64, hashlib, os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = f"{NAME}-{VERSION}.dist-info"
    needs = "".join(f"Requires-Dist: {line}\\n" for line in REQUIRES)
    if any("extra ==" in line for line in REQUIRES): needs += "Provides-Extra: more\\n"
    files = {
        f"{NAME}.py": CODE,
        f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: {NAME}\\nVersion: {VERSION}\\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: {TAG}\\n",
    }
    def record(path, data):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{path},sha256={digest},{len(data)}"
    lines = [record(path, text.encode()) for path, text in files.items()] + [f"{info}/RECORD,,"]
    files[f"{info}/RECORD"] = "\\n".join(lines) + "\\n"
    wheel = f"{NAME}-{VERSION}-{TAG}.whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as archive:
        for path, text in files.items(): archive.writestr(path, text)
    return wheel
build_editable = build_wheel
`;

/** The description of a project. */
export interface Project {
  readonly name: string;
  readonly version?: string;
  /** By default, code that names the project. */
  readonly code?: string;
  readonly requires?: readonly string[];
  /** @default py3-none-any */
  readonly tag?: string;
}

/** The files of a project, by their names in its folder. */
export function projectFiles(project: Project): Record<string, string> {
  const { name, version = "1.0", code = `V = "${name}"\n`, requires = [], tag = "py3-none-any" } = project;
  const head = Object.entries({ NAME: name, VERSION: version, CODE: code, REQUIRES: requires, TAG: tag })
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join("");
  return {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n' +
      `[project]\nname = "${name}"\nversion = "${version}"\ndynamic = ["dependencies", "optional-dependencies"]\n`,
    "backend.py": head + BACKEND,
    "PKG-INFO": `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
  };
}

/** Writes a project into a folder. */
export function writeProject(folder: string, project: Project): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(projectFiles(project))) Deno.writeTextFileSync(`${folder}/${name}`, text);
}

/** Writes a project's source distribution into a folder, and returns its path. */
export function writeSdist(folder: string, project: Project): string {
  const stem = `${project.name}-${project.version ?? "1.0"}`;
  writeProject(`${folder}/${stem}`, project);
  tool("tar", ["-C", folder, "-czf", `${folder}/${stem}.tar.gz`, stem]);
  Deno.removeSync(`${folder}/${stem}`, { recursive: true });
  return `${folder}/${stem}.tar.gz`;
}

/** Writes a project into a folder, and makes it a git repository. */
export function writeRepository(folder: string, project: Project): void {
  writeProject(folder, project);
  const git = ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.invalid"];
  tool("git", [...git, "init", "-q"]);
  tool("git", [...git, "add", "."]);
  tool("git", [...git, "commit", "-qm", "first"]);
}
