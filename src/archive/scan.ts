/**
 * Reads an archive from beginning to end and checks all of it: gzip, tar, the safety rules, the manifest. The caller sees only entries
 * that passed the checks. Whether the whole archive is valid is known when scan() returns.
 */

import { createHash } from "node:crypto";
import { ArchiveError } from "./errors.ts";
import { type ByteSource, GzipReader } from "./gzip/reader.ts";
import { joinPath, MANIFEST_NAME, type ParsedManifest, parseManifest, requirementsPath } from "./manifest.ts";
import { type Limits, Rules, type SafeEntry } from "./rules.ts";
import { TarDecoder } from "./tar/decode.ts";

/** A manifest, a script or a list of requirements is not longer, in bytes. */
const MAX_TEXT_BYTES = 1024 * 1024;
/** And all those that may be one, until the manifest says which are. */
const MAX_KEPT_BYTES = 64 * MAX_TEXT_BYTES;

/** Whoever wants the content too. */
export interface ScanHandler {
  readonly onEntry?: (entry: SafeEntry) => void;
  readonly onData?: (bytes: Uint8Array) => void;
  /** All content of the entry named last was handed over. */
  readonly onEnd?: () => void;
  /** A promise to wait for before more is handed over. */
  readonly ready?: () => Promise<void> | undefined;
}

/** What a scan found out about a whole archive. */
export interface ScanResult extends ParsedManifest {
  readonly entries: number;
  /** Bytes of all files. */
  readonly bytes: number;
  /** Bytes of the archive, and its SHA-256 in hexadecimal digits. */
  readonly packedBytes: number;
  readonly sha256: string;
  /** Content of the module's `requirements.txt`; undefined if it has none. */
  readonly requirements: Uint8Array | undefined;
  /** Content of the scripts that the manifest names, by their paths from the archive's root. */
  readonly scripts: ReadonlyMap<string, Uint8Array>;
  /** Of all entries. */
  readonly paths: ReadonlySet<string>;
}

/** How it is read. */
export interface ScanOptions {
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
  /** Is told how many bytes of the archive were read. */
  readonly onProgress?: (packedBytes: number) => void;
  readonly witness?: Witness | undefined;
}

/** Who sees every byte of an archive, and may refuse it at the end, before anything takes its place. */
export interface Witness {
  update(bytes: Uint8Array): void;
  /** @throws {ArchiveError} if the archive is not to be trusted */
  verify?(): Promise<void>;
}

/**
 * Reads an archive to its end and checks all of it.
 *
 * @throws {ArchiveError} which says what is wrong with it, and names the entry
 */
export async function scan(
  source: ByteSource,
  handler: ScanHandler = {},
  { limits, signal, onProgress, witness }: ScanOptions = {},
): Promise<ScanResult> {
  const rules = new Rules(limits);
  const texts = new Texts();
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
    onData(bytes) {
      if (current === undefined) return;
      texts.add(bytes);
      handler.onData?.(bytes);
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

/** Keeps the few small files that say what an archive is. */
class Texts {
  readonly #paths = new Set<string>();
  readonly #kept = new Map<string, Uint8Array>();
  #parsed: ParsedManifest | undefined;
  /** Known with the manifest. */
  #wanted: ReadonlySet<string> | undefined;
  #keptBytes = 0;
  #current: { readonly path: string; readonly bytes: Uint8Array; filled: number } | undefined;

  begin({ path, kind, size }: SafeEntry): void {
    this.#paths.add(path);
    this.#current = undefined;
    if (kind !== "file" || !this.#isWanted(path)) return;
    if (size > MAX_TEXT_BYTES) {
      if (path === MANIFEST_NAME) throw new ArchiveError(`'${path}' is longer than ${MAX_TEXT_BYTES} bytes`);
      return;
    }
    this.#keptBytes += size;
    if (this.#keptBytes <= MAX_KEPT_BYTES) this.#current = { path, bytes: new Uint8Array(size), filled: 0 };
  }

  add(bytes: Uint8Array): void {
    if (this.#current === undefined) return;
    this.#current.bytes.set(bytes, this.#current.filled);
    this.#current.filled += bytes.length;
  }

  end(): void {
    if (this.#current === undefined) return;
    const { path, bytes } = this.#current;
    this.#kept.set(path, bytes);
    if (path !== MANIFEST_NAME) return;
    this.#parsed = parseManifest(bytes);
    const { manifest } = this.#parsed;
    const scripts = [manifest.trainingScript, manifest.servingScript].filter((script) => script !== null);
    this.#wanted = new Set([requirementsPath(manifest), ...scripts.map((script) => joinPath(manifest.module, script))]);
  }

  finish(): Pick<ScanResult, "manifest" | "unknown" | "requirements" | "scripts" | "paths"> {
    if (this.#parsed === undefined) throw new ArchiveError(this.#noManifest());
    const { manifest } = this.#parsed;
    const scripts = new Map<string, Uint8Array>();
    for (const key of ["trainingScript", "servingScript"] as const) {
      const script = manifest[key];
      if (script === null) continue;
      const path = joinPath(manifest.module, script);
      if (!this.#paths.has(path)) {
        throw new ArchiveError(`'${path}' is missing, and its ${MANIFEST_NAME} names it as ${key}`);
      }
      const content = this.#kept.get(path);
      if (content !== undefined) scripts.set(path, content);
    }
    if (manifest.modelDirectory !== undefined) {
      const folder = joinPath(manifest.modelDirectory);
      if (![...this.#paths].some((path) => path === folder || path.startsWith(`${folder}/`))) {
        throw new ArchiveError(`'${folder}' is missing, and its ${MANIFEST_NAME} names it as modelDirectory`);
      }
    }
    const requirements = this.#kept.get(requirementsPath(manifest));
    return { ...this.#parsed, requirements, scripts, paths: this.#paths };
  }

  /** When the manifest comes first, which it does in our archives, it is known what is wanted. */
  #isWanted(path: string): boolean {
    if (path === MANIFEST_NAME) return true;
    return this.#wanted?.has(path) ?? (path.endsWith(".py") || path.endsWith("requirements.txt"));
  }

  #noManifest(): string {
    const found = [...this.#paths].find((path) => path.toLowerCase().split("/").at(-1) === MANIFEST_NAME);
    const missing = `It has no ${MANIFEST_NAME} in its root, so it is no Model Archive`;
    return found === undefined ? missing : `${missing}; it has '${found}'`;
  }
}
