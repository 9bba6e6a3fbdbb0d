/** Carries out `aimodellib inspect`. */

import { readText, stat } from "../../files.ts";
import { createHash, type Hash } from "node:crypto";
import {
  collect,
  labelOf,
  type Manifest,
  MANIFEST_NAME,
  naming,
  Origin,
  readManifest,
  requirementsPath,
  type SafeEntry,
  scan,
  type ScanHandler,
} from "../../archive/mod.ts";
import { hideCredentials } from "../../credentials.ts";
import { decodeRequirements, writtenLines } from "../../environment/requirements_text.ts";
import { printable } from "../../printable.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { readArchive, type ReadOptions } from "../archives/scan.ts";
import { count, formatBytes } from "../terminal/format.ts";
import { tree } from "./tree.ts";

/** The options of the command. */
export interface InspectOptions extends ReadOptions {
  readonly manifest: boolean;
  readonly json: boolean;
}

/** An entry as `--json` shows it. */
interface ShownEntry extends Pick<SafeEntry, "path" | "kind" | "size" | "executable" | "target"> {
  /** The SHA-256 of a file's content, in hexadecimal digits. */
  readonly sha256?: string;
}

/** The result, as `--json` shows it. */
interface Inspection {
  readonly archive: string;
  readonly manifest: Manifest;
  readonly unknown: Readonly<Record<string, unknown>>;
  readonly requirements: readonly string[];
  readonly entries: readonly ShownEntry[];
  readonly bytes: number;
  /** Size and SHA-256 of the archive; undefined for a folder. */
  readonly packedBytes?: number;
  readonly sha256?: string;
  /** For a folder that `unpack` made: the archive's file name and SHA-256, and whether the content is still the archive's. */
  readonly origin?: { readonly archive?: string | undefined; readonly sha256: string; readonly holds: boolean };
}

/** What a signal prevents. */
const DONE = "read to its end";

/** Ends a scan as soon as it has found the manifest. */
class Found {
  constructor(readonly text: string) {}
}

/**
 * Shows the content of an archive or an unpacked folder.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive does not exist
 * @throws {ArchiveError} if it is not valid
 */
export async function runInspecting(options: InspectOptions, io: Io): Promise<number> {
  const isFolder = options.archive !== "-" && isDirectory(options.archive);
  if (options.manifest) {
    const text = isFolder ? readManifestText(options.archive) : await findManifest(options, io);
    io.stdoutJson(hideCredentials(text));
    return ExitCode.Success;
  }
  const inspection =
    await (isFolder
      ? naming(labelOf(options.archive), () => inspectFolder(options.archive))
      : inspectArchive(options, io));
  if (options.json) io.stdoutJson(hideCredentials(`${JSON.stringify(inspection, null, 2)}\n`));
  else io.stdout(hideCredentials(describe(inspection)));
  return ExitCode.Success;
}

async function findManifest(options: InspectOptions, io: Io): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let wanted = false;
  try {
    const handler: ScanHandler = {
      onEntry: ({ path }) => void (wanted = path === MANIFEST_NAME),
      onData: (bytes, start, end) =>
        void (wanted && (text += decoder.decode(bytes.subarray(start, end), { stream: true }))),
      onEnd() {
        if (wanted) throw new Found(text);
      },
    };
    await readArchive({ ...options, quiet: true }, DONE, io, (source, rest) => scan(source.read, handler, rest));
  } catch (error) {
    if (error instanceof Found) return error.text.endsWith("\n") ? error.text : `${error.text}\n`;
    throw error;
  }
  throw new Error("The scan accepted an archive without a manifest");
}

async function inspectArchive(options: InspectOptions, io: Io): Promise<Inspection> {
  const entries: ShownEntry[] = [];
  let hash: Hash | undefined;
  const handler: ScanHandler = {
    onEntry({ path, kind, size, executable, target }) {
      entries.push({ path, kind, size, executable, target });
      hash = kind === "file" ? createHash("sha256") : undefined;
    },
    onData: (bytes, start, end) => void hash?.update(bytes.subarray(start, end)),
    onEnd() {
      if (hash !== undefined) entries.push({ ...entries.pop()!, sha256: hash.digest("hex") });
    },
  };
  const { archive } = options;
  const { result } = await readArchive(options, DONE, io, (source, rest) => scan(source.read, handler, rest));
  const { manifest, unknown, requirements, bytes, packedBytes, sha256 } = result;
  return { archive, manifest, unknown, requirements: parse(requirements), entries, bytes, packedBytes, sha256 };
}

async function inspectFolder(folder: string): Promise<Inspection> {
  const { manifest, unknown } = readManifest(new TextEncoder().encode(readManifestText(folder)));
  const { entries, bytes } = collect(Deno.realPathSync(folder), () => false);
  const path = `${folder}/${requirementsPath(manifest)}`;
  const requirements = isFile(path) ? Deno.readFileSync(path) : undefined;
  const shown = entries.map(({ path, kind, size, executable, target }) => ({ path, kind, size, executable, target }));
  const origin = Origin.read(folder, manifest);
  return {
    archive: folder,
    manifest,
    unknown,
    requirements: parse(requirements),
    entries: shown,
    bytes,
    ...(origin && { origin: { archive: origin.archive, sha256: origin.sha256, holds: await origin.check() } }),
  };
}

function describe(
  { manifest, unknown, requirements, entries, bytes, packedBytes, sha256, origin }: Inspection,
): string {
  const lines = [
    "Manifest",
    ...Object.entries({ ...manifest, ...unknown }).map(([key, value]) =>
      `  ${printable(key)}: ${JSON.stringify(value)}`
    ),
    "",
    `Can train: ${manifest.trainingScript === null ? "no" : `yes, with ${printable(manifest.trainingScript)}`}`,
    `Can serve: ${manifest.servingScript === null ? "no" : `yes, with ${printable(manifest.servingScript)}`}`,
    "",
    requirements.length === 0 ? "No requirements" : "Requirements",
    ...requirements.map((line) => `  ${line}`),
    "",
    `Content: ${count(entries.length, "entry", "entries")}, ${formatBytes(bytes)}`,
    ...tree(entries).map((line) => `  ${line}`),
  ];
  if (packedBytes !== undefined) lines.push("", `Archive: ${formatBytes(packedBytes)}, sha256:${sha256}`);
  if (origin !== undefined) {
    const from = `${printable(origin.archive ?? "standard input")}, sha256:${origin.sha256}`;
    lines.push("", `Unpacked from ${from}${origin.holds ? "" : ", and changed since"}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The lines of a `requirements.txt` without comments and empty lines. */
function parse(requirements: Uint8Array | undefined): string[] {
  return requirements === undefined ? [] : writtenLines(decodeRequirements(requirements));
}

function readManifestText(folder: string): string {
  return readText(`${folder}/${MANIFEST_NAME}`, "manifest", "the folder is not an unpacked Model Archive");
}

function isDirectory(path: string): boolean {
  return stat(path)?.isDirectory ?? false;
}

function isFile(path: string): boolean {
  return stat(path)?.isFile ?? false;
}
