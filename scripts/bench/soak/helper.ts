/** Runs a Python script beside the load. When its standard input ends, the script prints its report as JSON. */

/** A running script. */
export class Helper<Report> implements Disposable {
  readonly #child: Deno.ChildProcess;
  #over = false;

  /** @param words the path of the script, and its arguments */
  constructor(python: string, ...words: readonly string[]) {
    this.#child = new Deno.Command(python, {
      args: [...words],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  }

  /** Ends the script, and returns its report. @throws {Error} if it fails */
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

/** The report of `health.py`. */
export interface Health {
  readonly asked: number;
  readonly worst_s: number;
  readonly faults: readonly string[];
}

/** The report of `hostile.py`. */
export interface Hostile {
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}
