/** A Python beside the load, which runs until it is told to end, and then prints what it saw. */

/** A helper that runs. */
export class Helper<Report> implements Disposable {
  readonly #child: Deno.ChildProcess;
  #over = false;

  /** @param script its path, and then what it is told */
  constructor(python: string, ...words: readonly string[]) {
    this.#child = new Deno.Command(python, {
      args: [...words],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  }

  /** Ends it. @throws {Error} if it fails */
  async end(): Promise<Report> {
    await this.#child.stdin.close();
    const { success, stdout } = await this.#child.output();
    this.#over = true;
    if (!success) throw new Error("A helper of the soak failed.");
    return JSON.parse(new TextDecoder().decode(stdout));
  }

  [Symbol.dispose](): void {
    if (!this.#over) this.#child.kill("SIGKILL");
  }
}

/** What `health.py` prints. */
export interface Health {
  readonly asked: number;
  readonly worst_s: number;
  readonly faults: readonly string[];
}

/** What `hostile.py` prints. */
export interface Hostile {
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}
