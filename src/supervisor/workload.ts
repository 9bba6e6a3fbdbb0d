/**
 * The jobs of one worker, from their dispatch until each is settled or handed back.
 *
 * 1. A job is in `#inFlight` from its dispatch until it is settled or handed back; it is settled at most once.
 * 2. A worker begins jobs in the order of their dispatch, and records in its ledger which it has begun. After its death, each of
 *    its jobs is finished (the answer is in the ledger), begun (lost), or never begun (handed back).
 * 3. While a slow request holds a worker up, its other jobs are settled early or handed back in the same way (`stall.ts`).
 */

import {
  type BridgeProcess,
  type Frame,
  Kind,
  type LedgerEntries,
  MAX_METADATA_BYTES,
  metadataLength,
  type SharedBody,
} from "../bridge/mod.ts";
import { ProtocolError } from "../errors.ts";
import type { Lease } from "../lease.ts";
import { freeLarge } from "../memory.ts";
import { type Manner, recallIn } from "./answers.ts";
import { ExecutionClock } from "./execution_clock.ts";
import type { Failure } from "./failure.ts";
import { InFlight } from "./in_flight.ts";
import type { Job } from "./job.ts";
import { takeRemains } from "./remains.ts";
import { requestOf, type ScriptFailure } from "./script_failure.ts";
import { Stall } from "./stall.ts";
import { Streams, UNREADABLE } from "./streams.ts";
import { Window } from "./window.ts";
import type { WorkerEvents } from "./worker_events.ts";

const NOTHING = new Uint8Array(0);

/** Options of a {@linkcode Workload}. */
export interface WorkloadOptions extends Pick<WorkerEvents, "onRoom" | "onTakenBack" | "onWorn"> {
  /** The longest answer that is accepted, in bytes. */
  readonly maxBody: number;
  /** Time limit for executing a request, in ms. @default no limit */
  readonly requestTimeoutMs?: number | undefined;
  /** Number of answered requests after which the worker should be replaced. @default no limit */
  readonly maxRequests?: number | undefined;
  /** Called for each error of the script. */
  readonly onFailure?: ((failure: ScriptFailure) => void) | undefined;
  /** Called when requests take too long and the worker must end. The set is empty if the worker executes one request at a time. */
  readonly onOverrun: (ids: ReadonlySet<number>) => void;
  /** Called when the worker can't answer any other request, and must end; `reason` is part of a sentence. */
  readonly onBroken: (reason: string) => void;
}

/** How a worker ended, as far as its jobs are concerned. */
export interface WorkEnd {
  /** The cause, as part of a sentence. */
  readonly cause: string;
  /** Whether the process has ended. If not, it may still begin any of its jobs. */
  readonly exited: boolean;
  /** The requests that took too long, for which the worker was killed; empty for all that it had begun; undefined if none did. */
  readonly overran: ReadonlySet<number> | undefined;
}

/** What a workload uses of its process. Without `answers`, no body is in shared memory. */
export type WorkedProcess =
  & Pick<BridgeProcess, "connection" | "ledger" | "exchange">
  & Partial<Pick<BridgeProcess, "answers">>;

/** Dispatches jobs to one worker, and settles them. */
export class Workload {
  readonly #process: WorkedProcess;
  readonly #manner: Manner;
  readonly #options: WorkloadOptions;
  readonly #inFlight: InFlight;
  readonly #window: Window;
  readonly #clock: ExecutionClock;
  readonly #stall: Stall;
  readonly #streams: Streams;
  /** Jobs that the worker returned without executing them, because they were recalled. */
  #returned: Job[] = [];
  /** Whether this batch held any answer, even one already taken from the ledger. */
  #heard = false;
  /** When the first part of this batch arrived, in ms of `performance.now()`; 0 if none did. */
  #partsAt = 0;
  /** How many requests were answered in this batch, and how many since the worker's start. */
  #answered = 0;
  #served = 0;
  #ended = false;

  /** @param manner how the worker takes requests */
  constructor(
    process: WorkedProcess,
    manner: Manner,
    options: WorkloadOptions,
  ) {
    const { maxBody, requestTimeoutMs: limitMs, onFailure, onBroken, onOverrun, onTakenBack } = options;
    const { window, concurrent } = manner;
    this.#process = process;
    this.#manner = manner;
    this.#options = options;
    const inFlight = this.#inFlight = new InFlight(window);
    this.#window = new Window(window);
    this.#streams = new Streams({
      onTaken: (id, job, parts) => {
        if (!inFlight.has(id, job)) return;
        this.#clock.restart(id, performance.now());
        this.#tell(Kind.Credit, id, creditFor(parts));
      },
      onGone: (id, job) => {
        this.#clock.restart(id, performance.now());
        this.#cancel(id, job);
      },
      onFailure,
      onBroken,
    });
    this.#clock = new ExecutionClock({
      limitMs,
      inFlight,
      concurrent,
      streams: this.#streams.open,
      onSlowStream: (id, stream) => {
        stream.giveUp({ kind: "overran", limitMs: limitMs! });
        this.#tell(Kind.Cancel, id);
      },
      onOverrun,
    });
    this.#stall = new Stall({
      inFlight,
      ledger: process.ledger,
      sent: () => process.connection.idle,
      maxBody,
      onFinished: (answer) => {
        this.#served++;
        this.#settle(answer, inFlight.take(answer.id)!);
      },
      onTakenBack,
    });
  }

  /** The number of jobs that the worker has not answered. */
  get size(): number {
    return this.#inFlight.size;
  }

  /** Whether the worker takes another job now. */
  get hasRoom(): boolean {
    return this.#inFlight.size < this.#window.size && !this.#stall.stalled;
  }

  /** Sends a job to the worker. Call it only if {@linkcode hasRoom} is true. */
  dispatch(job: Job): void {
    const { concurrent, sequential } = this.#manner;
    const first = this.#inFlight.size === 0;
    const now = first || concurrent ? performance.now() : 0;
    const id = this.#inFlight.add(job, now);
    this.#clock.dispatched(first, now);
    this.#sendInvoke(id, job);
    job.client?.onLeave(() => this.#cancel(id, job));
    if (sequential && this.#inFlight.size > 1) this.#stall.watch();
  }

  /** Settles a job with its answer. @throws {ProtocolError} if the worker does not have this job, or the answer can't be parsed */
  onAnswer(frame: Frame): void {
    this.#heard = true;
    if (this.#stall.heard(frame.id)) return this.#drop(frame);
    const job = this.#inFlight.take(frame.id);
    if (job === undefined) throw notItsOwn(frame);
    const recalled = recallIn(frame);
    if (recalled !== undefined) {
      this.#returned.push(job);
      // It must not get the job again.
      if (recalled.broken !== undefined) this.#options.onBroken(String(recalled.broken));
      return;
    }
    this.#answered++;
    this.#settle(frame, job);
  }

  /** Passes a part of an answer to its client. @throws {ProtocolError} if the worker does not have this job, or the part can't be parsed */
  onPart(frame: Frame): void {
    const { id } = frame;
    const job = this.#inFlight.get(id);
    if (job === undefined) throw notItsOwn(frame);
    if (this.#partsAt === 0) this.#partsAt = performance.now();
    const stream = this.#streams.push(frame, job, this.#partsAt);
    this.#clock.restart(id, this.#partsAt, stream.starved);
  }

  /** Handles what follows from all the answers of one read. */
  onBatch(): void {
    this.#partsAt = 0;
    if (!this.#heard) return;
    this.#heard = false;
    const { onTakenBack, onRoom } = this.#options;
    if (this.#returned.length > 0) onTakenBack(this.#returned.splice(0));
    if (this.#answered > 0) this.#countAnswers();
    if (this.hasRoom) onRoom();
  }

  /**
   * After the worker's death: settles the jobs that it had finished or begun.
   *
   * @returns the jobs that it never began, and the ids of the requests that were lost; both the oldest first
   */
  end({ cause, exited, overran }: WorkEnd): { readonly orphans: readonly Job[]; readonly lost: readonly string[] } {
    this.#ended = true;
    this.#clock.stop();
    this.#stall.stop();
    const lost: string[] = [];
    // What came back in the same batch as a broken frame was not handed back yet.
    const orphans = this.#returned.splice(0);
    for (const { id, job, fate } of takeRemains(this.#inFlight, this.#readLedger())) {
      if (fate.kind === "finished") this.#settleDead(fate.answer, job);
      else if (fate.kind === "untouched" && exited && !this.#streams.open.has(id)) orphans.push(job);
      else {
        const { request_id } = requestOf(job);
        if (request_id !== undefined) lost.push(request_id);
        const tookTooLong = overran !== undefined && (!this.#manner.concurrent || overran.has(id));
        const failure: Failure = tookTooLong
          ? { kind: "overran", limitMs: this.#options.requestTimeoutMs! }
          : { kind: "lost", cause };
        this.#streams.fail(id, job, failure);
      }
    }
    return { orphans, lost };
  }

  /** Settles a job with an answer that a dead worker has left. If the answer is damaged, the client gets an error. */
  #settleDead(frame: Frame, job: Job): void {
    try {
      this.#settle(frame, job);
    } catch {
      // The job was settled with this error.
    }
  }

  #sendInvoke(id: number, { metadata, body, context = "", head, lease }: Job): void {
    const { connection, answers } = this.#process;
    const flags = answers !== undefined && lease?.endsWith(body) ? lease.flags : undefined;
    let rest = this.#manner.takesHead ? head?.() : undefined;
    if (rest !== undefined && metadataLength(metadata, context, rest) > MAX_METADATA_BYTES) {
      connection.send(Kind.Head, id, NOTHING, rest);
      rest = undefined;
    }
    connection.send(Kind.Invoke, id, metadata, body, context, rest, flags);
  }

  #cancel(id: number, job: Job): void {
    if (this.#inFlight.has(id, job)) this.#tell(Kind.Cancel, id);
  }

  #tell(kind: Kind, id: number, metadata = NOTHING): void {
    if (!this.#ended) this.#process.connection.send(kind, id, metadata, NOTHING);
  }

  #settle(frame: Frame, job: Job): void {
    freeLarge(job.body);
    if (frame.shared === undefined) this.#streams.settle(frame, job);
    else this.#settleShared(frame, frame.shared, job);
  }

  /** Settles a job with an answer whose body is in shared memory. @throws {ProtocolError} as {@linkcode onAnswer} does */
  #settleShared(frame: Frame, place: SharedBody, job: Job): void {
    let lease: Lease;
    try {
      lease = this.#lend(place, frame);
    } catch (error) {
      job.settle(UNREADABLE);
      throw error;
    }
    const borrowed = job.borrows === true && frame.kind === Kind.Result && !this.#process.answers!.crowded;
    try {
      // Nobody but a borrower can tell when the memory is free again.
      const whole = { ...frame, body: borrowed ? lease.bytes : lease.bytes.slice() };
      this.#streams.settle(whole, job, borrowed ? lease : undefined);
    } finally {
      // The borrower holds it as well.
      lease.release();
    }
  }

  /** Frees the memory of an answer that nobody gets. */
  #drop(frame: Frame): void {
    if (frame.shared !== undefined) this.#lend(frame.shared, frame).release();
  }

  #lend(place: SharedBody, { kind }: Frame): Lease {
    const { answers } = this.#process;
    if (answers === undefined) throw new ProtocolError(`A frame of kind ${kind} has the unknown flags ${place.flags}`);
    return answers.lend(place);
  }

  #countAnswers(): void {
    const now = performance.now();
    this.#window.observe(this.#answered, now - this.#clock.busySince);
    this.#clock.answered(now);
    this.#served += this.#answered;
    this.#answered = 0;
    const { maxRequests, onWorn } = this.#options;
    if (maxRequests !== undefined && this.#served >= maxRequests) onWorn(`it has answered ${this.#served} requests`);
  }

  /** Reads the worker's ledger; undefined if the worker had no requests. */
  #readLedger(): LedgerEntries | "unreadable" | undefined {
    if (this.#inFlight.size === 0) return undefined;
    try {
      return this.#process.ledger.read(this.#options.maxBody, this.#process.exchange);
    } catch {
      // We can't tell which jobs were begun, so none may be executed again.
      return "unreadable";
    }
  }
}

/** The metadata of CREDIT, by the number of parts. */
const credits: Uint8Array<ArrayBuffer>[] = [];

function creditFor(parts: number): Uint8Array<ArrayBuffer> {
  return credits[parts] ??= new TextEncoder().encode(JSON.stringify({ parts }));
}

/** The error for an answer, or a part of one, to a request that the worker does not have. */
export function notItsOwn({ kind, id }: Frame): ProtocolError {
  const what = kind === Kind.Part ? "A part of" : "An answer to";
  return new ProtocolError(`${what} request ${id}, which the worker does not have`);
}
