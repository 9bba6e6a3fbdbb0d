/**
 * One Python process that executes requests, as a state machine:
 *
 *     starting ── READY ──> ready ── stop() ──> stopping ──> dead
 *         └──── FAILED, exit ──┴────── exit ──────────────────┘
 *
 * 1. A job is in `#inFlight` from its dispatch until it is settled or handed back; it is settled at most once.
 * 2. A worker begins jobs in the order of their dispatch, and records in its ledger which it has begun. After its death, each of
 *    its jobs is finished (the answer is in the ledger), begun (lost), or never begun (handed back).
 * 3. While a slow request holds a worker up, its other jobs are settled early or handed back in the same way (`stall.ts`).
 * 4. A worker enters `dead` once, after we have read everything that the process wrote.
 */

import { withLimit } from "../with_limit.ts";
import { messageOf, ProtocolError, type ScriptError } from "../errors.ts";
import { freeLarge } from "../memory.ts";
import {
  type BridgeOptions,
  BridgeProcess,
  describeExit,
  type Exit,
  type Frame,
  Kind,
  type LedgerEntries,
  MAX_METADATA_BYTES,
  metadataLength,
  parseMetadata,
  type StartConfig,
  StartError,
} from "../bridge/mod.ts";
import { ExecutionClock } from "./execution_clock.ts";
import { InFlight } from "./in_flight.ts";
import { AnswerReader, errorIn, isRecalled, loadErrorOf, loadFailureIn } from "./answers.ts";
import type { Job, Outcome } from "./job.ts";
import { MemoryWatch } from "./memory_watch.ts";
import type { Failure } from "./failure.ts";
import { PartStream } from "./part_stream.ts";
import { requestOf, type ScriptFailure } from "./script_failure.ts";
import { takeRemains } from "./remains.ts";
import { Stall } from "./stall.ts";
import { Window } from "./window.ts";
import type { Times, Usage, WorkerEvents } from "./worker_events.ts";

/** Options of a {@linkcode Worker}. */
export interface WorkerOptions extends BridgeOptions {
  readonly config: StartConfig;
  /** Time limit for loading the script, in ms. @default no limit */
  readonly startupTimeoutMs?: number | undefined;
  /** Time limit for executing a request, in ms; a worker that exceeds it is killed. @default no limit */
  readonly requestTimeoutMs?: number | undefined;
  /** Number of answered requests after which the worker should be replaced. @default no limit */
  readonly maxRequests?: number | undefined;
  /** Memory of the process above which the worker should be replaced, in bytes. @default no limit */
  readonly maxMemory?: number | undefined;
  /** Called for each error of the script. */
  readonly onFailure?: (failure: ScriptFailure) => void;
}

type State = "starting" | "ready" | "stopping" | "dead";

/** After a process has ended: how long to wait for more of its output, and at most for all of it, in ms. */
const READ_REST_MS = 50;
const READ_ALL_MS = 1_000;

/** How long a worker may live after it closed its connection, in ms. */
const EXIT_LIMIT_MS = 1_000;

/** The largest number of concurrent requests that a worker may ask for. */
const MAX_WINDOW = 4096;

const NOTHING = new Uint8Array(0);

/** One Python process that executes requests, from its start to its end. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #events: WorkerEvents;
  #window = new Window();
  #inFlight = new InFlight();
  /** Whether the worker executes several requests at once, which can end in any order. */
  #concurrent = false;
  /** Whether the script can ask about the request that it executes. */
  #takesHead = false;
  readonly #stall: Stall;
  /** Whether the worker executes requests one after the other. */
  #sequential = true;
  /** Jobs that the worker returned without executing them, because they were recalled. */
  #returned: Job[] = [];
  /** The streams of answers in parts, by request id. */
  readonly #streams = new Map<number, PartStream>();
  #signature: unknown;
  #state: State = "starting";
  #process: BridgeProcess | undefined;
  /** Aborts the start of the process. */
  readonly #startAborter = new AbortController();
  /** Aborted when the worker is dead. */
  readonly #dead = new AbortController();
  #readyAt = 0;
  readonly #clock: ExecutionClock;
  #answered = 0;
  /** Whether this batch held any answer, even one already taken from the ledger. */
  #heard = false;
  /** How many requests the worker has answered since its start. */
  #served = 0;
  #usage: Usage | undefined;
  #memory: MemoryWatch | undefined;
  /** When the process ended, in ms of `performance.now()`. */
  #endedAt = 0;
  /** Ids of the requests that were lost with the worker. */
  readonly #lost: string[] = [];
  /** Resolved when the worker reports its usage; undefined if nobody has asked. */
  #usageAsked: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Why we killed it. */
  #killedFor: string | undefined;
  /** The requests that took too long, for which we killed the worker. It names them only if several were executed at once. */
  #overran: ReadonlySet<number> | undefined;
  #exit: Exit | undefined;
  readonly #answers = new AnswerReader();
  #loadError: ScriptError | undefined;
  #protocolError: unknown;

  constructor(options: WorkerOptions, events: WorkerEvents) {
    this.#options = options;
    this.#events = events;
    this.#clock = new ExecutionClock({
      limitMs: options.requestTimeoutMs,
      inFlight: () => this.#inFlight,
      concurrent: () => this.#concurrent,
      streams: this.#streams,
      onSlowStream: (id, stream) => {
        stream.giveUp({ kind: "overran", limitMs: options.requestTimeoutMs! });
        this.#tell(Kind.Cancel, id);
      },
      onOverrun: (ids) => {
        this.#overran = ids;
        this.#kill(`a request overran --request-timeout ${options.requestTimeoutMs! / 1000}`);
      },
    });
    this.#stall = new Stall({
      inFlight: () => this.#inFlight,
      ledger: () => this.#process?.ledger,
      sent: () => this.#process?.connection.idle ?? false,
      maxBody: options.maxBody,
      onFinished: (answer) => {
        this.#served++;
        this.#complete(this.#inFlight.take(answer.id)!, answer);
      },
      onTakenBack: (jobs) => events.onTakenBack(jobs),
    });
  }

  /** The process id; undefined until Python has connected. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether the worker can execute jobs. {@linkcode hasRoom} says whether it takes another one now. */
  get ready(): boolean {
    return this.#state === "ready";
  }

  /** Whether the process has ended, and all of its jobs are settled or handed back. */
  get dead(): boolean {
    return this.#state === "dead";
  }

  /** The usage reported last; a busy worker reports about once a second. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  /** Asks the worker for fresh {@linkcode usage}, and resolves when it has replied. A busy worker replies after its current request. */
  askUsage(): Promise<void> {
    if (this.#state !== "ready") return Promise.resolve();
    if (this.#usageAsked === undefined) {
      this.#usageAsked = Promise.withResolvers();
      this.#tell(Kind.Stats, 0);
    }
    return this.#usageAsked.promise;
  }

  /** The script's description of its tensors, as JSON; undefined if it has none. */
  get signature(): unknown {
    return this.#signature;
  }

  /** The number of jobs that the worker has not answered. */
  get load(): number {
    return this.#inFlight.size;
  }

  /** Whether the worker takes another job now. */
  get hasRoom(): boolean {
    return this.#state === "ready" && this.#inFlight.size < this.#window.size && !this.#stall.stalled;
  }

  /** Starts the process and resolves at its end. Never rejects: a failed start is reported as a death. */
  async run(): Promise<void> {
    const { startupTimeoutMs } = this.#options;
    if (startupTimeoutMs !== undefined) {
      this.#timer = setTimeout(() => {
        this.#kill(`it was not ready within --startup-timeout ${startupTimeoutMs / 1000}`);
      }, startupTimeoutMs);
    }
    try {
      this.#process = await BridgeProcess.start({ ...this.#options, signal: this.#startAborter.signal });
    } catch (error) {
      this.#die(this.#killedFor ?? messageOf(error));
      return;
    }
    const process = this.#process;
    this.#memory = new MemoryWatch(process.pid, () => this.#state === "starting" || this.#inFlight.size > 0);
    // The start may have been aborted just as Python connected.
    if (this.#startAborter.signal.aborted) process.end();
    else process.begin(this.#options.config);
    const reading = process.connection.run({
      onFrame: (frame) => this.#onFrame(frame),
      onBatch: () => this.#onBatch(),
    }).then(async () => {
      // A worker closes its connection when it ends. If it lives on, we can't reach it any more.
      if (await withLimit(process.ended, EXIT_LIMIT_MS) || this.#state === "stopping") return;
      this.#protocolError = new ProtocolError("The worker closed its connection and did not end");
      process.kill("SIGKILL");
    }, async (error) => {
      // A worker killed mid-write leaves a partial frame. That is no protocol error; report how it exited.
      if (process.connection.ended && await withLimit(process.ended, READ_REST_MS)) return;
      // After a protocol error, no frame of this worker can be trusted.
      this.#protocolError = error;
      process.kill("SIGKILL");
    });
    const exit = await process.ended;
    this.#endedAt = performance.now();
    // Child processes may hold the connection open.
    process.endOthers();
    await this.#readRest(process, reading);
    process.end();
    await process.endOutput();
    this.#exit = exit;
    this.#die(this.#describe(exit));
  }

  /** Reads until the stream ends, or until no more bytes arrive: another process may hold it open. */
  async #readRest({ connection }: BridgeProcess, reading: Promise<void>): Promise<void> {
    const start = performance.now();
    // One quiet interval is not enough: if our process was stopped, the first timer fires before the waiting bytes are read.
    for (let quiet = 0; quiet < 2 && performance.now() - start < READ_ALL_MS;) {
      const { received } = connection;
      if (await withLimit(reading, READ_REST_MS / 2)) return;
      quiet = connection.received > received ? 0 : quiet + 1;
    }
  }

  /** Sends a job to the worker. Call it only if {@linkcode hasRoom} is true. */
  dispatch(job: Job): void {
    const first = this.#inFlight.size === 0;
    const now = first || this.#concurrent ? performance.now() : 0;
    const id = this.#inFlight.add(job, now);
    this.#clock.dispatched(first, now);
    this.#sendInvoke(id, job);
    job.client?.onLeave(() => this.#cancel(id, job));
    if (this.#sequential && this.#inFlight.size > 1) this.#stall.watch();
  }

  #sendInvoke(id: number, { metadata, body, context = "", head }: Job): void {
    const connection = this.#process?.connection;
    let rest = this.#takesHead ? head?.() : undefined;
    if (rest !== undefined && metadataLength(metadata, context, rest) > MAX_METADATA_BYTES) {
      connection?.send(Kind.Head, id, NOTHING, rest);
      rest = undefined;
    }
    connection?.send(Kind.Invoke, id, metadata, body, context, rest);
  }

  /** Asks the worker to end after it has answered its jobs; kills it when `signal` is aborted. */
  stop(signal: AbortSignal): void {
    if (this.#state === "dead") return;
    // A worker that is still loading has no jobs, and does not read its connection.
    if (this.#process === undefined) this.#startAborter.abort(new StartError("It was stopped before it had started"));
    else if (this.#state === "starting") this.#process.kill("SIGTERM");
    else this.#process.requestStop();
    this.#state = "stopping";
    const force = () => {
      this.#killedFor ??= "it had not finished what it was executing, and was ended by force";
      this.#process?.kill("SIGKILL");
    };
    if (signal.aborted) force();
    // The listener ends with the worker: afterwards, its process id may belong to another process.
    else signal.addEventListener("abort", force, { once: true, signal: this.#dead.signal });
  }

  #cancel(id: number, job: Job): void {
    if (this.#inFlight.has(id, job)) this.#tell(Kind.Cancel, id);
  }

  #kill(reason: string): void {
    this.#killedFor = reason;
    if (this.#process === undefined) this.#startAborter.abort(new StartError(reason));
    else this.#process.kill("SIGKILL");
  }

  #onFrame(frame: Frame): void {
    switch (frame.kind) {
      case Kind.Ready:
        if (this.#state === "starting") {
          this.#takeAsItIs(frame);
          this.#state = "ready";
          clearTimeout(this.#timer);
          this.#timer = undefined;
          this.#readyAt = performance.now();
          this.#events.onReady();
        }
        return;
      case Kind.Failed:
        this.#onFailed(frame);
        return;
      case Kind.Result:
      case Kind.Error:
        this.#settle(frame);
        return;
      case Kind.Part:
        this.#onPart(frame);
        return;
      case Kind.Stats:
        this.#onStats(frame);
        return;
      default:
        throw new ProtocolError(`A frame of kind ${frame.kind} does not come from a serving worker`);
    }
  }

  #onFailed(frame: Frame): void {
    const error = loadFailureIn(frame);
    this.#loadError = loadErrorOf(error);
    // A ScriptError's message explains itself, without a traceback.
    if (error.type !== "ScriptError") this.#options.onFailure?.({ error, traceback: textIn(frame) });
  }

  /** Applies what the READY frame says about how the worker takes requests. */
  #takeAsItIs({ metadata }: Frame): void {
    const { window, concurrent, signature, head } = parseMetadata(metadata);
    this.#signature = signature;
    this.#takesHead = head === true;
    if (window === undefined) return;
    if (!Number.isInteger(window) || Number(window) < 1 || Number(window) > MAX_WINDOW) {
      throw new ProtocolError(`A worker can't take ${window} requests at once`);
    }
    this.#sequential = false;
    this.#window = new Window(Number(window));
    this.#inFlight = new InFlight(Number(window));
    this.#concurrent = concurrent === true;
  }

  #onStats({ metadata }: Frame): void {
    const { rss, cpu, times } = parseMetadata(metadata);
    const before = this.#usage;
    this.#usage = { rss: Number(rss), cpu: Number(cpu), times: (times ?? {}) as Times };
    this.#memory?.saw(this.#usage.rss);
    this.#events.onUsage(this.#usage, before);
    this.#usageAsked?.resolve();
    this.#usageAsked = undefined;
    const { maxMemory } = this.#options;
    if (maxMemory !== undefined && this.#usage.rss > maxMemory) {
      this.#events.onWorn(`it takes ${Math.round(this.#usage.rss / 2 ** 20)} MiB of memory`);
    }
  }

  #onPart(frame: Frame): void {
    const { id, body } = frame;
    const job = this.#inFlight.get(id);
    if (job === undefined) throw new ProtocolError(`A part of request ${id}, which the worker does not have`);
    const stream = this.#streams.get(id) ?? this.#openStream(id, job, this.#answers.contentType(frame));
    stream.push(body);
    this.#clock.restart(id, performance.now(), stream.starved);
  }

  #openStream(id: number, job: Job, contentType: string): PartStream {
    const stream = new PartStream({
      onTaken: (parts) => {
        if (!this.#inFlight.has(id, job)) return;
        this.#clock.restart(id, performance.now());
        this.#tell(Kind.Credit, id, JSON.stringify({ parts }));
      },
      onGone: () => {
        this.#clock.restart(id, performance.now());
        this.#cancel(id, job);
      },
    });
    this.#streams.set(id, stream);
    job.settle({ kind: "parts", contentType, parts: stream });
    return stream;
  }

  #tell(kind: Kind, id: number, metadata = ""): void {
    if (this.#state !== "dead") this.#process?.connection.send(kind, id, new TextEncoder().encode(metadata), NOTHING);
  }

  #settle(frame: Frame): void {
    this.#heard = true;
    if (this.#stall.heard(frame.id)) return;
    const job = this.#inFlight.take(frame.id);
    if (job === undefined) {
      throw new ProtocolError(`An answer to request ${frame.id}, which the worker does not have`);
    }
    if (isRecalled(frame)) {
      this.#returned.push(job);
      return;
    }
    this.#answered++;
    this.#complete(job, frame);
  }

  #complete(job: Job, frame: Frame): void {
    freeLarge(job.body);
    const stream = this.#streams.get(frame.id);
    if (stream === undefined) this.#finish(job, frame);
    else this.#endStream(job, stream, frame);
  }

  /** @throws {ProtocolError} if the answer can't be parsed; the job is settled before */
  #finish(job: Job, frame: Frame): void {
    let outcome: Outcome;
    try {
      outcome = this.#answers.outcome(frame);
    } catch (error) {
      job.settle({ kind: "lost", cause: "its answer could not be read" });
      throw error;
    }
    if (outcome.kind === "error") this.#options.onFailure?.({ error: outcome.error, traceback: textIn(frame), job });
    job.settle(outcome);
  }

  /** @throws {ProtocolError} if the answer can't be parsed, or parts are missing; the client gets an error before */
  #endStream(job: Job, stream: PartStream, frame: Frame): void {
    this.#streams.delete(frame.id);
    try {
      if (frame.kind === Kind.Error) {
        const error = errorIn(frame);
        this.#options.onFailure?.({ error, traceback: textIn(frame), job });
        return stream.fail({ kind: "error", error });
      }
      this.#answers.checkParts(frame, stream.received);
      stream.end();
    } catch (error) {
      stream.fail({ kind: "lost", cause: "its answer could not be read" });
      throw error;
    }
  }

  #onBatch(): void {
    if (!this.#heard) return;
    this.#heard = false;
    if (this.#returned.length > 0) this.#events.onTakenBack(this.#returned.splice(0));
    if (this.#answered > 0) this.#countAnswers();
    if (this.hasRoom) this.#events.onRoom();
  }

  #countAnswers(): void {
    const now = performance.now();
    this.#window.observe(this.#answered, now - this.#clock.busySince);
    this.#clock.answered(now);
    this.#served += this.#answered;
    this.#answered = 0;
    const { maxRequests } = this.#options;
    if (maxRequests !== undefined && this.#served >= maxRequests) {
      this.#events.onWorn(`it has answered ${this.#served} requests`);
    }
  }

  #describe(exit: Exit | undefined): string {
    if (this.#loadError !== undefined) return this.#loadError.message;
    if (exit === undefined) return "SIGKILL did not end it";
    if (this.#killedFor !== undefined) return this.#killedFor;
    if (this.#protocolError !== undefined) {
      return `it broke the protocol: ${(this.#protocolError as Error).message}`;
    }
    return describeExit({ ...exit, outOfMemory: exit.outOfMemory || (this.#memory?.isNearLimit() ?? false) });
  }

  #die(cause: string): void {
    if (typeof this.#options.output === "function") this.#options.output.flush?.();
    const memory = this.#memory?.last;
    this.#memory?.[Symbol.dispose]();
    clearTimeout(this.#timer);
    this.#clock.stop();
    this.#dead.abort();
    this.#stall.stop();
    // A worker that was still loading had no jobs, so any exit counts as stopped.
    const stopped = this.#state === "stopping" && (this.#readyAt === 0 || this.#exit?.code === 0);
    this.#state = "dead";
    this.#usageAsked?.resolve();
    this.#usageAsked = undefined;
    const orphans = this.#sortOut(cause);
    this.#process?.[Symbol.dispose]();
    this.#events.onDead({
      cause,
      readyMs: this.#readyAt === 0 ? 0 : performance.now() - this.#readyAt,
      stopped,
      overran: this.#overran !== undefined,
      requests: this.#lost,
      ...(memory && { memory: { bytes: memory.bytes, ageMs: Math.max(0, this.#endedAt - memory.at) } }),
      ...(this.#exit && { exit: this.#exit }),
      ...(this.#loadError !== undefined && { loadError: this.#loadError }),
    }, orphans);
  }

  /** Settles the jobs that were finished or begun, and returns those never begun. */
  #sortOut(cause: string): Job[] {
    const { requestTimeoutMs } = this.#options;
    // What came back in the same batch as a broken frame was not handed back yet.
    const orphans = this.#returned.splice(0);
    for (const { id, job, fate } of takeRemains(this.#inFlight, this.#readLedger())) {
      const stream = this.#streams.get(id);
      if (fate.kind === "finished") this.#finishDead(job, stream, fate.answer);
      // Without an exit, the process may still be alive and may begin this job.
      else if (stream === undefined && fate.kind === "untouched" && this.#exit !== undefined) orphans.push(job);
      else {
        const { request_id } = requestOf(job);
        if (request_id !== undefined) this.#lost.push(request_id);
        const overran = this.#overran !== undefined && (!this.#concurrent || this.#overran.has(id));
        const failure: Failure = overran ? { kind: "overran", limitMs: requestTimeoutMs! } : { kind: "lost", cause };
        if (stream === undefined) job.settle(failure);
        else stream.fail(failure);
      }
    }
    return orphans;
  }

  /** Reads the worker's ledger; undefined if the worker had no requests. */
  #readLedger(): LedgerEntries | "unreadable" | undefined {
    if (this.#process === undefined || this.#inFlight.size === 0) return undefined;
    try {
      return this.#process.ledger.read(this.#options.maxBody, this.#process.exchange);
    } catch {
      // We can't tell which jobs were begun, so none may be executed again.
      return "unreadable";
    }
  }

  #finishDead(job: Job, stream: PartStream | undefined, answer: Frame): void {
    try {
      if (stream === undefined) this.#finish(job, answer);
      else this.#endStream(job, stream, answer);
    } catch {
      // A dead worker may leave a damaged answer; the job was settled with that error.
    }
  }
}

/** Decodes the body of a frame as UTF-8 text. */
function textIn({ body }: Frame): string {
  return new TextDecoder().decode(body);
}
