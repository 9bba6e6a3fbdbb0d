/** The private directory of one worker's start: its socket and its ledger lie there until both sides have them open. */

/** `sun_path` holds 108 bytes, the closing zero among them (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

/** What is added to the parent's path, at the most: `/aimodellib-` + 8 characters + `/bridge.sock`. */
const SUFFIX_BYTES = 40;

/** A directory that only this user can enter (mode 0700), removed when disposed. */
export class RuntimeDir implements Disposable {
  private constructor(readonly path: string) {}

  /**
   * Makes one in the first place that can be written to and whose path is short enough for a socket: `TMPDIR`,
   * `XDG_RUNTIME_DIR`, `/tmp`, `/var/tmp`.
   *
   * @throws {Error} if none can be used; the message says why for each
   */
  static create(env: (name: string) => string | undefined): RuntimeDir {
    const failures: string[] = [];
    for (const parent of [env("TMPDIR"), env("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp"]) {
      if (!parent) continue;
      if (new TextEncoder().encode(parent).length + SUFFIX_BYTES > MAX_SOCKET_PATH_BYTES) {
        failures.push(`'${parent}' is too long for the path of a Unix socket`);
        continue;
      }
      try {
        const path = Deno.makeTempDirSync({ dir: parent, prefix: "aimodellib-" });
        Deno.chmodSync(path, 0o700);
        return new RuntimeDir(path);
      } catch (error) {
        failures.push(`'${parent}': ${error instanceof Error ? error.message : error}`);
      }
    }
    throw new Error(
      `No directory for a Unix socket: ${failures.join("; ")}. Set TMPDIR to a short path that can be written to`,
    );
  }

  [Symbol.dispose](): void {
    try {
      Deno.removeSync(this.path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
