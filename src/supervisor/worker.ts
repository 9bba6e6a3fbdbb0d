/**
 * One Python process that serves, as a state machine:
 *
 *     starting ── READY ──> ready ── stop() ──> stopping ──> dead
 *         └──── FAILED, exit ──┴────── exit ──────────────────┘
 *
 * 1. A job is in `#inFlight` from its dispatch until it is settled or handed back; it is settled at most once.
 * 2. A worker begins jobs in the order in which it was asked, and notes in its ledger which it has begun. So when it is
 *    dead, its jobs fall in three: finished (the answer is in the ledger), begun (lost), and never begun (handed back).
 * 3. Of one that is held up, jobs are settled early and handed back in the same way (`stall.ts`).
 * 4. `dead` is entered once, after everything that the process wrote was read.
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

/** How a worker is made. */
export interface WorkerOptions extends BridgeOptions {
  readonly config: StartConfig;
  /** For the script to be loaded, in ms. @default no limit */
  readonly startupTimeoutMs?: number | undefined;
  /** For the execution of a request, in ms; a worker that overruns it is killed. @default no limit */
  readonly requestTimeoutMs?: number | undefined;
  /** Requests after which it should be replaced. @default no limit */
  readonly maxRequests?: number | undefined;
  /** Memory of its process from which on it should be replaced, in bytes. @default no limit */
  readonly maxMemory?: number | undefined;
  /** Is told what its script does wrong. */
  readonly onFailure?: (failure: ScriptFailure) => void;
}

type State = "starting" | "ready" | "stopping" | "dead";

/** After a process has ended, for more of what it wrote to arrive, and for all of it; in ms. */
const READ_REST_MS = 50;
const READ_ALL_MS = 1_000;

/** For a worker that has closed its connection to end, in ms. */
const EXIT_LIMIT_MS = 1_000;

/** The most requests that a worker may have at once. */
const MAX_WINDOW = 4096;

const NOTHING = new Uint8Array(0);

/** One Python process that executes requests, from its start to its end. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #events: WorkerEvents;
  #window = new Window();
  #inFlight = new InFlight();
  /** Whether it executes several requests at once, so that they end in any order. */
  #concurrent = false;
  /** Whether its script can ask which request it executes. */
  #takesHead = false;
  readonly #stall: Stall;
  /** Whether it executes requests one after the other. */
  #sequential = true;
  /** Jobs that it has not begun, since they were recalled. */
  #returned: Job[] = [];
  /** Of the jobs whose answers come in parts, by their ids. */
  readonly #streams = new Map<number, PartStream>();
  #signature: unknown;
  #state: State = "starting";
  #process: BridgeProcess | undefined;
  /** Ends the start of the process. */
  readonly #startAborter = new AbortController();
  /** Aborted when it is dead. */
  readonly #dead = new AbortController();
  #readyAt = 0;
  readonly #clock: ExecutionClock;
  #answered = 0;
  /** Whether any came in this batch, be it one that was known. */
  #heard = false;
  /** Answers, ever. */
  #served = 0;
  #usage: Usage | undefined;
  #memory: MemoryWatch | undefined;
  /** When its process ended. */
  #endedAt = 0;
  /** Ids of the requests that its death has lost. */
  readonly #lost: string[] = [];
  /** Settled when it says its usage, if it was asked for that. */
  #usageAsked: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Why we killed it. */
  #killedFor: string | undefined;
  /** Of several that are executed at once, those that took too long, for which we killed it; of others it does not matter. */
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

  /** Process id; undefined until Python has connected. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether jobs can be dispatched to it, up to its window. */
  get ready(): boolean {
    return this.#state === "ready";
  }

  /** Whether its process has ended, and all of its jobs are settled or handed back. */
  get dead(): boolean {
    return this.#state === "dead";
  }

  /** What it said last, at most a second ago if it is not idle. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  /** Asks for {@linkcode usage}; resolves when it has said so, which one that executes a request does behind it. */
  askUsage(): Promise<void> {
    if (this.#state !== "ready") return Promise.resolve();
    if (this.#usageAsked === undefined) {
      this.#usageAsked = Promise.withResolvers();
      this.#tell(Kind.Stats, 0);
    }
    return this.#usageAsked.promise;
  }

  /** What its script says of its tensors, as JSON; undefined if it says nothing. */
  get signature(): unknown {
    return this.#signature;
  }

  /** Jobs that it has not answered. */
  get load(): number {
    return this.#inFlight.size;
  }

  /** Whether it takes another job now. */
  get hasRoom(): boolean {
    return this.#state === "ready" && this.#inFlight.size < this.#window.size && !this.#stall.stalled;
  }

  /** Starts the process and follows it to its end. Never throws: a failure is a death. */
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
    // Something may have ended it in the moment in which it connected.
    if (this.#startAborter.signal.aborted) process.end();
    else process.begin(this.#options.config);
    const reading = process.connection.run({
      onFrame: (frame) => this.#onFrame(frame),
      onBatch: () => this.#onBatch(),
    }).then(async () => {
      // It closes its connection when it ends. One that goes on without it can't be reached.
      if (await withLimit(process.ended, EXIT_LIMIT_MS) || this.#state === "stopping") return;
      this.#protocolError = new ProtocolError("The worker closed its connection and did not end");
      process.kill("SIGKILL");
    }, async (error) => {
      // One that was killed while it wrote has broken nothing: how it ended says more.
      if (process.connection.ended && await withLimit(process.ended, READ_REST_MS)) return;
      // A worker that breaks the protocol is of no use.
      this.#protocolError = error;
      process.kill("SIGKILL");
    });
    const exit = await process.ended;
    this.#endedAt = performance.now();
    // Its children may hold the connection open.
    process.endOthers();
    await this.#readRest(process, reading);
    process.end();
    await process.endOutput();
    this.#exit = exit;
    this.#die(this.#describe(exit));
  }

  /** Waits for the end of the stream, or until nothing comes any more: another process may hold it open. */
  async #readRest({ connection }: BridgeProcess, reading: Promise<void>): Promise<void> {
    const start = performance.now();
    // Two looks, since the first one may be late, and what came before it not be read yet, when this process was stopped.
    for (let quiet = 0; quiet < 2 && performance.now() - start < READ_ALL_MS;) {
      const { received } = connection;
      if (await withLimit(reading, READ_REST_MS / 2)) return;
      quiet = connection.received > received ? 0 : quiet + 1;
    }
  }

  /** Sends a job. To be called only when {@linkcode hasRoom}. */
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

  /** Asks it to end when it has answered what it has; ends it by force when `signal` is aborted. */
  stop(signal: AbortSignal): void {
    if (this.#state === "dead") return;
    // One that is loading has nothing to finish, and does not listen.
    if (this.#process === undefined) this.#startAborter.abort(new StartError("It was stopped before it had started"));
    else if (this.#state === "starting") this.#process.kill("SIGTERM");
    else this.#process.requestStop();
    this.#state = "stopping";
    const force = () => {
      this.#killedFor ??= "it had not finished what it was executing, and was ended by force";
      this.#process?.kill("SIGKILL");
    };
    if (signal.aborted) force();
    // Until it is dead: its number may be another process's afterwards.
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
    // What the script lacks is said by the error alone.
    if (error.type !== "ScriptError") this.#options.onFailure?.({ error, traceback: textIn(frame) });
  }

  /** How it takes requests, as READY says. */
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

  /** @throws {ProtocolError} if the answer can't be read; the job is settled nonetheless */
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

  /** @throws {ProtocolError} if the answer can't be read, or parts are missing; the client is told nonetheless */
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
    // One that was still loading had nothing to finish, however it ended.
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

  /** Settles what was finished or begun, and returns what never was. */
  #sortOut(cause: string): Job[] {
    const { requestTimeoutMs } = this.#options;
    // What came back in the same batch as a broken frame was not handed back yet.
    const orphans = this.#returned.splice(0);
    for (const { id, job, fate } of takeRemains(this.#inFlight, this.#readLedger())) {
      const stream = this.#streams.get(id);
      if (fate.kind === "finished") this.#finishDead(job, stream, fate.answer);
      // A process that is still there may begin what it has not begun.
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

  /** What it has noted, if it had requests. */
  #readLedger(): LedgerEntries | "unreadable" | undefined {
    if (this.#process === undefined || this.#inFlight.size === 0) return undefined;
    try {
      return this.#process.ledger.read(this.#options.maxBody, this.#process.exchange);
    } catch {
      // What it had begun is not known: none of it may be executed again.
      return "unreadable";
    }
  }

  #finishDead(job: Job, stream: PartStream | undefined, answer: Frame): void {
    try {
      if (stream === undefined) this.#finish(job, answer);
      else this.#endStream(job, stream, answer);
    } catch {
      // What a dead worker left may be damaged; the job says so.
    }
  }
}

/** A frame's body, as text. */
function textIn({ body }: Frame): string {
  return new TextDecoder().decode(body);
}
