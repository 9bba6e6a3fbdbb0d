/**
 * Keeps the record of a run, beside its log and, for a training, in the model directory, where it documents how the model was made. It is
 * written when the run starts and again when it ends; a record without an end belongs to a run that was killed.
 *
 * If a record can't be written, one warning is shown, and the run continues.
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

/** The facts that are needed to repeat a run, as JSON has them. */
export interface RunRecord {
  /** The version of this program. */
  readonly aimodellib: string;
  /** A unique id of the run. */
  readonly id: string;
  /** The command line, without keys and passwords. */
  readonly command: readonly string[];
  readonly workingDirectory: string;
  /** The archive's name and SHA-256; undefined for a module. */
  readonly archive?: { readonly name: string; readonly sha256?: string };
  /** The absolute path of the module. */
  readonly module: string;
  readonly script: string;
  readonly modelDir: string;
  /** The path of the log file; undefined without one. */
  readonly log?: string | undefined;
  readonly host: { readonly name: string; readonly system: string; readonly processors: number };
  /** The Python of the run. */
  readonly python: {
    readonly path: string;
    readonly version?: string;
    /** The versions of the packages, by name. */
    readonly packages?: Readonly<Record<string, string>>;
  };
  /** ISO 8601, in UTC. */
  readonly start: string;
  readonly end?: string;
  /** The exit code, with the reason if it is not 0; undefined during the run. */
  readonly outcome?: { readonly code: number; readonly message?: string };
}

/** The command line of a run. */
export interface RecordOptions {
  /** The words after the command's name. */
  readonly words: readonly string[];
}

/** The facts that are known when a run starts. */
type RunFacts = Omit<RunRecord, "aimodellib" | "id" | "host" | "start" | "end" | "outcome" | "workingDirectory">;

/** The places of a record. */
interface RecordPlaces {
  /** The absolute path of the folder of the run's log, which keeps the records of all runs. */
  readonly logFolder?: string | undefined;
  /** The absolute path of the model directory. A file of this name that is not a record is never replaced. */
  readonly modelDir?: string | undefined;
  /** Shows a line with the reason why a record can't be written. */
  readonly warn: (text: string) => void;
}

/**
 * Begins the record of a run. Returns undefined for a serving run without a log, since its record has no place. For a serving run, the
 * caller has the packages listed, by {@linkcode RunRecorder.listPackages}, when the model is ready: listing them takes as long as
 * starting Python, and nobody waits for the list.
 */
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
  }, () => packagesOf(module, environment, assets));
  const { name, origin } = archive ?? {};
  if (name !== undefined && origin !== undefined) {
    recorder.learn(origin.check().then((holds) => holds ? { archive: { name, sha256: origin.sha256 } } : {}));
  }
  if (command === "train") recorder.listPackages();
  return recorder;
}

/** Keeps the record of one run. */
export class RunRecorder {
  readonly #places: readonly RecordPlace[];
  readonly #warn: (text: string) => void;
  readonly #warned = new Set<RecordPlace>();
  #record: RunRecord;
  /** Facts that are still being determined. */
  readonly #pending: Promise<void>[] = [];
  /** Lists the packages of the Python; undefined once that has begun. */
  #list: (() => Promise<Partial<RunFacts>>) | undefined;

  /** Writes the record for the first time. @param list lists the packages of the Python */
  constructor(about: RunFacts, { logFolder, modelDir, warn }: RecordPlaces, list: () => Promise<Partial<RunFacts>>) {
    this.#warn = warn;
    this.#list = list;
    this.#record = {
      aimodellib: VERSION,
      id: crypto.randomUUID(),
      ...about,
      workingDirectory: Deno.cwd(),
      host: {
        name: Deno.hostname(),
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

  /** Lists the packages of the Python in the background, unless that has begun. */
  listPackages(): void {
    const list = this.#list;
    this.#list = undefined;
    // If the Python fails, the run itself reports why.
    if (list !== undefined) this.learn(list().catch(() => ({})));
  }

  /** Adds facts that become known later. */
  learn(facts: Promise<Partial<RunFacts>>): void {
    this.#pending.push(facts.then((known) => {
      this.#record = { ...this.#record, ...known };
      this.#write();
    }));
  }

  /** Writes the record for the last time, with the outcome. */
  async finish(code: number, message: string | undefined): Promise<void> {
    this.listPackages();
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
          `Warning: ${error instanceof NoRecord ? message : `the record of the run can't be updated: ${message}`}\n`,
        );
      }
    }
  }
}

/** Lists the packages that a module finds in its Python. */
async function packagesOf(
  module: string,
  { python: path, variables }: Pick<Environment, "python" | "variables">,
  assets: Assets,
): Promise<Partial<RunFacts>> {
  const args = [assets.entry, "requirements", "list", module];
  const { success, stdout } = await runChild(path, { args, env: variables, limitMs: ANSWER_LIMIT_MS });
  if (!success) return {};
  const { python: version, packages } = JSON.parse(stdout);
  return { python: { path, version, packages } };
}
