/** Makes the note of an archive's origin (see `origin.ts`) while the archive is unpacked. */

import { createHash, type Hash } from "node:crypto";
import { digestOf, fileOf, linkTo } from "./content_digest.ts";
import { leftByRuns } from "./left_by_runs.ts";
import { isWheel, type Note } from "./origin.ts";
import type { SafeEntry } from "./rules.ts";
import type { ScanHandler, ScanResult } from "./scan.ts";
import { Digests } from "./sha256/digests.ts";

/** A digest has this many hexadecimal digits. */
const HEX_DIGITS = 64;

/** Passes entries on to another handler, and records their digests for the note. */
export class OriginRecorder implements ScanHandler {
  readonly #writer: ScanHandler;
  /** For each path, the index of the file's digest; for a symbolic link, what its line says. */
  readonly #content = new Map<string, number | string>();
  readonly #digests = new Digests();
  /** The file whose content comes next, and the hash of what has come, unless all of it comes at once. */
  #file: SafeEntry | undefined;
  #hash: Hash | undefined;

  constructor(writer: ScanHandler) {
    this.#writer = writer;
  }

  onEntry(entry: SafeEntry): void {
    this.#writer.onEntry?.(entry);
    const { path, kind, target } = entry;
    if (kind === "file") this.#file = entry;
    else if (kind === "symlink") this.#content.set(path, linkTo(target));
    // A hard link names an earlier file.
    else if (kind === "hardlink") this.#content.set(path, this.#content.get(target)!);
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#writer.onData?.(bytes, start, end);
    const { path, size } = this.#file!;
    if (end - start === size && size <= this.#digests.maxSmall) {
      this.#content.set(path, this.#digests.addSmall(bytes, start, end));
      this.#file = undefined;
    } else {
      this.#hash ??= createHash("sha256");
      this.#hash.update(bytes.subarray(start, end));
    }
  }

  onEnd(): void {
    this.#writer.onEnd?.();
    if (this.#file === undefined) return;
    const digest = this.#hash ?? createHash("sha256");
    this.#content.set(this.#file.path, this.#digests.add(digest.digest()));
    this.#file = undefined;
    this.#hash = undefined;
  }

  ready(): Promise<void> | undefined {
    return this.#writer.ready?.();
  }

  /** The text of the note; call it after the last entry. @param archive its path, or `-` */
  note(archive: string, { manifest, sha256, paths: all }: Pick<ScanResult, "manifest" | "sha256" | "paths">): string {
    const paths = [...this.#content.keys()].sort();
    const hex = this.#digests.toHex();
    const whatOf = (path: string) => {
      const what = this.#content.get(path)!;
      return typeof what === "string" ? what : fileOf(hex.slice(what * HEX_DIGITS, (what + 1) * HEX_DIGITS));
    };
    const content = digestOf(paths, whatOf);
    const note: Note = {
      archive: archive === "-" ? null : archive.slice(archive.lastIndexOf("/") + 1),
      sha256,
      content,
      withoutWheels: paths.some(isWheel) ? digestOf(paths.filter((path) => !isWheel(path)), whatOf) : content,
      also: paths.filter(leftByRuns(all, manifest)),
    };
    return `${JSON.stringify(note, null, 2)}\n`;
  }
}
