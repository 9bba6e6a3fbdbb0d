/**
 * Predicts the records of all inputs: reads them, asks the model, and writes the answers in the order of the inputs.
 *
 * 1. `#produce()` reads records and sends them while there is room in the budget.
 * 2. `#consume()` takes them in the same order, waits for each one's answer, and writes it.
 * 3. After `stop()`, no more records are read; those already sent are still answered and written. After `abandon()` or a failure, only the
 *    answers that had arrived are written.
 */

import { AimodellibError } from "../errors.ts";
import { answerLine, errorLine, errorOf, inputValue } from "./answer_line.ts";
import type { Ask, Fault, Question } from "./ask.ts";
import { Budget } from "./budget.ts";
import { type Input, splitterOf } from "./inputs.ts";
import type { Outputs, Sink } from "./output/outputs.ts";
import { Patience, type Settled } from "./patience.ts";
import { isIn, type Shard } from "./shard.ts";
import { readWhole, Source, TooLongError } from "./source.ts";
import type { Tally } from "./summary.ts";
import { broken, type Found } from "./split/record.ts";
import { Window } from "./window.ts";

/** The most bytes of records and answers that are held in memory at once. */
const HELD_BYTES = 64 * 2 ** 20;

/** The longest time that a line waits before it is written, in ms. */
const FLUSH_MS = 100;

/** The parts and limits of a run. */
export interface RunOptions {
  readonly ask: Ask;
  /** How often a request is sent again after its answer was lost. */
  readonly retries: number;
  /** The longest answer in parts, in bytes. */
  readonly maxAnswer: number;
  readonly outputs: Outputs;
  /** Whether each line of output contains its record as well (`--join`). */
  readonly join: boolean;
  /** The longest record, in bytes. */
  readonly maxBody: number;
  /** The run ends when more records than this have failed. */
  readonly maxErrors?: number | undefined;
  readonly shard: Shard;
  /** Whether shards divide the records of each input, rather than the inputs. */
  readonly shardsRecords: boolean;
  /** Whether errors name the input. */
  readonly namesInputs: boolean;
  readonly tally: Tally;
  /** Called when the run stops waiting for the records that it has sent. */
  readonly onAbandon?: (() => void) | undefined;
}

/** A record that was sent. */
interface Sent {
  readonly kind: "record";
  /** The record's number in its input, counted from 1. */
  readonly number: number;
  /** The text of the record for `--join`. */
  readonly own: Uint8Array | undefined;
  /** The reply; undefined until it arrives, and for good if the run is abandoned. */
  reply?: Settled;
}

type Entry =
  | { readonly kind: "begin"; readonly input: Input }
  | { readonly kind: "end" }
  | Sent;

/** More records have failed than `--max-errors` allows. */
class TooManyErrors extends AimodellibError {
  override readonly name = "TooManyErrors";
}

/** One run over all inputs. */
export class PredictRun {
  readonly #options: RunOptions;
  readonly #window = new Window<Entry>();
  readonly #budget: Budget;
  readonly #patience: Patience;
  readonly #abandoned = new AbortController();
  readonly #stopped = Promise.withResolvers<void>();
  #source: Source | undefined;
  /** Bytes of the inputs before the current one. */
  #readBefore = 0;
  #stopping = false;
  #failure: { readonly error: unknown } | undefined;
  #sink: Sink | undefined;
  /** How many of the sink's written lines the tally contains. */
  #counted = 0;
  #input: Input | undefined;
  /** Wakes the writer when the reply that it waits for has arrived, or will never arrive. */
  #wake: (() => void) | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#budget = new Budget(HELD_BYTES, options.ask.atOnce);
    this.#patience = new Patience(options.ask, { ...options, signal: this.#abandoned.signal });
  }

  /** How many requests wait for a server that refuses them. */
  get refused(): number {
    return this.#patience.waiting;
  }

  /** Whether {@linkcode stop} was called. */
  get stopped(): boolean {
    return this.#stopping;
  }

  /** Stops reading; records that were sent are still answered and written. */
  stop(): void {
    this.#stopping = true;
    this.#source?.stop();
    this.#budget.close();
    this.#stopped.resolve();
  }

  /** Ends the run at once: records without an answer are not written. */
  abandon(): void {
    this.stop();
    if (this.#abandoned.signal.aborted) return;
    this.#abandoned.abort();
    this.#options.onAbandon?.();
    this.#options.ask.abandon();
    this.#wake?.();
  }

  /**
   * Predicts all inputs.
   *
   * @throws {AimodellibError} if an input can't be read, the model fails, or an output can't be written; the lines written before are kept
   */
  async run(inputs: Iterable<Input>): Promise<void> {
    const flushing = setInterval(() => void this.#flush().catch((error) => this.#fail(error)), FLUSH_MS);
    try {
      await Promise.all([
        // A read of an idle input, such as a terminal, may never return.
        Promise.race([this.#produce(inputs).catch((error) => this.#end(error)), this.#stopped.promise])
          .finally(() => this.#window.close()),
        this.#consume().catch((error) => this.#fail(error)),
      ]);
      await this.#flush();
    } catch (error) {
      this.#fail(error);
    } finally {
      clearInterval(flushing);
      this.#sink?.leave();
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Ends the inputs early, with an error. Records that were read before are answered and written. */
  #end(error: unknown): void {
    this.#failure ??= { error };
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.abandon();
  }

  async #produce(inputs: Iterable<Input>): Promise<void> {
    const { shard, shardsRecords, outputs, tally } = this.#options;
    let number = -1;
    for (const input of inputs) {
      number++;
      if (this.#stopping) return;
      if (!shardsRecords && !isIn(shard, number)) continue;
      const done = outputs.look(input);
      tally.failed = outputs.failed;
      if (done === "done") {
        tally.skipped++;
        this.#readBefore += input.file?.bytes ?? 0;
        continue;
      }
      tally.records += done;
      tally.resumed += done;
      this.#window.push({ kind: "begin", input });
      if (!await this.#read(input, done)) return;
      this.#readBefore += input.file?.bytes ?? 0;
      this.#window.push({ kind: "end" });
    }
  }

  /** Sends the records of an input after the first `skip`. @returns whether it reached the end of the input */
  async #read(input: Input, skip: number): Promise<boolean> {
    const { shard, shardsRecords, maxBody } = this.#options;
    const source = this.#source = new Source(input);
    const split = splitterOf(input.split);
    if (split === undefined) {
      const { bytes = 0 } = input.file ?? {};
      if (!await this.#room(bytes)) return false;
      await this.#send(input, 1, await wholeOf(source, input, maxBody));
      return !this.#stopping;
    }
    let number = 0;
    for await (const found of split(source.pieces(true), maxBody, input.name)) {
      if (this.#stopping) return false;
      number++;
      if (shardsRecords && !isIn(shard, number - 1)) continue;
      if (skip > 0) {
        skip--;
        continue;
      }
      if (!await this.#send(input, number, found)) return false;
    }
    if (skip > 0 && !this.#stopping) {
      throw new AimodellibError(
        `'${input.name}' has fewer records than its output has lines: the input has changed. Start again with --restart`,
      );
    }
    return !this.#stopping;
  }

  /** Waits until the budget has room for so many bytes. @returns false if the run stops */
  async #room(bytes: number): Promise<boolean> {
    while (!this.#stopping && this.#budget.isFull(bytes)) await this.#budget.changed();
    return !this.#stopping;
  }

  async #send(input: Input, number: number, found: Found): Promise<boolean> {
    const { join, tally, namesInputs } = this.#options;
    const { body, own } = found;
    if (this.#budget.isFull(body.length) && !await this.#room(body.length)) return false;
    tally.read = this.#readBefore + (this.#source?.read ?? 0);
    this.#budget.send(body.length);
    const sent: Sent = { kind: "record", number, own: join ? own : undefined };
    this.#window.push(sent);
    const { contentType, accept } = input;
    const id = namesInputs ? `${idOf(input.key)}:${number}` : String(number);
    this.#ask({ body, contentType, accept, id }, found.broken).then((reply) => {
      if (this.#abandoned.signal.aborted) return;
      this.#budget.answered(body.length, sizeOf(reply, sent.own));
      sent.reply = reply;
      this.#wake?.();
    }, (error) => this.#fail(error));
    return true;
  }

  #ask(question: Question, broken: string | undefined): Promise<Settled> {
    if (broken === undefined) return this.#patience.ask(question);
    const fault: Fault = { stage: "input", type: "BrokenRecord", message: broken, again: "never" };
    return Promise.resolve({ kind: "fault", fault });
  }

  async #consume(): Promise<void> {
    const { outputs } = this.#options;
    for (;;) {
      const entry = await this.#window.next();
      if (entry === undefined) return;
      if (entry.kind === "begin") {
        this.#input = entry.input;
        this.#sink = outputs.open(entry.input);
        this.#counted = this.#sink.lines?.written ?? 0;
      } else if (entry.kind === "end") {
        await this.#flush();
        await this.#sink!.end();
        this.#sink = undefined;
      } else {
        if (!await this.#replied(entry)) return;
        await this.#write(entry, entry.reply!);
      }
    }
  }

  /** Waits for the reply to a record. @returns false if the run was abandoned first */
  async #replied(sent: Sent): Promise<boolean> {
    while (sent.reply === undefined && !this.#abandoned.signal.aborted) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return sent.reply !== undefined;
  }

  async #write({ number, own }: Sent, reply: Settled): Promise<void> {
    const { tally, outputs, maxErrors } = this.#options;
    const [input, sink] = [this.#input!, this.#sink!];
    const shown = own && inputValue(own, input.contentType);
    const size = sizeOf(reply, own);
    let fault = reply.kind === "fault" ? reply.fault : undefined;
    if (reply.kind === "answer") {
      if (input.split === "none") await sink.answer(reply.body);
      else {
        const line = answerLine(reply.body, reply.contentType, shown);
        if (line instanceof Uint8Array) sink.line(line);
        else fault = line;
      }
    }
    if (fault !== undefined) {
      const error = errorOf(number, fault);
      outputs.error(this.#options.namesInputs ? { input: input.key, ...error } : error);
      tally.failed = outputs.failed;
      if (input.split === "none") {
        outputs.flushErrors();
        await sink.failed(errorLine(error));
      } else sink.line(errorLine(error, shown));
    }
    if (input.split === "none") tally.records++;
    this.#budget.written(size);
    if (sink.lines?.full) await this.#flush();
    if (maxErrors !== undefined && tally.failed > maxErrors) {
      const what = tally.failed === 1 ? "1 record has" : `${tally.failed} records have`;
      throw new TooManyErrors(`${what} failed; --max-errors allows ${maxErrors}`);
    }
  }

  /** Writes the gathered errors, and then the lines: the errors of all written lines must be on the disk. */
  async #flush(): Promise<void> {
    const { outputs, tally } = this.#options;
    const lines = this.#sink?.lines;
    outputs.flushErrors();
    try {
      await lines?.flush();
    } finally {
      const written = lines?.written ?? 0;
      // The next output may have begun during the write.
      if (lines !== undefined && lines === this.#sink?.lines) {
        tally.records += written - this.#counted;
        this.#counted = written;
      }
    }
  }
}

async function wholeOf(source: Source, input: Input, maxBody: number): Promise<Found> {
  try {
    const body = await readWhole(source, input.name, maxBody);
    return { body, own: body };
  } catch (error) {
    if (error instanceof TooLongError) return broken(error.message);
    throw error;
  }
}

/** How many bytes a reply takes until it is written. */
function sizeOf(reply: Settled, own: Uint8Array | undefined): number {
  return (reply.kind === "answer" ? reply.body.length : 0) + (own?.length ?? 0);
}

/** Makes a request id from a name: visible ASCII. */
function idOf(key: string): string {
  return encodeURI(key).slice(-100);
}
