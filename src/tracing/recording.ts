/** Records the spans of one sampled request: its own, and one for each stage of a model's work. */

import type { Failure, Outcome } from "../supervisor/mod.ts";
import { preciseNow } from "./clock.ts";
import { randomSpanId, traceparentOf } from "./ids.ts";
import { INTERNAL, SERVER, type Span, type SpanError, type TraceOf } from "./span.ts";
import type { Asking, Attributes, EndedRequest, Recording } from "./types.ts";

/** The stages of a script, in the order of the times that a worker reports. */
const STAGES = ["deserialize", "predict", "serialize"] as const;

/** A request of the Open Inference Protocol may ask a model any number of times; the stages of the first ones are recorded. */
const MAX_ASKED = 32;

/** The place of a request in its trace. */
export interface Place extends TraceOf {
  /** The id of the request's span. */
  readonly id: string;
  /** The id of the client's span. */
  readonly parent: string | undefined;
}

/** Records a request's spans until its answer has ended. */
export class RequestRecording implements Recording {
  readonly #place: Place;
  readonly #send: (spans: readonly Span[]) => void;
  readonly #start = preciseNow();
  readonly #spans: Span[] = [];
  /** The number of times that a model was asked. */
  #asked = 0;
  /** When the first part of an answer arrived. */
  #streamed: { readonly id: string; readonly since: number; readonly firstPart: number } | undefined;
  #error: SpanError | undefined;
  #ended = false;

  /** @param send receives all spans of the request when it has ended */
  constructor(place: Place, send: (spans: readonly Span[]) => void) {
    this.#place = place;
    this.#send = send;
  }

  ask(): Asking {
    const start = preciseNow();
    const recorded = ++this.#asked <= MAX_ASKED;
    const id = recorded ? randomSpanId() : this.#place.id;
    return {
      traceparent: traceparentOf(this.#place.traceId, id),
      end: (outcome, waitedMs) => {
        // An answer may be given up, and sent, before the last worker is done with it.
        if (recorded && !this.#ended) this.#onOutcome(outcome, id, start, start + waitedMs);
      },
    };
  }

  failed(failure: Failure): void {
    this.#error = errorOf(failure);
  }

  end({ name, attributes, status, parts }: EndedRequest): void {
    if (this.#ended) return;
    this.#ended = true;
    const now = preciseNow();
    const { id, parent } = this.#place;
    const error = status < 500 ? undefined : this.#error ?? { type: String(status), message: "", raised: false };
    if (this.#streamed !== undefined) {
      const { id, since, firstPart } = this.#streamed;
      this.#add("predict", since, now, id, error, {
        "aimodellib.first_part_seconds": (firstPart - since) / 1000,
        ...(parts !== undefined && { "aimodellib.parts": parts }),
      });
    }
    this.#spans.push({
      name,
      kind: SERVER,
      trace: this.#place,
      id,
      parent,
      remote: true,
      start: this.#start,
      end: Math.max(this.#start, now),
      attributes: { ...attributes, ...(this.#asked > 1 && { "aimodellib.executions": this.#asked }) },
      // The event of an exception belongs to the stage that raised it.
      error: error && { ...error, raised: false },
    });
    this.#send(this.#spans);
  }

  /** @param id the id of the span that the script got as its parent */
  #onOutcome(outcome: Outcome, id: string, start: number, dispatched: number): void {
    const now = preciseNow();
    switch (outcome.kind) {
      case "result":
        this.#add("queue", start, dispatched);
        this.#addStages(outcome.times ?? [], id, dispatched, now);
        break;
      case "parts":
        this.#add("queue", start, dispatched);
        this.#streamed = { id, since: dispatched, firstPart: now };
        break;
      case "refused":
        this.#error = errorOf(outcome);
        this.#add("queue", start, now, randomSpanId(), this.#error);
        break;
      case "error": {
        this.#error = errorOf(outcome);
        this.#add("queue", start, dispatched);
        const { times } = outcome.error;
        if (Array.isArray(times) && times.length > 0) {
          this.#addStages(times.map(Number), id, dispatched, now, this.#error);
        } else this.#add(stageOf(outcome), dispatched, now, id, this.#error);
        break;
      }
      case "lost":
      case "overran":
        this.#error = errorOf(outcome);
        this.#add("queue", start, dispatched);
        this.#add(stageOf(outcome), dispatched, now, id, this.#error);
        break;
    }
  }

  /**
   * Adds a span for each stage. The worker reports how long each took, and the last one ends as the answer arrives.
   *
   * @param times in seconds
   * @param id the id of the span of `predict`, or of the stage that failed before it
   * @param error why the last one failed
   */
  #addStages(times: readonly number[], id: string, dispatched: number, now: number, error?: SpanError): void {
    // The process of the script may report anything.
    const known = times.slice(0, STAGES.length).map((seconds) =>
      Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0
    );
    let at = Math.max(dispatched, now - known.reduce((sum, ms) => sum + ms, 0));
    for (const [index, ms] of known.entries()) {
      const end = Math.min(now, at + ms);
      const isLast = index === known.length - 1;
      const isParent = STAGES[index] === "predict" || isLast && index === 0;
      this.#add(STAGES[index]!, at, end, isParent ? id : randomSpanId(), isLast ? error : undefined);
      at = end;
    }
  }

  #add(
    name: string,
    start: number,
    end: number,
    id: string = randomSpanId(),
    error?: SpanError,
    attributes: Attributes = NONE,
  ): void {
    this.#spans.push({
      name,
      kind: INTERNAL,
      trace: this.#place,
      id,
      parent: this.#place.id,
      remote: false,
      start,
      end: Math.max(start, end),
      attributes,
      error,
    });
  }
}

const NONE: Attributes = {};

function stageOf(failure: Failure): string {
  const stage = failure.kind === "error" ? failure.error.stage : undefined;
  return stage === undefined || stage === "predict_batch" ? "predict" : stage;
}

/** Describes a failure; undefined if the client has disconnected, which is no error. */
function errorOf(failure: Failure): SpanError | undefined {
  switch (failure.kind) {
    case "error": {
      const { reason, type, message } = failure.error;
      if (reason === "cancelled") return undefined;
      return { type: reason === "exception" ? String(type) : reason, message, raised: reason === "exception" };
    }
    case "lost":
      return { type: "worker_died", message: `The worker ended (${failure.cause})`, raised: false };
    case "overran":
      return { type: "timeout", message: `It took longer than ${failure.limitMs / 1000} s`, raised: false };
    case "refused":
      return failure.cause === "gone"
        ? undefined
        : { type: failure.cause, message: "No worker took it", raised: false };
  }
}
