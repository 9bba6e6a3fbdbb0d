/**
 * Writes the outputs of several inputs to a folder: `PATH.out` for the input at `PATH`, or `PATH.error.json` for an input that is one
 * record and failed.
 *
 * A run leaves out inputs whose output exists and is newer. It tries a failed input again, unless it resumes a run that was stopped.
 */

import { reasonOf } from "../../errors.ts";
import { WriteError } from "../../atomic_file.ts";
import type { RecordError } from "../answer_line.ts";
import { exists, stat } from "../../files.ts";
import type { Input } from "../inputs.ts";
import { ErrorsFile } from "./errors_file.ts";
import { type FileOptions, lookAtLines, openLines, writeAnswer } from "./file_output.ts";
import { checkJournal, lockOutput, remove, writeJournal } from "./journal.ts";
import type { WholeLines } from "./line_file.ts";
import type { Outputs, Progress, Sink } from "./outputs.ts";

/** Prefix of the names of files in the folder that are not outputs. */
const OWN = ".aimodellib-predict";

/** All outputs in a folder. */
export class FolderOutput implements Outputs {
  readonly resumable = true;
  readonly #folder: string;
  /** Prefix of the paths of the run's own files. */
  readonly #own: string;
  readonly #options: FileOptions;
  readonly #lock: Disposable;
  readonly #before = new Map<string, WholeLines>();
  /** Whether the last run into the folder was stopped before its end. */
  readonly #resumes: boolean;
  #errors: ErrorsFile | undefined;

  private constructor(folder: string, own: string, options: FileOptions, lock: Disposable, resumes: boolean) {
    this.#folder = folder;
    this.#own = own;
    this.#options = options;
    this.#lock = lock;
    this.#resumes = resumes;
  }

  /**
   * Begins a run into a folder, which is created if it is missing.
   *
   * @param part the name of this run's shard if other runs write theirs to the same folder, else empty
   * @param inputs all inputs of the shard, whose errors of earlier runs are removed
   * @throws {UsageError} if the outputs in the folder were made with other options or another model
   * @throws {AimodellibError} if another run writes to it
   */
  static async begin(
    folder: string,
    part: string,
    options: FileOptions,
    inputs: Iterable<Input>,
  ): Promise<FolderOutput> {
    makeFolder(folder);
    const own = `${folder}/${OWN}${part}`;
    const lock = await lockOutput(folder, `${own}.lock`);
    try {
      const journal = `${own}.json`;
      if (options.restart) remove(journal);
      const before = checkJournal(journal, folder, options.identity, ["complete"]);
      const resumes = before !== undefined && before["complete"] !== true;
      if (!resumes) {
        const output = new FolderOutput(folder, own, options, lock, false);
        for (const input of inputs) {
          remove(output.#failurePath(input));
          if (options.restart) remove(output.#path(input));
        }
        remove(`${own}.errors`);
        writeJournal(journal, { ...options.identity, complete: false });
      }
      return new FolderOutput(folder, own, options, lock, resumes);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  get failed(): number {
    return this.#errors?.count ?? 0;
  }

  look(input: Input): Progress {
    const progress = this.#look(input);
    this.#openErrors(input, progress);
    return progress;
  }

  open(input: Input): Sink {
    const path = this.#path(input);
    makeFolder(path.slice(0, path.lastIndexOf("/")));
    if (input.split !== "none") {
      const before = this.#before.get(input.key)!;
      this.#before.delete(input.key);
      return openLines(path, before);
    }
    return {
      line: () => {},
      answer: (body) => writeAnswer(path, body),
      failed: (line) => writeAnswer(this.#failurePath(input), line),
      end: () => {},
      leave: () => {},
    };
  }

  error(error: RecordError): void {
    this.#errors!.append(error);
  }

  flushErrors(): void {
    this.#errors?.flush();
  }

  finish(): void {
    this.#errors ??= new ErrorsFile(`${this.#own}.errors`, ({ input }) => this.#isDone(input ?? ""));
    this.#errors.publish(this.#options.errors);
    this.#errors.remove();
    writeJournal(`${this.#own}.json`, { ...this.#options.identity, complete: true });
  }

  [Symbol.dispose](): void {
    this.#errors?.[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }

  #path({ key }: Pick<Input, "key">): string {
    return `${this.#folder}/${key}.out`;
  }

  #failurePath({ key }: Pick<Input, "key">): string {
    return `${this.#folder}/${key}.error.json`;
  }

  #look(input: Input): Progress {
    const path = this.#path(input);
    if (!this.#options.restart && isNewer(path, input)) return "done";
    if (input.split === "none") return this.#resumes && exists(this.#failurePath(input)) ? "done" : 0;
    makeFolder(path.slice(0, path.lastIndexOf("/")));
    const before = lookAtLines(path, input, this.#options);
    this.#before.set(input.key, before);
    return before.lines;
  }

  /**
   * Keeps the errors of the inputs before the first unfinished one, and of that input's finished records: inputs come in the same
   * order in each run.
   */
  #openErrors(input: Input, progress: Progress): void {
    if (this.#errors !== undefined || progress === "done") return;
    const last = this.#options.numberOf(progress);
    this.#errors = new ErrorsFile(`${this.#own}.errors`, (error) => {
      return error.input === input.key ? error.record <= last : this.#isDone(error.input ?? "");
    });
  }

  #isDone(key: string): boolean {
    return exists(this.#path({ key })) || exists(this.#failurePath({ key }));
  }
}

/** Whether an output exists, and its input has not changed since. */
function isNewer(path: string, { file }: Input): boolean {
  const modified = stat(path)?.mtime?.getTime();
  return modified !== undefined && (file === undefined || modified >= file.modifiedMs);
}

function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new WriteError(`The folder '${path}' can't be created: ${reasonOf(cause)}`, { cause });
  }
}
