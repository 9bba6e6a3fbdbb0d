/** What the HTTP side and the commands know of tracing. The code behind it is loaded only if tracing is on. */

import type { Metric } from "../observability/metrics.ts";
import type { Failure, Outcome } from "../supervisor/mod.ts";

/** W3C Trace Context, as headers carry it. */
export interface TraceHeaders {
  /** In version 00. */
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
}

/** Values of a span's attributes. */
export type Attributes = Readonly<Record<string, string | number>>;

/** Decides which requests are traced, and sends their spans. */
export interface Tracing {
  /** Begins a request. @param parent the valid trace headers that its client has sent */
  begin(parent: TraceHeaders | undefined): RequestTrace;
  /** Logs where spans are sent to. */
  announce(): void;
  /** The counts of spans. */
  metrics(): readonly Metric[];
  /** Sends what is left, and resolves when that is done. Never rejects. @param signal gives up when it is aborted */
  stop(signal: AbortSignal): Promise<void>;
}

/** The trace of one request. */
export interface RequestTrace {
  /** The headers for all that the request causes; undefined if it begins a trace that is not sampled, whose ids hardly anyone needs. */
  readonly headers: TraceHeaders | undefined;
  /** Records the spans of the request; undefined if it is not sampled. */
  readonly recording: Recording | undefined;
}

/** Records the spans of one request. */
export interface Recording {
  /** Begins to ask a model, which a request may do several times. */
  ask(): Asking;
  /** Records why a streamed answer ended early. */
  failed(failure: Failure): void;
  /** Ends the request, and hands its spans over for sending. Only the first call counts. */
  end(request: EndedRequest): void;
}

/** A request that a model executes. */
export interface Asking {
  /** What the script gets as the parent of its own spans: the span of `predict`. */
  readonly traceparent: string;
  /** Records the outcome. @param waitedMs how long the request waited for a worker, in ms */
  end(outcome: Outcome, waitedMs: number): void;
}

/** The description of a request. */
export interface Description {
  /** The span's name. */
  readonly name: string;
  /** Made for this span alone: more may be added. */
  readonly attributes: Record<string, string | number>;
}

/** What the server knows of a request when its answer has ended. */
export interface EndedRequest {
  /** Describes the request. It is called once, at some later time, and must not keep a body in memory until then. */
  readonly describe: () => Description;
  /** The status of the answer, or the one with which a streamed answer ended. */
  readonly status: number;
  /** The number of parts of a streamed answer. */
  readonly parts?: number | undefined;
}
