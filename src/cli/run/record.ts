/**
 * The record of a run: beside its log and, of a training, in the model directory, so that a model says what made it. Written when
 * the run begins and again when it ends: one without an end is of a run that was killed.
 *
 * A record that can't be written is told once, and changes nothing about the run.
 */

import { ANSWER_LIMIT_MS, type Assets, runChild } from "../../bridge/mod.ts";
import { hideCredentials } from "../../credentials.ts";
import type { Environment } from "../../environment/environment.ts";
import { messageOf } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import type { RunLog } from "./log.ts";
import { hideKeys, maskArguments } from "./mask_arguments.ts";
import { LogRecords, ModelRecord, NoRecord, type RecordPlace } from "./record_places.ts";
import type { Target } from "./target.ts";

/** Enough to repeat a run. */
export interface RunRecord {
  /** The version of this program. */
  readonly aimodellib: string;
  /** Which run it is, among all others. */
  readonly id: string;
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

/** What the command line was. */
export interface RecordOptions {
  /** The words behind the command's name. */
  readonly words: readonly string[];
}

/** What a record says from the beginning. */
type RunFacts = Omit<RunRecord, "aimodellib" | "id" | "host" | "start" | "end" | "outcome" | "workingDirectory">;

/** Where a record is kept. */
interface RecordPlaces {
  /** The absolute path of the folder of the run's log, where the records of earlier runs stay. */
  readonly logFolder?: string | undefined;
  /** The absolute path of a model directory, where a file of this name that is no record is left alone. */
  readonly modelDir?: string | undefined;
  /** Takes a line that says why a record can't be written. */
  readonly warn: (text: string) => void;
}

/** Begins the record of a run. Returns undefined for a serving run without a log, since its record has no place. */
export function startRecord(
  command: "train" | "serve",
  { words }: RecordOptions,
  { module, script, archive }: Target,
  { log, say, modelDir, environment, assets }: {
    readonly log: RunLog;
    /** Shows and logs text. */
    readonly say: (text: string) => void;
    readonly modelDir: string;
    readonly environment: Pick<Environment, "python" | "variables">;
    readonly assets: Assets;
  },
): RunRecorder | undefined {
  if (log.path === undefined && command === "serve") return undefined;
  const recorder = new RunRecorder({
    command: ["aimodellib", command, ...maskArguments(words)],
    ...(archive && {
      archive: { name: archive.name, ...(archive.sha256 !== undefined && { sha256: archive.sha256 }) },
    }),
    module,
    script,
    modelDir,
    log: log.path,
    python: { path: environment.python },
  }, {
    logFolder: log.path?.slice(0, log.path.lastIndexOf("/")),
    modelDir: command === "train" ? modelDir : undefined,
    warn: say,
  });
  const { name, origin } = archive ?? {};
  if (name !== undefined && origin !== undefined) {
    recorder.learn(origin.check().then((holds) => holds ? { archive: { name, sha256: origin.sha256 } } : {}));
  }
  recorder.listPackages(assets, environment.variables);
  return recorder;
}

/** A record that is being kept. */
export class RunRecorder {
  readonly #places: readonly RecordPlace[];
  readonly #warn: (text: string) => void;
  readonly #warned = new Set<RecordPlace>();
  #record: RunRecord;
  /** What is still asked for. */
  readonly #pending: Promise<void>[] = [];

  /** Begins one. */
  constructor(about: RunFacts, { logFolder, modelDir, warn }: RecordPlaces) {
    this.#warn = warn;
    this.#record = {
      aimodellib: VERSION,
      id: crypto.randomUUID(),
      ...about,
      workingDirectory: Deno.cwd(),
      host: {
        name: hostname(),
        system: Deno.build.target,
        processors: navigator.hardwareConcurrency,
      },
      start: new Date().toISOString(),
    };
    this.#places = [
      ...(logFolder === undefined ? [] : [new LogRecords(logFolder)]),
      ...(modelDir === undefined ? [] : [new ModelRecord(modelDir)]),
    ];
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
    for (const place of this.#places) {
      try {
        place.write(this.#record, bytes);
      } catch (error) {
        if (this.#warned.has(place)) continue;
        this.#warned.add(place);
        const message = messageOf(error);
        this.#warn(
          `Warning: ${error instanceof NoRecord ? message : `the run's record is not up to date: ${message}`}\n`,
        );
      }
    }
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
