/** Passes the answers of a worker to the clients that wait for them, whole or in parts. */

import { type Frame, Kind } from "../bridge/mod.ts";
import type { Lease } from "../lease.ts";
import { AnswerReader, errorIn, tracebackIn } from "./answers.ts";
import type { Failure, WorkerError } from "./failure.ts";
import type { Job, Outcome } from "./job.ts";
import { PartStream } from "./part_stream.ts";
import type { ScriptFailure } from "./script_failure.ts";

/** The failure of a request whose answer is damaged. */
export const UNREADABLE: Failure = { kind: "lost", cause: "its answer could not be read" };

/** Options of {@linkcode Streams}. */
export interface StreamsOptions {
  /** Called when the client of a job has read `parts` more parts. */
  readonly onTaken: (id: number, job: Job, parts: number) => void;
  /** Called once when the client of a job has disconnected. */
  readonly onGone: (id: number, job: Job) => void;
  /** Called for each error of the script. */
  readonly onFailure: ((failure: ScriptFailure) => void) | undefined;
  /** Called with an error after which the worker can't answer any other request; `reason` is part of a sentence. */
  readonly onBroken: (reason: string) => void;
}

/** Settles the jobs of one worker with their answers. An answer in parts is a stream that stays open until its last frame. */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #answers = new AnswerReader();
  readonly #open = new Map<number, PartStream>();

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  /** The streams that the worker has not ended, by request id. */
  get open(): ReadonlyMap<number, PartStream> {
    return this.#open;
  }

  /**
   * Passes a part to its client. The first part of an answer opens the stream, which settles the job.
   *
   * @param now of `performance.now()`
   * @returns the stream
   * @throws {ProtocolError} if the metadata of the first part can't be parsed
   */
  push(frame: Frame, job: Job, now: number): PartStream {
    const stream = this.#open.get(frame.id) ?? this.#start(frame, job);
    stream.push(frame.body, now);
    return stream;
  }

  /**
   * Settles a job with its answer, or ends its stream with the frame that follows the last part.
   *
   * @param lease the shared memory that the frame's body is in; the outcome, if it is a result, holds it as well
   * @throws {ProtocolError} if the frame can't be parsed, or parts are missing; the client gets an error before
   */
  settle(frame: Frame, job: Job, lease?: Lease): void {
    const stream = this.#open.get(frame.id);
    if (stream === undefined) this.#finish(frame, job, lease);
    else this.#end(stream, frame, job);
  }

  /** Settles a job with a failure, or ends its stream with it. */
  fail(id: number, job: Job, failure: Failure): void {
    const stream = this.#open.get(id);
    if (stream === undefined) job.settle(failure);
    else stream.fail(failure);
  }

  /** @throws {ProtocolError} if the answer can't be parsed; the job is settled before */
  #finish(frame: Frame, job: Job, lease: Lease | undefined): void {
    let outcome: Outcome;
    try {
      outcome = this.#answers.outcome(frame);
    } catch (error) {
      job.settle(UNREADABLE);
      throw error;
    }
    if (outcome.kind === "error") this.#report(outcome.error, frame, job);
    if (lease !== undefined && outcome.kind === "result") {
      lease.retain();
      outcome = { ...outcome, lease };
    }
    job.settle(outcome);
  }

  /** @throws {ProtocolError} if the frame can't be parsed, or parts are missing; the stream fails before */
  #end(stream: PartStream, frame: Frame, job: Job): void {
    this.#open.delete(frame.id);
    try {
      if (frame.kind === Kind.Error) {
        const error = errorIn(frame);
        this.#report(error, frame, job);
        return stream.fail({ kind: "error", error });
      }
      this.#answers.checkParts(frame, stream.received);
      stream.end();
    } catch (error) {
      stream.fail(UNREADABLE);
      throw error;
    }
  }

  #report(error: WorkerError, frame: Frame, job: Job): void {
    this.#options.onFailure?.({ error, traceback: tracebackIn(frame), job });
    if (error.broken !== undefined) this.#options.onBroken(String(error.broken));
  }

  #start(frame: Frame, job: Job): PartStream {
    const { onTaken, onGone } = this.#options;
    const { id } = frame;
    const contentType = this.#answers.contentType(frame);
    const stream = new PartStream({
      onTaken: (parts) => onTaken(id, job, parts),
      onGone: () => onGone(id, job),
    });
    this.#open.set(id, stream);
    job.settle({ kind: "parts", contentType, parts: stream });
    return stream;
  }
}
