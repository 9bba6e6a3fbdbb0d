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
  /** Ends an output: it is complete. @throws {WriteError} if it can't be put in its place */
  readonly end: () => void | Promise<void>;
  /** Leaves an output as it is, to be gone on with. */
  readonly leave: () => void;
}

/** All outputs of a run. */
export interface Outputs extends Disposable {
  /** Looks what is there of an input's output. @throws {UsageError} if that is from another run */
  readonly look: (input: Input) => Progress;
  /** Opens an input's output, behind what is there. @throws {WriteError} if that can't be done */
  readonly open: (input: Input) => Sink;
  /** Adds an error, where errors are gathered. */
  readonly error: (error: RecordError) => void;
  /** Writes the errors that were added. @throws {WriteError} if that can't be done */
  readonly flushErrors: () => void;
  /** How many records have failed, in the runs before this one, too. */
  readonly failed: number;
  /** Ends a run that is complete. @throws {WriteError} if that can't be done */
  readonly finish: () => void;
  /** Whether the same command goes on where this run ends. */
  readonly resumable: boolean;
}
