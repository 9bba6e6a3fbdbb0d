/** The private directory of one worker's start: its socket and its ledger lie there until both sides have them open. */

import { makeInPlace } from "../cache/temporary.ts";
import { AimodellibError } from "../errors.ts";
import { printable } from "../printable.ts";
import { MAX_SOCKET_PATH_BYTES } from "../unix_address.ts";
import { Meeting } from "./meeting.ts";

/** The most bytes that we append to the parent's path: `/aimodellib-` + 8 characters + `/bridge.sock`. */
const SUFFIX_BYTES = 40;

interface RuntimeDirOptions {
  readonly onlyPrivate?: boolean;
  readonly explain?: (reasons: string) => Error;
}

/**
 * A directory that only this user can enter (mode 0700), removed when disposed. If that fails, such as on NFS while files in
 * it are open, disposing it again removes it.
 */
export class RuntimeDir<Content> implements Disposable {
  private constructor(
    readonly path: string,
    /** The value that `fill` returned. */
    readonly content: Content,
  ) {}

  /**
   * Makes a directory in the first place whose path is short enough for a socket and in which `fill` succeeds, out of these:
   * `TMPDIR`, `XDG_RUNTIME_DIR`, `/tmp`, `/var/tmp`. Places that other users can change come last.
   *
   * @param fill creates the content; its error says why a place can't be used, such as a full disk
   * @param options `onlyPrivate`: use only places that no other user can change; `explain` makes the error from the places' reasons
   * @throws {Error} if no place can be used; the message gives each one's reason
   */
  static create<Content>(
    env: (name: string) => string | undefined,
    fill: (path: string) => Content,
    { onlyPrivate = false, explain = noPlace }: RuntimeDirOptions = {},
  ): RuntimeDir<Content> {
    const make = (dir: string) => {
      const path = Deno.makeTempDirSync({ dir, prefix: "aimodellib-" });
      try {
        Deno.chmodSync(path, 0o700);
        return new RuntimeDir(path, fill(path));
      } catch (error) {
        remove(path);
        throw error;
      }
    };
    return makeInPlace(env, { content: "sockets", onlyPrivate, unsuitable }, make, explain);
  }

  [Symbol.dispose](): void {
    remove(this.path);
  }
}

/**
 * Checks that workers can be started where no other user can replace their sockets and the files of a run.
 *
 * @throws {AimodellibError} if there is no such place; the message gives each place's reason
 */
export function demandPrivatePlace(env: (name: string) => string | undefined): void {
  const explain = (reasons: string) =>
    new AimodellibError(
      `--key needs a temporary folder that no other user can change: ${
        printable(reasons)
      }. Set TMPDIR to a folder, with a ` +
        "short path, that only you can write to, such as one in your home directory",
    );
  const directory = RuntimeDir.create(env, (path) => new Meeting(path), { onlyPrivate: true, explain });
  directory.content.abandon();
  directory[Symbol.dispose]();
}

function noPlace(reasons: string): Error {
  return new Error(`No directory for a Unix socket: ${reasons}. Set TMPDIR to a short path that can be written to`);
}

function unsuitable(path: string): string | undefined {
  return new TextEncoder().encode(path).length + SUFFIX_BYTES > MAX_SOCKET_PATH_BYTES
    ? "is too long for the path of a Unix socket"
    : undefined;
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // It is already removed, or can't be removed now. Nothing depends on it.
  }
}
