/** Spans in the form in which OpenTelemetry's serializers take them. */

import { randomSpanId } from "./ids.ts";
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
  /** 16 hexadecimal digits; undefined if nothing else refers to the span, whose id is then made when it is written. */
  readonly id: string | undefined;
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

/** Converts a span into the form of the serializers; long texts are truncated. */
export function readable(span: Span, origin: Origin): ReadableSpan {
  const { name, kind, trace, id = randomSpanId(), parent, remote = false, start, end, error } = span;
  const attributes: Record<string, string | number> = {};
  for (const [key, value] of Object.entries(span.attributes)) {
    attributes[key] = typeof value === "string" ? value.slice(0, MAX_TEXT) : value;
  }
  const message = error?.message.slice(0, MAX_TEXT);
  if (error !== undefined) attributes["error.type"] = error.type;
  return {
    ...origin,
    name,
    kind,
    spanContext: () => contextOf(trace, id, false),
    ...(parent !== undefined && { parentSpanContext: contextOf(trace, parent, remote) }),
    startTime: hrTime(start),
    endTime: hrTime(end),
    duration: hrTime(end - start),
    status: error === undefined ? { code: 0 } : { code: 2, message: message! },
    attributes,
    events: error?.raised
      ? [{
        name: "exception",
        time: hrTime(end),
        attributes: { "exception.type": error.type, "exception.message": message! },
        droppedAttributesCount: 0,
      }]
      : [],
    links: [],
    ended: true,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

type SpanContext = ReturnType<ReadableSpan["spanContext"]>;

function contextOf({ traceId, tracestate }: TraceOf, spanId: string, isRemote: boolean): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: 1,
    isRemote,
    ...(tracestate !== undefined &&
      { traceState: { serialize: () => tracestate } as SpanContext["traceState"] & object }),
  };
}

/** Converts ms to pairs of seconds and nanoseconds. */
function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6))];
}
