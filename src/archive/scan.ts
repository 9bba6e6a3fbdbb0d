/**
 * Reads an archive from beginning to end and checks all of it: gzip, tar, the safety rules, the manifest. The caller sees only entries
 * that passed the checks. Whether the whole archive is valid is known when scan() returns.
 */

import { createHash } from "node:crypto";
import { ArchiveError } from "./errors.ts";
import { type ByteSource, GzipReader } from "./gzip/reader.ts";
import { followLink } from "./links.ts";
import {
  joinPath,
  type Manifest,
  MANIFEST_NAME,
  type ParsedManifest,
  readManifest,
  REQUIREMENTS_NAME,
  requirementsPath,
} from "./manifest.ts";
import { type Limits, Rules, type SafeEntry } from "./rules.ts";
import { TarDecoder } from "./tar/decode.ts";

/** The longest manifest, script or list of requirements that is kept, in bytes. */
const MAX_TEXT_BYTES = 1024 * 1024;
/** The most bytes of all files that may be one of these, kept until the manifest says which are. */
const MAX_KEPT_BYTES = 64 * MAX_TEXT_BYTES;
/** The most bytes of all other files to which a link with the name of one of these may lead. Data sets may have many. */
const MAX_OTHER_BYTES = 8 * MAX_TEXT_BYTES;

/** Receives the entries of an archive during a scan; any exception ends the scan. */
export interface ScanHandler {
  readonly onEntry?: (entry: SafeEntry) => void;
  /** Gets some of the content of the latest entry: `bytes` from `start` to `end`. */
  readonly onData?: (bytes: Uint8Array, start: number, end: number) => void;
  /** Is called after the last of that content. */
  readonly onEnd?: () => void;
  /** The scan waits for this promise before it passes on more. */
  readonly ready?: () => Promise<void> | undefined;
}

/** What a scan found in a valid archive. */
export interface ScanResult extends ParsedManifest {
  readonly entries: number;
  /** The size of all files together. */
  readonly bytes: number;
  /** The archive's size in bytes, and its SHA-256 in hexadecimal digits. */
  readonly packedBytes: number;
  readonly sha256: string;
  /** Whether the module has a `requirements.txt`. */
  readonly hasRequirements: boolean;
  /** The content of the module's `requirements.txt`; undefined without one, and if it is too long or a link to a file of another kind. */
  readonly requirements: Uint8Array | undefined;
  /** The content of the scripts that the manifest names, by path relative to the archive's root. */
  readonly scripts: ReadonlyMap<string, Uint8Array>;
  /** The paths of all entries. */
  readonly paths: ReadonlySet<string>;
}

/** How an archive is read. */
export interface ScanOptions {
  /** @default {@linkcode DEFAULT_LIMITS} */
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
  /** Is called with the number of bytes of the archive that were read so far. */
  readonly onProgress?: (packedBytes: number) => void;
  readonly witness?: Witness | undefined;
  /** The manifest of an archive that has none. Without this, such an archive is refused. */
  readonly defaultManifest?: Manifest | undefined;
}

/** Sees every byte of an archive, and may reject it at the end, before its content is used. */
export interface Witness {
  update(bytes: Uint8Array): void;
  /** Is called after the last byte. @throws {ArchiveError} to reject the archive */
  verify?(): Promise<void>;
}

/**
 * Reads an archive to its end and checks all of it.
 *
 * @throws {ArchiveError} with the first fault, without the archive's name
 */
export async function scan(
  source: ByteSource,
  handler: ScanHandler = {},
  { limits, signal, onProgress, witness, defaultManifest }: ScanOptions = {},
): Promise<ScanResult> {
  const rules = new Rules(limits);
  const texts = new Texts(defaultManifest);
  const hash = createHash("sha256");
  let packedBytes = 0;
  const gzip = new GzipReader(source, (bytes) => {
    hash.update(bytes);
    witness?.update(bytes);
    packedBytes += bytes.length;
  });
  let current: SafeEntry | undefined;
  const tar = new TarDecoder({
    onEntry(entry) {
      current = rules.check(entry);
      if (current === undefined) return;
      texts.begin(current);
      handler.onEntry?.(current);
    },
    onData(bytes, start, end) {
      if (current === undefined) return;
      texts.add(bytes, start, end);
      handler.onData?.(bytes, start, end);
    },
    onEnd() {
      if (current === undefined) return;
      texts.end();
      handler.onEnd?.();
    },
  });
  let unpackedBytes = 0;
  for await (const chunk of gzip.read()) {
    signal?.throwIfAborted();
    unpackedBytes += chunk.length;
    rules.checkRatio(unpackedBytes, gzip.consumed);
    tar.push(chunk);
    await handler.ready?.();
    onProgress?.(packedBytes);
  }
  tar.finish();
  rules.finish();
  await witness?.verify?.();
  const { entries, bytes } = rules.counted;
  return { ...texts.finish(), entries, bytes, packedBytes, sha256: hash.digest("hex") };
}

/** Keeps the manifest, the scripts and the requirements of an archive while it is scanned. */
class Texts {
  readonly #paths = new Set<string>();
  readonly #kept = new Map<string, Uint8Array>();
  /** The targets of symbolic links and of hard links, by the links' paths. */
  readonly #symlinks = new Map<string, string>();
  readonly #hardlinks = new Map<string, string>();
  #parsed: ParsedManifest | undefined;
  /** The paths that the manifest names, once it was read. */
  #wanted: ReadonlySet<string> = new Set([MANIFEST_NAME]);
  #keptBytes = 0;
  #otherBytes = 0;
  #current: { readonly path: string; readonly bytes: Uint8Array; filled: number } | undefined;
  readonly #defaultManifest: Manifest | undefined;

  constructor(defaultManifest: Manifest | undefined) {
    this.#defaultManifest = defaultManifest;
  }

  begin({ path, kind, size, target }: SafeEntry): void {
    this.#paths.add(path);
    this.#current = undefined;
    if (kind === "symlink") this.#symlinks.set(path, target);
    else if (kind === "hardlink") this.#hardlinks.set(path, target);
    if (kind !== "file" || !this.#isKept(path, size)) return;
    this.#current = { path, bytes: new Uint8Array(size), filled: 0 };
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#current === undefined) return;
    this.#current.bytes.set(bytes.subarray(start, end), this.#current.filled);
    this.#current.filled += end - start;
  }

  end(): void {
    if (this.#current === undefined) return;
    const { path, bytes } = this.#current;
    this.#kept.set(path, bytes);
    if (path !== MANIFEST_NAME) return;
    this.#parsed = readManifest(bytes);
    const { manifest } = this.#parsed;
    const scripts = [manifest.trainingScript, manifest.servingScript].filter((script) => script !== null);
    this.#wanted = new Set([requirementsPath(manifest), ...scripts.map((script) => joinPath(manifest.module, script))]);
  }

  finish(): Pick<ScanResult, "manifest" | "unknown" | "hasRequirements" | "requirements" | "scripts" | "paths"> {
    const parsed = this.#parsed ?? (this.#defaultManifest && { manifest: this.#defaultManifest, unknown: {} });
    if (parsed === undefined) throw new ArchiveError(this.#noManifest());
    const { manifest } = parsed;
    const scripts = new Map<string, Uint8Array>();
    for (const key of ["trainingScript", "servingScript"] as const) {
      const script = manifest[key];
      if (script === null) continue;
      const path = joinPath(manifest.module, script);
      if (!this.#paths.has(path)) {
        throw new ArchiveError(`lacks '${path}', the ${key} in its ${MANIFEST_NAME}`);
      }
      const content = this.#contentOf(path);
      if (content !== undefined) scripts.set(path, content);
    }
    if (manifest.modelDirectory !== undefined) {
      const folder = joinPath(manifest.modelDirectory);
      if (![...this.#paths].some((path) => path === folder || path.startsWith(`${folder}/`))) {
        throw new ArchiveError(`lacks '${folder}', the modelDirectory in its ${MANIFEST_NAME}`);
      }
    }
    const requirements = requirementsPath(manifest);
    return {
      ...parsed,
      hasRequirements: this.#paths.has(requirements),
      requirements: this.#contentOf(requirements),
      scripts,
      paths: this.#paths,
    };
  }

  /**
   * Whether a file is kept: one that the manifest names, and others that may be named by a manifest that comes later, or to which a link may
   * lead.
   */
  #isKept(path: string, size: number): boolean {
    if (size > MAX_TEXT_BYTES) {
      if (path === MANIFEST_NAME) throw new ArchiveError(`has a ${path} of more than ${MAX_TEXT_BYTES} bytes`);
      return false;
    }
    if (this.#wanted.has(path)) return true;
    if (this.#parsed === undefined && (path.endsWith(".py") || path.endsWith(REQUIREMENTS_NAME))) {
      this.#keptBytes += size;
      return this.#keptBytes <= MAX_KEPT_BYTES;
    }
    if (!path.endsWith(".py") && !path.endsWith(".txt")) return false;
    this.#otherBytes += size;
    return this.#otherBytes <= MAX_OTHER_BYTES;
  }

  /** The content of a file, or of the file that a link leads to; undefined if it was not kept. */
  #contentOf(path: string): Uint8Array | undefined {
    const found = this.#symlinks.has(path) ? followLink(path, this.#symlinks) : { path };
    let file: string | undefined = found.path;
    while (file !== undefined && this.#hardlinks.has(file)) file = this.#hardlinks.get(file);
    return file === undefined ? undefined : this.#kept.get(file);
  }

  #noManifest(): string {
    if (this.#paths.has(MANIFEST_NAME)) {
      return `has a ${MANIFEST_NAME} that is a link or a folder; a Model Archive needs a file`;
    }
    const found = [...this.#paths].find((path) => path.toLowerCase().split("/").at(-1) === MANIFEST_NAME);
    const missing = `has no ${MANIFEST_NAME} in its root; a Model Archive needs one`;
    return found === undefined ? missing : `${missing} (there is a '${found}')`;
  }
}
