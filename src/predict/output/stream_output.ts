/** Writes answers to standard output, a device or a pipe without delay. Such a run can't be resumed. */

import { WriteError } from "../../atomic_file.ts";
import { reasonOf } from "../../errors.ts";
import { isSpecial } from "../../files.ts";
import type { RecordError } from "../answer_line.ts";
import { ErrorsFile } from "./errors_file.ts";
import { remove } from "./journal.ts";
import { joined } from "../../bytes.ts";
import type { Lines } from "./line_file.ts";
import type { Outputs, Progress, Sink } from "./outputs.ts";

/** Bytes that are gathered before they are written. */
const GATHERED_BYTES = 64 * 1024;

/** Writes bytes; resolves when there is room for more. */
export type Write = (bytes: Uint8Array) => Promise<void>;

/** The only output of a run, on a stream. */
export class StreamOutput implements Outputs {
  readonly resumable = false;
  readonly #lines: StreamLines;
  readonly #errors: ErrorsFile | undefined;
  readonly #target: string | undefined;
  #failed = 0;

  /**
   * @param name what messages call the stream
   * @param errors where the errors go in the end
   * @throws {WriteError} if they can't be written there
   */
  constructor(name: string, write: Write, errors: string | undefined) {
    this.#lines = new StreamLines(name, write);
    this.#target = errors;
    if (errors === undefined) return;
    const path = isSpecial(errors) ? Deno.makeTempFileSync({ prefix: "aimodellib-errors-" }) : `${errors}.partial`;
    remove(path);
    this.#errors = new ErrorsFile(path, () => false);
  }

  get failed(): number {
    return this.#failed;
  }

  look(): Progress {
    return 0;
  }

  open(): Sink {
    const lines = this.#lines;
    return {
      lines,
      line: (bytes) => lines.append(bytes),
      answer: () => {},
      failed: () => {},
      end: () => lines.flush(),
      leave: () => {},
    };
  }

  error(error: RecordError): void {
    this.#failed++;
    this.#errors?.append(error);
  }

  flushErrors(): void {
    this.#errors?.flush();
  }

  finish(): void {
    this.#errors?.publish(this.#target);
    this.#errors?.remove();
  }

  [Symbol.dispose](): void {
    this.#errors?.[Symbol.dispose]();
  }
}

/** Gathers lines, and writes them in batches. */
class StreamLines implements Lines {
  readonly #name: string;
  readonly #write: Write;
  #gathered: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #written = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(name: string, write: Write) {
    this.#name = name;
    this.#write = write;
  }

  get full(): boolean {
    return this.#bytes >= GATHERED_BYTES;
  }

  get written(): number {
    return this.#written;
  }

  readonly append = (line: Uint8Array): void => {
    this.#gathered.push(line as Uint8Array<ArrayBuffer>);
    this.#bytes += line.length;
  };

  readonly flush = (): Promise<void> => {
    if (this.#bytes === 0) return this.#writing;
    const [all, count] = [joined(this.#gathered, this.#bytes), this.#gathered.length];
    this.#gathered = [];
    this.#bytes = 0;
    return this.#writing = this.#writing.then(async () => {
      await this.#writeAll(all);
      this.#written += count;
    });
  };

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      await this.#write(bytes);
    } catch (cause) {
      // The reader of the output is gone, such as `head` after its last line.
      if (cause instanceof Deno.errors.BrokenPipe) throw cause;
      throw new WriteError(`${this.#name} can't be written: ${reasonOf(cause)}`, { cause });
    }
  }
}
