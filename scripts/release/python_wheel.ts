/** Makes the wheels: the executable for PATH, and the typed Python package (Binary Distribution Format, packaging.python.org). */

import { zip, type ZipFile } from "./zip.ts";

/** The content of a wheel. */
export interface WheelParts {
  readonly version: string;
  /** The platform tag, such as `manylinux_2_27_x86_64`. */
  readonly platform: string;
  readonly executable: Uint8Array;
  /** The Python package, with paths from `aimodellib/` on. */
  readonly package: readonly ZipFile[];
  /** The description, in Markdown. */
  readonly description: string;
  /** Texts of licences, by the names of their files. */
  readonly licences: Readonly<Record<string, string>>;
  /** The level of compression, from 0 to 9. */
  readonly level: number;
}

/** A file of a release. */
export interface ReleaseFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Makes the wheel for one machine. */
export async function wheel(parts: WheelParts): Promise<ReleaseFile> {
  const { version, platform, executable, description, licences } = parts;
  const tag = `py3-none-${platform}`;
  const info = `aimodellib-${version}.dist-info`;
  const text = (path: string, content: string): ZipFile => {
    return { path: `${info}/${path}`, bytes: new TextEncoder().encode(content), executable: false };
  };
  const files: ZipFile[] = [
    ...parts.package,
    { path: `aimodellib-${version}.data/scripts/aimodellib`, bytes: executable, executable: true },
    text("METADATA", metadata(version, description, Object.keys(licences))),
    text("WHEEL", `Wheel-Version: 1.0\nGenerator: aimodellib ${version}\nRoot-Is-Purelib: false\nTag: ${tag}\n`),
    ...Object.entries(licences).map(([name, content]) => text(`licenses/${name}`, content)),
  ];
  const lines: string[] = [];
  for (const { path, bytes } of files) lines.push(`${path},sha256=${await digest(bytes)},${bytes.length}\n`);
  const record = text("RECORD", `${lines.join("")}${info}/RECORD,,\n`);
  return { name: `aimodellib-${version}-${tag}.whl`, bytes: await zip([...files, record], parts.level) };
}

/** Core metadata 2.4 (packaging.python.org). */
function metadata(version: string, description: string, licences: readonly string[]): string {
  return [
    "Metadata-Version: 2.4",
    "Name: aimodellib",
    `Version: ${version}`,
    "Summary: Trains, packages and serves Python models with one executable",
    "License-Expression: MIT",
    ...licences.map((name) => `License-File: ${name}`),
    "Requires-Python: >=3.8",
    "Classifier: Operating System :: POSIX :: Linux",
    "Classifier: Typing :: Typed",
    "Description-Content-Type: text/markdown",
    "",
    description,
  ].join("\n");
}

async function digest(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return hash.toBase64({ alphabet: "base64url", omitPadding: true });
}
