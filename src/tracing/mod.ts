/** Tracing of requests with OpenTelemetry's protocol. Loaded late, and only if the settings turn it on. */

import { getLogger } from "@logtape/logtape";
import { hideCredentials } from "../credentials.ts";
import { messageOf, UsageError } from "../errors.ts";
import type { Metric } from "../observability/metrics.ts";
import { Seldom } from "../observability/seldom.ts";
import { VERSION } from "../version.ts";
import { type Batcher, PlainBatcher } from "./batches.ts";
import { randomSpanId, traceparentOf } from "./ids.ts";
import type * as Otlp from "./otlp.ts";
import { RequestRecording } from "./recording.ts";
import { isSampled, type Sampler, sampler } from "./sampler.ts";
import { sender } from "./sender.ts";
import { SpanEncoder } from "./span_encoder.ts";
import { SpanQueue } from "./span_queue.ts";
import { type Origin, readable } from "./span.ts";
import type { TracingSettings } from "./settings.ts";
import type { RequestTrace, TraceHeaders, Tracing } from "./types.ts";

const log = getLogger(["aimodellib", "tracing"]);

/** Starts tracing; logs why it can't, which must not keep a model from being served, and returns undefined. */
export async function startTracing(settings: TracingSettings): Promise<Tracing | undefined> {
  // The bundle of this program must not contain the module; see there.
  const file = Deno.build.standalone ? "../threads/otlp.js" : "./otlp.ts";
  const serializers: typeof Otlp = await import(new URL(file, import.meta.url).href);
  try {
    return new OtlpTracing(settings, serializers);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    log.warning("Tracing is off: {reason}", { reason: error.message });
    return undefined;
  }
}

/** The trace of nearly all requests: one object for all of them, since each must cost little. */
const UNSAMPLED: RequestTrace = { headers: undefined, recording: undefined };

/** Traces requests, and sends their spans by OTLP. */
class OtlpTracing implements Tracing {
  readonly #sampler: Sampler;
  readonly #queue: SpanQueue;
  readonly #url: string;
  readonly #failures = new Seldom<"failed" | "dropped">((kind, count) => this.#tell(kind, count));
  /** Why spans were not accepted last. */
  #reason = "";

  constructor(settings: TracingSettings, serializers: typeof Otlp) {
    this.#url = hideCredentials(settings.url);
    this.#sampler = sampler(settings.sampling);
    const onFailure = (reason: string) => {
      this.#reason = hideCredentials(reason);
      this.#failures.add("failed", () => this.#tell("failed", 1));
    };
    this.#queue = new SpanQueue(settings.batches, {
      batcher: batcherOf(settings, serializers),
      send: sender(settings, serializers, onFailure),
      onDropped: () => this.#failures.add("dropped", () => this.#tell("dropped", 1)),
      onFailed: (error) => onFailure(messageOf(error)),
    });
  }

  announce(): void {
    log.info("Traces are sent to {url}", { url: this.#url });
  }

  begin(parent: TraceHeaders | undefined): RequestTrace {
    const traceId = parent === undefined
      ? this.#sampler.begin()
      : this.#sampler.joins(parent.traceparent)
      ? parent.traceparent.slice(3, 35)
      : undefined;
    if (traceId === undefined) {
      if (parent === undefined) return UNSAMPLED;
      // What the request causes must not be sampled either.
      return { headers: isSampled(parent.traceparent) ? unsampled(parent) : parent, recording: undefined };
    }
    const id = randomSpanId();
    const tracestate = parent?.tracestate;
    const place = { traceId, tracestate, id, parent: parent?.traceparent.slice(36, 52) };
    const recording = new RequestRecording(place, (ended) => this.#queue.add(ended));
    return { headers: { traceparent: traceparentOf(traceId, id), tracestate }, recording };
  }

  metrics(): readonly Metric[] {
    return [{
      name: "aimodellib_trace_spans_total",
      help:
        "Spans that the receiver has accepted (exported), that found no room in the queue (dropped), or that it did not accept (failed).",
      type: "counter",
      values: Object.entries(this.#queue.counts).map(([outcome, count]) => [{ outcome }, count]),
    }];
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.#queue.stop(signal);
    this.#failures.stop();
  }

  #tell(kind: "failed" | "dropped", count: number): void {
    if (kind === "dropped") {
      log.warn("{count} spans were dropped: OTEL_BSP_MAX_QUEUE_SIZE others wait to be sent", { count });
    } else {
      log.warn("Could not send spans to {url}: {reason} ({count} times)", {
        url: this.#url,
        reason: this.#reason,
        count,
      });
    }
  }
}

function unsampled({ traceparent, tracestate }: TraceHeaders): TraceHeaders {
  return { traceparent: `${traceparent.slice(0, 53)}00`, tracestate };
}

function batcherOf(settings: TracingSettings, { JsonTraceSerializer }: typeof Otlp): Batcher {
  const origin = originOf(settings);
  if (settings.format === "protobuf") return new SpanEncoder(origin);
  return new PlainBatcher((spans) =>
    new Uint8Array(JsonTraceSerializer.serializeRequest(spans.map((span) => readable(span, origin)))!)
  );
}

/** Describes this program to the receiver. */
function originOf({ resource }: TracingSettings): Origin {
  const attributes = {
    "service.name": "aimodellib",
    "service.instance.id": crypto.randomUUID(),
    "host.name": Deno.hostname(),
    "process.pid": Deno.pid,
    ...resource,
  };
  return {
    // The serializers read the attributes alone.
    resource: { attributes } as unknown as Origin["resource"],
    instrumentationScope: { name: "aimodellib", version: VERSION },
  };
}
