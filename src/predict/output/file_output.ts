/**
 * Writes the output of one input to a file. The lines go to `OUT.partial`, which is renamed to `OUT` at the end. Beside it,
 * `OUT.partial.json` records the input and options of the run, and `OUT.partial.errors` its errors.
 *
 * Only the complete lines of `OUT.partial` say how far a run has come. Whatever stops it, no line is repeated or missing.
 */

import { reasonOf, UsageError } from "../../errors.ts";
import { WriteError } from "../../atomic_file.ts";
import type { RecordError } from "../answer_line.ts";
import { exists } from "../../files.ts";
import type { Input } from "../inputs.ts";
import { ErrorsFile } from "./errors_file.ts";
import { checkJournal, type Identity, lockOutput, remove, writeJournal } from "./journal.ts";
import { LineFile, type WholeLines, wholeLines } from "./line_file.ts";
import type { Outputs, Progress, Sink } from "./outputs.ts";

/** How to write outputs to files. */
export interface FileOptions {
  /** Everything but the input that determines the bytes of the output. */
  readonly identity: Identity;
  /** Whether to begin again, even if an earlier run left a part of the output. */
  readonly restart: boolean;
  /** Where the errors go in the end. */
  readonly errors?: string | undefined;
  /** The number, in its input, of the last of the first `count` records that this run predicts. */
  readonly numberOf: (count: number) => number;
}

const NOTHING: WholeLines = { lines: 0, bytes: 0 };

/** Finds how much of an output exists, or begins it. @throws {UsageError} if a run with another input or other options began it */
export function lookAtLines(path: string, input: Input, { identity, restart }: FileOptions): WholeLines {
  const [partial, journal] = [`${path}.partial`, `${path}.partial.json`];
  const whole: Identity = { ...identity, ...identityOf(input) };
  if (restart) {
    remove(partial);
    remove(journal);
  }
  const lines = wholeLines(partial);
  if (lines === undefined) {
    writeJournal(journal, whole);
    return NOTHING;
  }
  if (checkJournal(journal, path, whole) === undefined) {
    throw new UsageError(
      `'${partial}' exists without its journal '${journal}': remove it, or start again with --restart`,
    );
  }
  return lines;
}

/** Opens an output to append to its complete lines. @throws {WriteError} if it can't be written to */
export function openLines(path: string, before: WholeLines): Sink & { readonly lines: LineFile } {
  const partial = `${path}.partial`;
  const lines = new LineFile(partial, before);
  return {
    lines,
    line: (bytes) => lines.append(bytes),
    answer: () => {},
    failed: () => {},
    end() {
      lines.finish();
      rename(partial, path);
      remove(`${partial}.json`);
    },
    leave: () => lines[Symbol.dispose](),
  };
}

/** Writes a whole answer: to a temporary file, which is then renamed. @throws {WriteError} if that fails */
export function writeAnswer(path: string, body: Uint8Array): void {
  const partial = `${path}.partial`;
  try {
    Deno.writeFileSync(partial, body);
  } catch (cause) {
    try {
      remove(partial);
    } catch {
      // The first error says more.
    }
    throw new WriteError(`'${partial}' can't be written: ${reasonOf(cause)}`, { cause });
  }
  rename(partial, path);
}

/** The output of a single input. */
export class FileOutput implements Outputs {
  readonly resumable = true;
  readonly #path: string;
  readonly #options: FileOptions;
  readonly #lock: Disposable;
  #before = NOTHING;
  #errors: ErrorsFile | undefined;

  private constructor(path: string, options: FileOptions, lock: Disposable) {
    this.#path = path;
    this.#options = options;
    this.#lock = lock;
  }

  /** Begins or resumes the output at `path`. @throws {AimodellibError} if another run writes to it */
  static async begin(path: string, options: FileOptions): Promise<FileOutput> {
    return new FileOutput(path, options, await lockOutput(path, `${path}.partial.lock`));
  }

  get failed(): number {
    return this.#errors?.count ?? 0;
  }

  look(input: Input): Progress {
    this.#before = lookAtLines(this.#path, input, this.#options);
    const last = this.#options.numberOf(this.#before.lines);
    const path = `${this.#path}.partial.errors`;
    if (this.#before.lines === 0) remove(path);
    this.#errors = new ErrorsFile(path, ({ record }) => record <= last);
    return this.#before.lines;
  }

  open(): Sink {
    return openLines(this.#path, this.#before);
  }

  error(error: RecordError): void {
    this.#errors!.append(error);
  }

  flushErrors(): void {
    this.#errors?.flush();
  }

  finish(): void {
    this.#errors?.publish(this.#options.errors);
    this.#errors?.remove();
  }

  [Symbol.dispose](): void {
    this.#errors?.[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }
}

/** What an input adds to the identity of its output. */
export function identityOf({ name, file, split, contentType, accept }: Input): Identity {
  return {
    input: name,
    inputBytes: file?.bytes,
    inputModified: file?.modifiedMs,
    split,
    contentType,
    accept,
  };
}

/** @throws {WriteError} if that fails */
function rename(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (cause) {
    const what = exists(to) ? `'${to}' can't be replaced` : `'${to}' can't be written`;
    throw new WriteError(`${what}: ${reasonOf(cause)}`, { cause });
  }
}
