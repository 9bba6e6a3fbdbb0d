/** Spans in the form in which OpenTelemetry's serializers take them. */

import type { ProtobufTraceSerializer } from "./otlp.ts";
import type { Attributes } from "./types.ts";

/** A finished span, as OpenTelemetry defines it. */
export type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

/** What describes the program that makes spans. */
export type Origin = Pick<ReadableSpan, "resource" | "instrumentationScope">;

/** The trace that spans belong to. */
export interface TraceOf {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  readonly tracestate?: string | undefined;
}

/** The kind of a span within this program, as in OpenTelemetry's `SpanKind`. */
export const INTERNAL = 0;
/** The kind of a request's span, as in OpenTelemetry's `SpanKind`. */
export const SERVER = 1;

/** An exception, or another error. */
export interface SpanError {
  /** A class, or a word that is the same for all errors of a kind. */
  readonly type: string;
  readonly message: string;
  /** Whether a script raised it. */
  readonly raised: boolean;
}

/** A span. Times are in ms since 1970. */
export interface Span {
  readonly name: string;
  readonly kind: typeof INTERNAL | typeof SERVER;
  readonly trace: TraceOf;
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly parent: string | undefined;
  /** Whether the parent is a span of another program. */
  readonly remote?: boolean;
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  /** Sets the status, and an event for an exception. */
  readonly error?: SpanError | undefined;
}

/** The longest text of an attribute, in characters. */
export const MAX_TEXT = 4096;

/** A span in the form of the serializers; long texts are truncated. A class, whose objects are made much faster than by spreading others. */
class Readable {
  readonly resource: Origin["resource"];
  readonly instrumentationScope: Origin["instrumentationScope"];
  readonly name: string;
  readonly kind: number;
  readonly parentSpanContext: SpanContext | undefined;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: ReadableSpan["status"];
  readonly attributes: ReadableSpan["attributes"];
  readonly events: ReadableSpan["events"];
  readonly links: ReadableSpan["links"] = NONE;
  readonly ended = true;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly #context: SpanContext;

  constructor(span: Span, { resource, instrumentationScope }: Origin) {
    const { trace, parent, error } = span;
    this.resource = resource;
    this.instrumentationScope = instrumentationScope;
    this.name = span.name;
    this.kind = span.kind;
    this.#context = contextOf(trace, span.id, false);
    this.parentSpanContext = parent === undefined ? undefined : contextOf(trace, parent, span.remote ?? false);
    this.startTime = hrTime(span.start);
    this.endTime = hrTime(span.end);
    this.duration = hrTime(span.end - span.start);
    this.attributes = shortened(span.attributes, error);
    if (error === undefined) {
      this.status = UNSET;
      this.events = NONE;
    } else {
      const message = error.message.slice(0, MAX_TEXT);
      this.status = { code: 2, message };
      this.events = error.raised ? [exception(error.type, message, this.endTime)] : NONE;
    }
  }

  spanContext(): SpanContext {
    return this.#context;
  }
}

const UNSET = { code: 0 } as const;
const NONE: never[] = [];

/** Converts a span into the form of the serializers; long texts are truncated. */
export function readable(span: Span, origin: Origin): ReadableSpan {
  return new Readable(span, origin) as ReadableSpan;
}

function shortened(attributes: Attributes, error: SpanError | undefined): Record<string, string | number> {
  const short: Record<string, string | number> = {};
  for (const key in attributes) {
    const value = attributes[key]!;
    short[key] = typeof value === "string" && value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value;
  }
  if (error !== undefined) short["error.type"] = error.type;
  return short;
}

function exception(type: string, message: string, time: HrTime): ReadableSpan["events"][number] {
  return {
    name: "exception",
    time,
    attributes: { "exception.type": type, "exception.message": message },
    droppedAttributesCount: 0,
  };
}

type SpanContext = ReturnType<ReadableSpan["spanContext"]>;
type HrTime = [number, number];

function contextOf({ traceId, tracestate }: TraceOf, spanId: string, isRemote: boolean): SpanContext {
  const context = { traceId, spanId, traceFlags: 1, isRemote };
  if (tracestate === undefined) return context;
  return { ...context, traceState: { serialize: () => tracestate } as SpanContext["traceState"] & object };
}

/** Converts ms to pairs of seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6))];
}
