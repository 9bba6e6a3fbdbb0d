/** Makes the files of a release. Their bytes depend only on the source tree and the executables. */

import { formatSignature, Signer } from "../../src/archive/mod.ts";
import type { SecretKey } from "../../src/archive/sign/secret_key.ts";
import { completionScript } from "../../src/cli/completion/action.ts";
import { VERSION } from "../../src/version.ts";
import { sha256 } from "../build/hash.ts";
import type { Target } from "../build/targets.ts";
import { LEVEL } from "./deflate.ts";
import { neededGlibc } from "./glibc.ts";
import { type ReleaseFile, wheel } from "./python_wheel.ts";
import { tarball } from "./tarball.ts";
import { billOfMaterials, licenceTexts, thirdParties } from "./third_parties.ts";
import type { ZipFile } from "./zip.ts";

/** A built executable. */
export interface Executable {
  readonly target: Target;
  readonly path: string;
}

const SHELLS = { bash: "aimodellib.bash", zsh: "_aimodellib", fish: "aimodellib.fish" } as const;

/**
 * Makes all files of a release; `SHA256SUMS` lists the others, sorted by name.
 *
 * @param root the project's root
 * @param secret the key that signs `SHA256SUMS`; undefined for no signature
 * @param level of compression, from 0 to 9
 */
export async function releaseFiles(
  root: string,
  executables: readonly Executable[],
  secret: SecretKey | undefined,
  level: number = LEVEL,
): Promise<readonly ReleaseFile[]> {
  const files: ReleaseFile[] = [];
  const components = await thirdParties(root);
  const licences = {
    LICENSE: Deno.readTextFileSync(`${root}/LICENSE`),
    "THIRD_PARTY_LICENSES.txt": licenceTexts(components),
  };
  const shared = [
    ...Object.entries(licences).map(([path, text]) => textFile(path, text)),
    ...folder(`${root}/docs/man`, "share/man/man1/"),
    textFile("share/systemd/aimodellib.service", Deno.readTextFileSync(`${root}/docs/aimodellib.service`)),
    ...["alerts.yml", "grafana.json"].map((name) =>
      textFile(`share/aimodellib/${name}`, Deno.readTextFileSync(`${root}/docs/${name}`))
    ),
    ...completions(),
  ];
  for (const executable of executables) files.push(...await filesFor(root, executable, shared, licences, level));
  files.push(asFile(`aimodellib-${VERSION}.cdx.json`, billOfMaterials(VERSION, components)));
  files.push({ name: "install.sh", bytes: Deno.readFileSync(`${root}/scripts/install.sh`) });
  files.sort((a, b) => a.name < b.name ? -1 : 1);
  const sums: string[] = [];
  for (const { name, bytes } of files) sums.push(`${await sha256(bytes)}  ${name}\n`);
  files.push(asFile("SHA256SUMS", sums.join("")));
  if (secret !== undefined) {
    const signer = new Signer();
    signer.update(files.at(-1)!.bytes);
    const comments = { trusted: `aimodellib ${VERSION}`, untrusted: "signature of SHA256SUMS" };
    files.push(asFile("SHA256SUMS.minisig", formatSignature(await signer.sign(secret, comments))));
  }
  return files;
}

async function filesFor(
  root: string,
  { target, path }: Executable,
  shared: readonly ZipFile[],
  licences: Readonly<Record<string, string>>,
  level: number,
): Promise<readonly ReleaseFile[]> {
  const executable = Deno.readFileSync(path);
  const stem = `aimodellib-${VERSION}-${target.name}`;
  const [major, minor] = neededGlibc(executable);
  const program: ZipFile = { path: "bin/aimodellib", bytes: executable, executable: true };
  const packed = [program, ...shared].map((file) => ({ ...file, path: `${stem}/${file.path}` }));
  return [
    { name: stem, bytes: executable },
    { name: `${stem}.tar.gz`, bytes: await tarball(packed, level) },
    await wheel({
      version: VERSION,
      platform: `manylinux_${major}_${minor}_${target.name.split("-")[0]}`,
      executable,
      package: pythonPackage(`${root}/python/aimodellib`, "aimodellib/"),
      description: Deno.readTextFileSync(`${root}/python/README.md`),
      licences,
      level,
    }),
  ];
}

/** Returns the files of the Python package: its sources, and the marker `py.typed`. */
function pythonPackage(from: string, to: string): readonly ZipFile[] {
  return sorted(from).flatMap(({ name, isDirectory, isFile }) => {
    if (isDirectory) return name === "__pycache__" ? [] : pythonPackage(`${from}/${name}`, `${to}${name}/`);
    if (!isFile || !(name.endsWith(".py") || name === "py.typed")) return [];
    return [{ path: `${to}${name}`, bytes: Deno.readFileSync(`${from}/${name}`), executable: false }];
  });
}

function folder(from: string, to: string): readonly ZipFile[] {
  return sorted(from).map(({ name }) => {
    return { path: `${to}${name}`, bytes: Deno.readFileSync(`${from}/${name}`), executable: false };
  });
}

function sorted(path: string): readonly Deno.DirEntry[] {
  return [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1);
}

function completions(): readonly ZipFile[] {
  return Object.entries(SHELLS).map(([shell, name]) =>
    textFile(`share/completions/${name}`, completionScript(shell as keyof typeof SHELLS))
  );
}

function textFile(path: string, text: string): ZipFile {
  return { path, bytes: new TextEncoder().encode(text), executable: false };
}

function asFile(name: string, text: string): ReleaseFile {
  return { name, bytes: new TextEncoder().encode(text) };
}
