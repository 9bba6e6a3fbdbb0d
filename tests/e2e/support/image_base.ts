/** A root file system with this machine's Debian and a Python, the base of images in tests. It is made once and kept. */

import assert from "node:assert/strict";
import { py, ROOT } from "./sandbox.ts";

/** What the commands in our Dockerfiles need. apt-get adds what these packages depend on. */
const PACKAGES = ["base-files", "base-passwd", "coreutils", "dash", "passwd", "python3", "python3-venv"];

/** Paths that those commands don't need. Each tool that copies layers takes processor time for each file. */
const LEFT_OUT = ["usr/lib/*/gconv", "usr/lib/terminfo", "usr/share/ca-certificates"]
  .concat(["doc", "info", "lintian", "locale", "man", "perl5", "readline"].map((name) => `usr/share/${name}`))
  .concat(["idlelib", "lib2to3", "pydoc_data", "test", "unittest"].map((name) => `usr/lib/python3.*/${name}`));

/** Empties the wheel of setuptools, which ensurepip of Python 3.11 installs beside pip. That takes a second of processor time, for no test. */
const EMPTY_SETUPTOOLS = py`
  import glob, zipfile
  for path in glob.glob("/usr/share/python-wheels/setuptools-*.whl"):
      with zipfile.ZipFile(path) as wheel:
          kept = {name: wheel.read(name) for name in wheel.namelist() if name.endswith((".dist-info/METADATA", ".dist-info/WHEEL"))}
      folder = next(iter(kept)).split("/")[0]
      kept[f"{folder}/RECORD"] = "".join(f"{name},,\n" for name in [*kept, f"{folder}/RECORD"]).encode()
      with zipfile.ZipFile(path, "w") as wheel:
          for name, data in kept.items():
              wheel.writestr(name, data)
`;

/** The path of a tar archive of this file system, or the reason why it can't be made, such as no access to Debian's packages. */
export async function imageBase(): Promise<{ readonly path: string } | string> {
  try {
    return { path: await makeBase() };
  } catch (error) {
    return `no base for images can be made here: ${String(error).slice(0, 300).replaceAll(/\s+/g, " ")}`;
  }
}

async function makeBase(): Promise<string> {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(Deno.readTextFileSync("/etc/os-release"))![1]!;
  const path = `${ROOT}/.cache/image-base-small-${release}.tar`;
  try {
    if (Deno.statSync(path).isFile) return path;
  } catch {
    // It has not been made yet.
  }
  const folder = Deno.makeTempDirSync({ prefix: "image-base-" });
  try {
    await download(`${folder}/packages`);
    const excludes = LEFT_OUT.map((name) => `--exclude='./${name}'`).join(" ");
    await run("sh", "-euc", makeRoot(excludes), "sh", folder, EMPTY_SETUPTOOLS);
    await run("mv", `${folder}/base.tar`, `${path}.${Deno.pid}`);
    Deno.renameSync(`${path}.${Deno.pid}`, path);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  return path;
}

/** Downloads the packages, and all that they depend on: for apt-get, nothing is installed. */
async function download(folder: string): Promise<void> {
  Deno.mkdirSync(`${folder}/partial`, { recursive: true });
  const options = ["Dir::State::status=/dev/null", `Dir::Cache::archives=${folder}/`, "Debug::NoLocking=1"];
  // deno-fmt-ignore
  const words = [
    "apt-get", "install", "-qq", "--yes", "--download-only", "--no-install-recommends",
    ...options.flatMap((option) => ["-o", option]), ...PACKAGES,
  ];
  // The lists of packages may be missing, or older than the packages.
  await run("sh", "-c", '"$@" || { apt-get update -qq && "$@"; }', "sh", ...words);
}

/**
 * A script that unpacks the packages in `$1/packages`, runs the Python script `$2` and makes `$1/base.tar`. It does the little of the packages' configuration that is needed here:
 * debootstrap, which runs all of it, takes 15 times as long.
 */
function makeRoot(excludes: string): string {
  return `
    mkdir "$1/root"
    cd "$1/root"
    mkdir etc opt srv tmp usr
    chmod 1777 tmp
    for name in bin sbin lib lib64; do mkdir "usr/$name"; ln -s "usr/$name" "$name"; done
    for package in "$1/packages/"*.deb; do
      dpkg-deb --fsys-tarfile "$package" | tar --keep-directory-symlink ${excludes} -xf -
    done
    for name in passwd group; do cp "usr/share/base-passwd/$name.master" "etc/$name"; done
    chroot . python3 -m compileall -q /usr/lib/python3*
    chroot . python3 -c "$2"
    tar -cf "$1/base.tar" .
  `;
}

async function run(command: string, ...args: string[]): Promise<void> {
  // A proxy to Debian's packages is the caller's to name, so the rest of the environment stays.
  const env = { PATH: `${Deno.env.get("PATH")}:/usr/sbin:/sbin`, LC_ALL: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive" };
  const { success, stdout, stderr } = await new Deno.Command(command, { args, env }).output();
  const text = new TextDecoder();
  assert.ok(success, `${command}: ${text.decode(stdout).slice(-2000)}${text.decode(stderr)}`);
}
