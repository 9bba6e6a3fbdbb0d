/** Where the answers of a run go: to standard output, into one file, or into a folder with a file for each input. */

import type { RecordError } from "../answer_line.ts";
import type { Input } from "../inputs.ts";
import type { Lines } from "./line_file.ts";

/** How much of an input's output exists: `done`, or the number of its finished records. */
export type Progress = "done" | number;

/** Takes the results of the records of one input, in their order. */
export interface Sink {
  /** Takes the line of a record. */
  readonly line: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Takes the answer to an input that is one record. @throws {WriteError} if it can't be written */
  readonly answer: (body: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** Takes the error of an input that is one record, as a line. */
  readonly failed: (line: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** The gathered lines; undefined if this sink gathers none. */
  readonly lines?: Lines | undefined;
  /** Ends a complete output. @throws {WriteError} if it can't be moved to its final path */
  readonly end: () => void | Promise<void>;
  /** Closes an unfinished output, which a later run can resume. */
  readonly leave: () => void;
}

/** All outputs of a run. */
export interface Outputs extends Disposable {
  /** Finds how much of an input's output exists. @throws {UsageError} if a different run wrote it */
  readonly look: (input: Input) => Progress;
  /** Opens an input's output to append to it. @throws {WriteError} if that fails */
  readonly open: (input: Input) => Sink;
  /** Adds the error of a record, if this run collects errors in a file. */
  readonly error: (error: RecordError) => void;
  /** Writes the added errors. @throws {WriteError} if that fails */
  readonly flushErrors: () => void;
  /** How many records have failed, including those of the runs that this one resumes. */
  readonly failed: number;
  /** Ends a complete run. @throws {WriteError} if that fails */
  readonly finish: () => void;
  /** Whether the same command can resume the run after an interruption. */
  readonly resumable: boolean;
}
