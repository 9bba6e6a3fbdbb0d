/** The private directory of one worker's start: its socket and its ledger lie there until both sides have them open. */

import { messageOf } from "../errors.ts";

/** `sun_path` holds 108 bytes, including the terminating NUL byte (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

/** The most bytes that we append to the parent's path: `/aimodellib-` + 8 characters + `/bridge.sock`. */
const SUFFIX_BYTES = 40;

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
   * Makes a directory in the first writable place whose path is short enough for a socket and in which `fill` succeeds, out of
   * these: `TMPDIR`, `XDG_RUNTIME_DIR`, `/tmp`, `/var/tmp`.
   *
   * @param fill creates the content; its error says why a place can't be used, such as a full disk
   * @throws {Error} if no place can be used; the message gives each one's reason
   */
  static create<Content>(
    env: (name: string) => string | undefined,
    fill: (path: string) => Content,
  ): RuntimeDir<Content> {
    const failures: string[] = [];
    for (const parent of [env("TMPDIR"), env("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp"]) {
      if (!parent) continue;
      if (new TextEncoder().encode(parent).length + SUFFIX_BYTES > MAX_SOCKET_PATH_BYTES) {
        failures.push(`'${parent}' is too long for the path of a Unix socket`);
        continue;
      }
      let path: string | undefined;
      try {
        path = Deno.makeTempDirSync({ dir: parent, prefix: "aimodellib-" });
        Deno.chmodSync(path, 0o700);
        return new RuntimeDir(path, fill(path));
      } catch (error) {
        failures.push(`'${parent}': ${messageOf(error)}`);
        if (path !== undefined) remove(path);
      }
    }
    throw new Error(
      `No directory for a Unix socket: ${failures.join("; ")}. Set TMPDIR to a short path that can be written to`,
    );
  }

  [Symbol.dispose](): void {
    remove(this.path);
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // It is already removed, or can't be removed now. Nothing depends on it.
  }
}
