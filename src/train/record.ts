/**
 * The record of a run: `run.json`, beside its log. Written when the run begins and again when it ends, so that one without an end
 * is of a run that was killed. The record of the run before it is kept as `run.START.json`.
 */

import { FileBeside } from "../archive/mod.ts";
import { ANSWER_LIMIT_MS, type Assets, runChild } from "../bridge/mod.ts";
import { VERSION } from "../version.ts";

/** Enough to repeat a run. */
export interface RunRecord {
  /** The version of this program. */
  readonly aimodellib: string;
  /** What it was started with. */
  readonly command: readonly string[];
  readonly workingDirectory: string;
  /** The archive's name and digest; not there for a module. */
  readonly archive?: { readonly name: string; readonly sha256?: string };
  /** Absolute paths. */
  readonly module: string;
  readonly script: string;
  readonly modelDir: string;
  readonly log: string;
  readonly host: { readonly name: string; readonly system: string; readonly processors: number };
  /** The Python that it ran with. */
  readonly python: {
    readonly path: string;
    readonly version?: string;
    /** Versions by name. */
    readonly packages?: Readonly<Record<string, string>>;
  };
  /** ISO 8601, in UTC. */
  readonly start: string;
  readonly end?: string;
  /** The exit code, and why it is not 0; not there while it runs. */
  readonly outcome?: { readonly code: number; readonly message?: string };
}

/** A record that is being kept. */
export class RunRecorder {
  readonly #path: string;
  #record: RunRecord;
  #listing: Promise<void> | undefined;

  /**
   * Begins one.
   *
   * @throws {ArchiveError} if it can't be written
   */
  constructor(about: Omit<RunRecord, "aimodellib" | "host" | "start" | "end" | "outcome" | "workingDirectory">) {
    this.#path = `${about.log.slice(0, about.log.lastIndexOf("/"))}/run.json`;
    this.#record = {
      aimodellib: VERSION,
      ...about,
      workingDirectory: Deno.cwd(),
      host: {
        name: hostname(),
        system: Deno.build.target,
        processors: navigator.hardwareConcurrency,
      },
      start: new Date().toISOString(),
    };
    keepFormer(this.#path);
    this.#write();
  }

  /** Asks the Python which packages it has, while the run goes on. */
  listPackages(assets: Assets): void {
    const { path } = this.#record.python;
    const args = [assets.entry, "requirements", "list"];
    this.#listing = runChild(path, { args, limitMs: ANSWER_LIMIT_MS }).then(({ success, stdout }) => {
      if (!success) return;
      const { python, packages } = JSON.parse(stdout);
      this.#record = { ...this.#record, python: { path, version: python, packages } };
      this.#write();
    }).catch(() => {
      // The run itself will tell what is wrong with that Python.
    });
  }

  /** Ends it. */
  async finish(code: number, message: string | undefined): Promise<void> {
    await this.#listing;
    const outcome = message === undefined ? { code } : { code, message };
    this.#record = { ...this.#record, end: new Date().toISOString(), outcome };
    this.#write();
  }

  #write(): void {
    using file = new FileBeside(this.#path);
    file.write(new TextEncoder().encode(`${JSON.stringify(this.#record, null, 2)}\n`));
    file.commit();
  }
}

function keepFormer(path: string): void {
  try {
    const { start } = JSON.parse(Deno.readTextFileSync(path));
    Deno.renameSync(path, path.replace(/json$/, `${String(start).replaceAll(/[^\w.-]/g, "-")}.json`));
  } catch {
    // There is none, or it is no record of ours.
  }
}

/** From a file: asking Deno takes a permission that was given back. */
function hostname(): string {
  try {
    return Deno.readTextFileSync("/etc/hostname").trim();
  } catch {
    return "";
  }
}
