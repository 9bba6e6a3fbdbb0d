/**
 * Records one sampled request, and makes its spans: its own, and one for each stage of a model's work.
 *
 * While the request is executed, only times and outcomes are noted. The spans are made later, for several requests in a row: the code for
 * one request of a hundred is no longer in the processor's caches when the next one ends, and then takes several times as long.
 */

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

/** An outcome without the answer's body, which must not be kept in memory. */
type Result = Failure | { readonly kind: "result"; readonly times: readonly number[] } | { readonly kind: "parts" };

/** One time that a request has asked a model. Times are in ms since 1970. */
interface Execution {
  /** The id of the span of `predict`, or of the function that failed before it; the script got it as its parent. */
  readonly id: string;
  readonly start: number;
  /** When a worker got it. */
  readonly dispatched: number;
  /** When the answer, or its first part, had arrived. */
  readonly answered: number;
  readonly result: Result;
}

/** Records a request until its answer has ended. */
export class RequestRecording implements Recording {
  readonly #onEnded: (recording: RequestRecording) => void;
  readonly #start = preciseNow();
  /** The executions that have ended. */
  readonly #executions: Execution[] = [];
  /** The number of times that a model was asked. */
  #asked = 0;
  #error: SpanError | undefined;
  #request: EndedRequest | undefined;
  #end = 0;

  /** @param onEnded is called when the request has ended; from then on, there are {@linkcode spans} */
  constructor(readonly place: Place, onEnded: (recording: RequestRecording) => void) {
    this.#onEnded = onEnded;
  }

  ask(): Asking {
    const start = preciseNow();
    const recorded = ++this.#asked <= MAX_ASKED;
    const id = recorded ? randomSpanId() : this.place.id;
    return {
      traceparent: traceparentOf(this.place.traceId, id),
      end: (outcome, waitedMs) => {
        // An answer may be given up, and sent, before the last worker is done with it.
        if (!recorded || this.#request !== undefined) return;
        const result = withoutBody(outcome);
        this.#executions.push({ id, start, dispatched: start + waitedMs, answered: preciseNow(), result });
        if (result.kind !== "result" && result.kind !== "parts") this.#error = errorOf(result);
      },
    };
  }

  failed(failure: Failure): void {
    this.#error = errorOf(failure);
  }

  end(request: EndedRequest): void {
    if (this.#request !== undefined) return;
    this.#request = request;
    this.#end = preciseNow();
    this.#onEnded(this);
  }

  /** Makes the spans of the request, its own as the last one. Call it when the request has ended. */
  spans(): Span[] {
    const { describe, status, parts } = this.#request!;
    const error = status < 500 ? undefined : this.#error ?? { type: String(status), message: "", raised: false };
    const spans = new Spans(this.place);
    let streamed: Execution | undefined;
    for (const execution of this.#executions) {
      spans.addExecution(execution);
      if (execution.result.kind === "parts") streamed = execution;
    }
    if (streamed !== undefined) {
      const { id, dispatched, answered } = streamed;
      spans.add("predict", dispatched, this.#end, id, error, {
        "aimodellib.first_part_seconds": (answered - dispatched) / 1000,
        ...(parts !== undefined && { "aimodellib.parts": parts }),
      });
    }
    const { name, attributes } = describe();
    if (this.#asked > 1) attributes["aimodellib.executions"] = this.#asked;
    const { id, parent } = this.place;
    spans.made.push({
      name,
      kind: SERVER,
      trace: this.place,
      id,
      parent,
      remote: true,
      start: this.#start,
      end: Math.max(this.#start, this.#end),
      attributes,
      // The event of an exception belongs to the stage that raised it.
      error: error && { ...error, raised: false },
    });
    return spans.made;
  }
}

/** Makes the spans of stages. */
class Spans {
  readonly made: Span[] = [];
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  addExecution({ id, start, dispatched, answered, result }: Execution): void {
    if (result.kind === "refused") {
      this.add("queue", start, answered, undefined, errorOf(result));
      return;
    }
    this.add("queue", start, dispatched);
    switch (result.kind) {
      case "result":
        this.#addStages(result.times, id, dispatched, answered);
        break;
      case "parts":
        // Its span ends with the last part.
        break;
      case "error": {
        const { times } = result.error;
        const error = errorOf(result);
        if (Array.isArray(times) && times.length > 0) {
          this.#addStages(times.map(Number), id, dispatched, answered, error);
        } else this.add(stageOf(result), dispatched, answered, id, error);
        break;
      }
      case "lost":
      case "overran":
        this.add(stageOf(result), dispatched, answered, id, errorOf(result));
        break;
    }
  }

  /**
   * Adds a span for each stage. The worker reports how long each took, and the last one ends as the answer arrives.
   *
   * @param times in seconds; the process of the script may report anything
   * @param id the id of the span of `predict`, or of the stage that failed before it
   * @param error why the last one failed
   */
  #addStages(times: readonly number[], id: string, dispatched: number, answered: number, error?: SpanError): void {
    const count = Math.min(times.length, STAGES.length);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += durationOf(times[i]!);
    let at = Math.max(dispatched, answered - sum);
    for (let i = 0; i < count; i++) {
      const end = Math.min(answered, at + durationOf(times[i]!));
      const isLast = i === count - 1;
      const isParent = STAGES[i] === "predict" || isLast && i === 0;
      this.add(STAGES[i]!, at, end, isParent ? id : undefined, isLast ? error : undefined);
      at = end;
    }
  }

  add(
    name: string,
    start: number,
    end: number,
    id?: string,
    error?: SpanError,
    attributes: Attributes = NONE,
  ): void {
    const trace = this.#place;
    this.made.push({
      name,
      kind: INTERNAL,
      trace,
      id,
      parent: trace.id,
      remote: false,
      start,
      end: Math.max(start, end),
      attributes,
      error,
    });
  }
}

const NONE: Attributes = {};
const PARTS = { kind: "parts" } as const;
const NO_TIMES: readonly number[] = [];

function withoutBody(outcome: Outcome): Result {
  switch (outcome.kind) {
    case "result":
      return { kind: "result", times: outcome.times ?? NO_TIMES };
    case "parts":
      return PARTS;
    default:
      return outcome;
  }
}

/** Converts a time that a worker reported from seconds to ms. */
function durationOf(seconds: number): number {
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0;
}

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
