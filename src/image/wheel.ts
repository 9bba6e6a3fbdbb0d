/** Installs wheels into the layer of a virtual environment, as "Binary distribution format" of PyPA describes, without pip or Python. */

import { hashFile, RESOLVED_NAME } from "../archive/mod.ts";
import type { BasePython } from "./find_python.ts";
import { ImageError } from "./errors.ts";
import type { LayerWriter } from "./layer.ts";
import { Zip, type ZipEntry } from "./zip.ts";

/** Where the environment lies in the image, without the first slash. */
const VENV = "opt/venv";

/** A file of the environment. */
interface Installed {
  readonly size: number;
  readonly executable: boolean;
  readonly read: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** The longest script or text of a wheel that is read into memory, in bytes. */
const MAX_TEXT_BYTES = 1024 * 1024;

/**
 * The paths of the wheels that a folder's list names.
 *
 * @throws {ImageError} if a wheel of the list is missing or has another hash
 */
export function wheelsOfList(folder: string): string[] {
  const byHash = new Map(
    [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".whl")).map(({ name }) => {
      return [hashFile(`${folder}/${name}`), name];
    }),
  );
  const lines = Deno.readTextFileSync(`${folder}/${RESOLVED_NAME}`).split("\n").filter((line) => /\S/.test(line));
  return lines.map((line) => {
    const [, hash] = / --hash=sha256:([0-9a-f]{64})$/.exec(line) ?? [];
    const name = hash === undefined ? undefined : byHash.get(hash);
    if (name === undefined) {
      throw new ImageError(
        `The archive's ${RESOLVED_NAME} lists '${line}', and no wheel in the archive has this hash: package it again`,
      );
    }
    return `${folder}/${name}`;
  }).sort();
}

/**
 * Refuses a wheel for another Python, processor or C library.
 *
 * @param architecture in the words of OCI, such as `amd64`
 * @throws {ImageError} if the wheel does not run there
 */
export function checkTags(name: string, { version }: BasePython, architecture: string): void {
  const [pythons = "", abis = "", platforms = ""] = name.slice(0, -".whl".length).split("-").slice(-3);
  const minor = Number(version.slice("3.".length));
  const isStable = abis.split(".").includes("abi3");
  const suits = pythons.split(".").some((tag) => {
    const [, kind, tagMinor] = /^(cp|py)3(\d*)$/.exec(tag) ?? [];
    if (kind === undefined) return false;
    if (tagMinor === "") return true;
    return kind === "py" || isStable || abis === "none" ? Number(tagMinor) <= minor : Number(tagMinor) === minor;
  });
  if (!suits) {
    throw new ImageError(
      `${name} is not for Python ${version}, which the base has: choose a base with the Python of the wheels, or package with ` +
        `--python-version ${version}`,
    );
  }
  const machine = architecture === "amd64" ? "x86_64" : architecture === "arm64" ? "aarch64" : architecture;
  const runs = platforms.split(".").some((tag) => {
    return tag === "any" || ((tag.startsWith("manylinux") || tag.startsWith("linux_")) && tag.endsWith(`_${machine}`));
  });
  if (!runs) {
    throw new ImageError(
      `${name} is not for Linux on ${machine} with glibc: package with --platform manylinux_2_28_${machine}, for example`,
    );
  }
}

/** The files of an environment, by their paths in it. */
export class Venv implements Disposable {
  readonly #python: BasePython;
  readonly #files = new Map<string, Installed>();
  readonly #zips: Zip[] = [];
  /** The most bytes that all wheels may unpack to. */
  readonly #maxSize: number;
  #bytes = 0;

  constructor(python: BasePython, maxSize: number) {
    this.#python = python;
    this.#maxSize = maxSize;
  }

  /** About how many bytes the environment has. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a wheel. @throws {ImageError} if it is not valid */
  async add(path: string): Promise<void> {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const zip = new Zip(path, name);
    this.#zips.push(zip);
    const info = zip.entries.map(({ path }) => path.split("/")).find(([folder, file]) => {
      return folder!.endsWith(".dist-info") && file === "WHEEL";
    })?.[0];
    if (info === undefined) throw new ImageError(`${name} is not a wheel: it lacks a WHEEL file`);
    const version = /^Wheel-Version: *(\d+)\./m.exec(await textOf(zip.entries, `${info}/WHEEL`) ?? "")?.[1];
    if (version !== "1") {
      throw new ImageError(
        `${name} has version ${version ?? "(none)"} of the wheel format, and only version 1 is known`,
      );
    }
    const data = `${info.slice(0, -".dist-info".length)}.data`;
    for (const entry of zip.entries) {
      if (!entry.path.endsWith("/")) await this.#place(entry, name, data);
    }
    this.#text(`${this.#site}/${info}/INSTALLER`, "aimodellib\n");
    for (
      const [script, code] of scriptsOf(await textOf(zip.entries, `${info}/entry_points.txt`) ?? "", this.#shebang)
    ) {
      this.#text(`bin/${script}`, code, true);
    }
  }

  /** Writes the environment into a layer. */
  async write(writer: LayerWriter): Promise<void> {
    const { path } = this.#python;
    const home = path.slice(0, path.lastIndexOf("/"));
    this.#text(
      "pyvenv.cfg",
      `home = ${home}\ninclude-system-site-packages = true\nversion = ${this.#python.version}\n`,
    );
    await writer.folder(`${VENV}/${this.#site}`);
    await writer.link(`${VENV}/lib64`, "lib");
    await writer.link(`${VENV}/bin/python`, path);
    await writer.link(`${VENV}/bin/python3`, "python");
    await writer.link(`${VENV}/bin/python${this.#python.version}`, "python");
    for (const name of [...this.#files.keys()].sort()) {
      const { size, executable, read } = this.#files.get(name)!;
      await writer.file({ path: `${VENV}/${name}`, size, executable }, read());
    }
  }

  [Symbol.dispose](): void {
    for (const zip of this.#zips) zip[Symbol.dispose]();
  }

  get #site(): string {
    return `lib/python${this.#python.version}/site-packages`;
  }

  get #shebang(): string {
    return `#!/${VENV}/bin/python`;
  }

  async #place(entry: ZipEntry, wheel: string, data: string): Promise<void> {
    const parts = entry.path.split("/");
    if (parts.some((part) => part === "" || part === "." || part === ".." || /[\\\0]/.test(part))) {
      throw new ImageError(`${wheel} contains '${entry.path}', which is not a path inside a wheel`);
    }
    this.#bytes += entry.size;
    if (this.#bytes > this.#maxSize) {
      throw new ImageError(`${wheel} makes the environment larger than --max-size, ${this.#maxSize} bytes`);
    }
    const { size, executable } = entry;
    const read = () => entry.read();
    if (parts[0] !== data || parts.length < 3) {
      this.#files.set(`${this.#site}/${entry.path}`, { size, executable, read });
      return;
    }
    const rest = parts.slice(2).join("/");
    switch (parts[1]) {
      case "purelib":
      case "platlib":
        this.#files.set(`${this.#site}/${rest}`, { size, executable, read });
        break;
      case "scripts":
        await this.#script(entry, rest);
        break;
      case "data":
        this.#files.set(rest, { size, executable, read });
        break;
      case "headers":
        this.#files.set(`include/site/python${this.#python.version}/${wheel.split("-")[0]}/${rest}`, {
          size,
          executable,
          read,
        });
        break;
      default:
        throw new ImageError(`${wheel} contains '${entry.path}', and the wheel format has no such folder`);
    }
  }

  /** Adds a program. One that begins with `#!python` runs with the environment's Python. */
  async #script(entry: ZipEntry, name: string): Promise<void> {
    if (entry.size <= MAX_TEXT_BYTES) {
      const bytes = await bytesOf(entry);
      const line = new TextDecoder("latin1").decode(bytes.subarray(0, 256)).split("\n")[0]!;
      if (/^#!pythonw?\b/.test(line)) {
        const first = new TextEncoder().encode(line.replace(/^#!pythonw?/, this.#shebang));
        const content = [first, bytes.subarray(line.length)];
        this.#files.set(`bin/${name}`, {
          size: first.length + bytes.length - line.length,
          executable: true,
          read: () => content,
        });
        return;
      }
    }
    this.#files.set(`bin/${name}`, { size: entry.size, executable: true, read: () => entry.read() });
  }

  #text(path: string, text: string, executable = false): void {
    const bytes = new TextEncoder().encode(text);
    this.#files.set(path, { size: bytes.length, executable, read: () => [bytes] });
  }
}

/** The programs of `entry_points.txt`: their names and codes. */
function scriptsOf(text: string, shebang: string): [name: string, code: string][] {
  const scripts: [string, string][] = [];
  let section = "";
  for (const line of text.split(/\r?\n/)) {
    section = /^\s*\[(.*)\]\s*$/.exec(line)?.[1]?.trim() ?? section;
    if (section !== "console_scripts" && section !== "gui_scripts") continue;
    const [, name, module, call] = /^\s*([\w.-]+)\s*=\s*([\w.]+)\s*:\s*([\w.]+)\s*(?:\[.*\])?\s*$/.exec(line) ?? [];
    if (name === undefined) continue;
    const [first] = call!.split(".");
    scripts.push([
      name,
      `${shebang}\nimport sys\nfrom ${module} import ${first}\nif __name__ == "__main__":\n    sys.exit(${call}())\n`,
    ]);
  }
  return scripts;
}

async function textOf(entries: readonly ZipEntry[], path: string): Promise<string | undefined> {
  const entry = entries.find((entry) => entry.path === path);
  if (entry === undefined) return undefined;
  if (entry.size > MAX_TEXT_BYTES) throw new ImageError(`'${path}' of a wheel has more than ${MAX_TEXT_BYTES} bytes`);
  return new TextDecoder().decode(await bytesOf(entry));
}

async function bytesOf(entry: ZipEntry): Promise<Uint8Array> {
  const bytes = new Uint8Array(entry.size);
  let filled = 0;
  for await (const chunk of entry.read()) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}
