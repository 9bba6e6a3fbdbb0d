/**
 * The record of a run: `run.json`, beside its log and, of a training, in the model directory, so that a model says what made it. Written
 * when the run begins and again when it ends: one without an end is of a run that was killed. Beside a log, the record of the run
 * before it is kept as `run.START.json`.
 *
 * A record that can't be written is told once, and changes nothing about the run.
 */

import { FileBeside } from "../../atomic_file.ts";
import { ANSWER_LIMIT_MS, type Assets, runChild } from "../../bridge/mod.ts";
import { hideCredentials } from "../../credentials.ts";
import { printable } from "../../printable.ts";
import { VERSION } from "../../version.ts";
import { hideKeys } from "./mask_arguments.ts";
import { messageOf } from "../../errors.ts";

/** Enough to repeat a run. */
export interface RunRecord {
  /** The version of this program. */
  readonly aimodellib: string;
  /** What it was started with, without keys and passwords. */
  readonly command: readonly string[];
  readonly workingDirectory: string;
  /** The archive's name and digest; not there for a module. */
  readonly archive?: { readonly name: string; readonly sha256?: string };
  /** Absolute paths. */
  readonly module: string;
  readonly script: string;
  readonly modelDir: string;
  /** Not there if the run has no log file. */
  readonly log?: string | undefined;
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

/** What a record says from the beginning. */
export type RunFacts = Omit<RunRecord, "aimodellib" | "host" | "start" | "end" | "outcome" | "workingDirectory">;

/** Where a record is kept. */
export interface RecordPlaces {
  /** The absolute path of the folder of the run's log, where the records of earlier runs stay. */
  readonly logFolder?: string | undefined;
  /** The absolute path of a model directory, where a file of this name that is no record is left alone. */
  readonly modelDir?: string | undefined;
  /** Takes a line that says why a record can't be written. */
  readonly warn: (text: string) => void;
}

/** The file's name. */
const NAME = "run.json";

/** A record that is being kept. */
export class RunRecorder {
  readonly #paths = new Set<string>();
  readonly #warn: (text: string) => void;
  #record: RunRecord;
  /** What is still asked for. */
  readonly #pending: Promise<void>[] = [];

  /** Begins one. */
  constructor(about: RunFacts, { logFolder, modelDir, warn }: RecordPlaces) {
    this.#warn = warn;
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
    if (logFolder !== undefined) {
      keepFormer(`${logFolder}/${NAME}`);
      this.#paths.add(`${logFolder}/${NAME}`);
    }
    if (modelDir !== undefined) {
      const path = `${modelDir}/${NAME}`;
      if (isFree(path)) this.#paths.add(path);
      else {warn(
          `Warning: '${printable(path)}' is not a record of aimodellib and stays: this run has no record there\n`,
        );}
    }
    this.#write();
  }

  /** Asks the Python which packages a run imports, while it goes on. @param variables those of the run */
  listPackages(assets: Assets, variables?: Readonly<Record<string, string>>): void {
    const { module, python: { path } } = this.#record;
    const args = [assets.entry, "requirements", "list", module];
    const listing = runChild(path, { args, env: variables, limitMs: ANSWER_LIMIT_MS }).then(({ success, stdout }) => {
      if (!success) return {};
      const { python, packages } = JSON.parse(stdout);
      return { python: { path, version: python, packages } };
    });
    // The run itself will tell what is wrong with that Python.
    this.learn(listing.catch(() => ({})));
  }

  /** Adds what is known later. */
  learn(facts: Promise<Partial<RunFacts>>): void {
    this.#pending.push(facts.then((known) => {
      this.#record = { ...this.#record, ...known };
      this.#write();
    }));
  }

  /** Ends it. */
  async finish(code: number, message: string | undefined): Promise<void> {
    await Promise.all(this.#pending);
    const outcome = message === undefined ? { code } : { code, message: hideKeys(message) };
    this.#record = { ...this.#record, end: new Date().toISOString(), outcome };
    this.#write();
  }

  #write(): void {
    const bytes = new TextEncoder().encode(hideCredentials(`${JSON.stringify(this.#record, null, 2)}\n`));
    for (const path of this.#paths) {
      try {
        using file = new FileBeside(path);
        file.write(bytes);
        file.commit();
      } catch (error) {
        this.#paths.delete(path);
        this.#warn(`Warning: the run has no record, since ${messageOf(error)}\n`);
      }
    }
  }
}

/** Whether there is nothing at a path, or a record of an earlier run. */
function isFree(path: string): boolean {
  try {
    return typeof JSON.parse(Deno.readTextFileSync(path)).aimodellib === "string";
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
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
