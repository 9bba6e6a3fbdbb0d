/**
 * Encodes spans as an ExportTraceServiceRequest of OTLP, as OpenTelemetry's serializer does (a test compares the bytes), at a fraction of
 * its cost: for one sampled request of a hundred, that one takes as much CPU time as all other work on traces together. It encodes each
 * span twice, first to learn the length, and the same attributes again and again. It also needs all spans of a batch as objects, which
 * the garbage collector would copy several times before the batch is sent; here, the spans of a few requests become bytes soon after these have ended.
 */

import type { Batch, Batcher } from "./batches.ts";
import { ProtobufWriter } from "./protobuf.ts";
import { MAX_TEXT, type Origin, type Span, type SpanError, type TraceOf } from "./span.ts";

/** Attributes whose value is longer are not kept in their encoded form, in characters. */
const MAX_KEPT = 256;

/** Tags of the protocol's messages: trace_service.proto, trace.proto, common.proto and resource.proto. */
const REQUEST = { resourceSpans: 0x0a } as const;
const RESOURCE_SPANS = { resource: 0x0a, scopeSpans: 0x12 } as const;
const RESOURCE = { attributes: 0x0a, dropped: 0x10 } as const;
const SCOPE_SPANS = { scope: 0x0a, spans: 0x12 } as const;
const SCOPE = { name: 0x0a, version: 0x12 } as const;
const SPAN = {
  traceId: 0x0a,
  id: 0x12,
  state: 0x1a,
  parent: 0x22,
  name: 0x2a,
  kind: 0x30,
  start: 0x39,
  end: 0x41,
  attributes: 0x4a,
  droppedAttributes: 0x50,
  events: 0x5a,
  droppedEvents: 0x60,
  droppedLinks: 0x70,
  status: 0x7a,
  flags: 0x0185,
} as const;
const EVENT = { time: 0x09, name: 0x12, attributes: 0x1a, dropped: 0x20 } as const;
const STATUS = { message: 0x12, code: 0x18 } as const;
const PAIR = { key: 0x0a, value: 0x12 } as const;
const VALUE = { text: 0x0a, integer: 0x18, double: 0x21 } as const;

const ERROR_CODE = 2;
/** The span is sampled, and it is known whether its parent is remote. */
const SAMPLED = 0x101;
const REMOTE = 0x200;

/** Encodes batches of spans. */
export class SpanEncoder implements Batcher {
  readonly #writer = new ProtobufWriter();
  /** The resource and the scope, which are the same in all batches. */
  readonly #resource: Uint8Array;
  readonly #scope: Uint8Array;
  /** The fields between the attributes and the flags of a span without an error. */
  readonly #faultless: Uint8Array;
  #count = 0;
  /** Where the last whole span of the batch ends. An error may have left a part of another one after it. */
  #end = 0;
  /** Where the lengths of the two messages belong that enclose all spans of the batch. */
  #outer = 0;
  #inner = 0;
  /** The trace and the parent of the last span, and their encoded form: the spans of a request come one after the other. */
  #trace: TraceOf | undefined;
  readonly #traceField = new Uint8Array(2 + 16);
  #parent: string | undefined;
  readonly #parentField = new Uint8Array(2 + 8);
  /** The last value of each attribute, and its encoded form if it has come twice: most requests have the same. */
  readonly #last = new Map<string, { value: string | number; field: Uint8Array | undefined }>();

  constructor({ resource, instrumentationScope: { name, version } }: Origin) {
    const writer = this.#writer;
    const described = writer.begin(RESOURCE_SPANS.resource);
    for (const [key, value] of Object.entries(resource.attributes)) {
      this.#pair(RESOURCE.attributes, key, value as string | number);
    }
    writer.integer(RESOURCE.dropped, 0);
    writer.end(described);
    this.#resource = writer.take();
    const scope = writer.begin(SCOPE_SPANS.scope);
    writer.text(SCOPE.name, name);
    if (version !== undefined) writer.text(SCOPE.version, version);
    writer.end(scope);
    this.#scope = writer.take();
    this.#outcome(undefined, 0);
    this.#faultless = writer.take();
  }

  get count(): number {
    return this.#count;
  }

  add(span: Span): void {
    this.#writer.rewind(this.#end);
    if (this.#count === 0) this.#begin();
    this.#span(span);
    this.#end = this.#writer.position;
    this.#count++;
  }

  take(): Batch {
    const writer = this.#writer;
    writer.rewind(this.#end);
    if (this.#count === 0) this.#begin();
    writer.end(this.#inner);
    writer.end(this.#outer);
    const bytes = writer.take();
    const batch = { count: this.#count, encode: () => bytes };
    this.#count = this.#end = 0;
    return batch;
  }

  #begin(): void {
    const writer = this.#writer;
    this.#outer = writer.begin(REQUEST.resourceSpans);
    writer.fields(this.#resource);
    this.#inner = writer.begin(RESOURCE_SPANS.scopeSpans);
    writer.fields(this.#scope);
  }

  #span({ trace, id, parent, remote, name, kind, start, end, attributes, error }: Span): void {
    const writer = this.#writer;
    const place = writer.begin(SCOPE_SPANS.spans);
    this.#traceId(trace);
    if (id === undefined) writer.random8(SPAN.id);
    else writer.hex(SPAN.id, id);
    if (trace.tracestate !== undefined) writer.text(SPAN.state, trace.tracestate);
    if (parent !== undefined) this.#parentId(parent);
    writer.text(SPAN.name, name);
    // OpenTelemetry's API counts kinds from 0, and its protocol from 1.
    writer.integer(SPAN.kind, kind + 1);
    writer.time(SPAN.start, start);
    writer.time(SPAN.end, end);
    for (const key in attributes) this.#attribute(key, attributes[key]!);
    if (error === undefined) writer.fields(this.#faultless);
    else {
      this.#attribute("error.type", error.type);
      this.#outcome(error, end);
    }
    writer.fixed32(SPAN.flags, parent !== undefined && remote === true ? SAMPLED | REMOTE : SAMPLED);
    writer.end(place);
  }

  #traceId(trace: TraceOf): void {
    if (trace === this.#trace) return this.#writer.fields(this.#traceField);
    const start = this.#writer.position;
    this.#writer.hex(SPAN.traceId, trace.traceId);
    this.#writer.copy(start, this.#traceField);
    this.#trace = trace;
  }

  #parentId(parent: string): void {
    if (parent === this.#parent) return this.#writer.fields(this.#parentField);
    const start = this.#writer.position;
    this.#writer.hex(SPAN.parent, parent);
    this.#writer.copy(start, this.#parentField);
    this.#parent = parent;
  }

  #attribute(key: string, value: string | number): void {
    const last = this.#last.get(key);
    if (last?.value === value && last.field !== undefined) return this.#writer.fields(last.field);
    const start = this.#writer.position;
    this.#pair(SPAN.attributes, key, value);
    if (typeof value === "string" && value.length > MAX_KEPT) return;
    if (last === undefined) this.#last.set(key, { value, field: undefined });
    else {
      // Some attributes have another value each time: only a value that comes again is worth a copy.
      last.field = last.value === value ? this.#writer.since(start) : undefined;
      last.value = value;
    }
  }

  #pair(tag: number, key: string, value: string | number): void {
    const writer = this.#writer;
    const pair = writer.begin(tag);
    writer.text(PAIR.key, key);
    const place = writer.begin(PAIR.value);
    if (typeof value === "string") writer.text(VALUE.text, value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value);
    else if (Number.isSafeInteger(value) && value >= 0) writer.integer(VALUE.integer, value);
    else writer.double(VALUE.double, value);
    writer.end(place);
    writer.end(pair);
  }

  /** Writes the fields between the attributes and the flags. */
  #outcome(error: SpanError | undefined, end: number): void {
    const writer = this.#writer;
    writer.integer(SPAN.droppedAttributes, 0);
    if (error?.raised) this.#exception(error, end);
    writer.integer(SPAN.droppedEvents, 0);
    writer.integer(SPAN.droppedLinks, 0);
    this.#status(error);
  }

  #exception({ type, message }: SpanError, time: number): void {
    const writer = this.#writer;
    const event = writer.begin(SPAN.events);
    writer.time(EVENT.time, time);
    writer.text(EVENT.name, "exception");
    this.#pair(EVENT.attributes, "exception.type", type);
    this.#pair(EVENT.attributes, "exception.message", message);
    writer.integer(EVENT.dropped, 0);
    writer.end(event);
  }

  #status(error: SpanError | undefined): void {
    const writer = this.#writer;
    const status = writer.begin(SPAN.status);
    const message = error?.message.slice(0, MAX_TEXT) ?? "";
    if (message !== "") writer.text(STATUS.message, message);
    writer.integer(STATUS.code, error === undefined ? 0 : ERROR_CODE);
    writer.end(status);
  }
}
