/**
 * Outputs of several inputs: a file for each in a folder, `PATH.out` for the input at `PATH`. An input that is one record, and failed, has
 * `PATH.error.json` instead.
 *
 * What is there is not predicted again, unless its input was changed since. A failed input is tried again by another run, but not by
 * one that goes on where an earlier one was stopped.
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

/** How the names of files in the folder begin that are no outputs. */
const OWN = ".aimodellib-predict";

/** All outputs in a folder. */
export class FolderOutput implements Outputs {
  readonly resumable = true;
  readonly #folder: string;
  /** How the paths of the run's own files begin. */
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
   * Begins a run into a folder, which is made if it is not there.
   *
   * @param part names the part of the inputs that this run predicts, if others predict the rest into the same folder; or is empty
   * @param inputs all of that part, to forget how they failed in a run before
   * @throws {UsageError} if the folder has the outputs of other options, or of another model
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
   * Inputs come in the same order each time, so the errors that are kept are those before the first input that is not done, and
   * those of its records that are.
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

/** Whether an output is there, and its input was not changed since it was written. */
function isNewer(path: string, { file }: Input): boolean {
  const modified = stat(path)?.mtime?.getTime();
  return modified !== undefined && (file === undefined || modified >= file.modifiedMs);
}

function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new WriteError(`The folder '${path}' can't be made: ${reasonOf(cause)}`, { cause });
  }
}
