/** Sends spans to a receiver: OTLP over HTTP, https://opentelemetry.io/docs/specs/otlp/#otlphttp. */

import { Backoff } from "../backoff.ts";
import { messageOf, UsageError } from "../errors.ts";
import { readText } from "../files.ts";
import { VERSION } from "../version.ts";
import type { SendBatch } from "./span_queue.ts";
import type * as Otlp from "./otlp.ts";
import type { TlsFiles, TracingSettings } from "./settings.ts";

/** Statuses after which a transfer is to be repeated. */
const AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** The pause after the first failed try, and the longest, in ms. */
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 5000;

/** The most that is read of a receiver's answer, in bytes. */
const MAX_ANSWER = 64 * 1024;

/** How a try ended. */
type Tried =
  | { readonly kind: "accepted"; readonly rejected: number; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly pauseMs: number | undefined; readonly final: boolean };

/**
 * Makes a function that sends batches, and tries again after failures that may pass, within the time limit of a batch.
 *
 * @param serializers the module with OpenTelemetry's serializers, which read the answers
 * @param onFailure receives the reason why spans were not accepted, as part of a sentence
 * @throws {UsageError} if a certificate can't be read or used
 */
export function sender(
  settings: TracingSettings,
  serializers: typeof Otlp,
  onFailure: (reason: string) => void,
): SendBatch {
  const serializer = settings.format === "json" ? serializers.JsonTraceSerializer : serializers.ProtobufTraceSerializer;
  const client = clientOf(settings.tls);
  const headers = new Headers({ "user-agent": `aimodellib/${VERSION}`, ...settings.headers });
  headers.set("content-type", settings.format === "json" ? "application/json" : "application/x-protobuf");
  if (settings.gzip) headers.set("content-encoding", "gzip");

  async function attempt(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Tried> {
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(settings.timeoutMs)]);
      const response = await fetch(settings.url, {
        method: "POST",
        headers,
        body,
        redirect: "manual",
        signal: limit,
        ...(client && { client }),
      });
      const answer = await beginningOf(response);
      if (!response.ok) {
        const { status } = response;
        const seconds = Number(response.headers.get("retry-after") ?? NaN);
        const pauseMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
        return { kind: "failed", reason: `it answered ${status}`, pauseMs, final: !AGAIN.has(status) };
      }
      return { kind: "accepted", ...partialSuccess(answer) };
    } catch (error) {
      return { kind: "failed", reason: messageOf(error), pauseMs: undefined, final: signal.aborted };
    }
  }

  function partialSuccess(answer: Uint8Array): { readonly rejected: number; readonly reason: string } {
    try {
      const { rejectedSpans = 0, errorMessage = "" } = serializer.deserializeResponse(answer).partialSuccess ?? {};
      return { rejected: Number(rejectedSpans) || 0, reason: errorMessage };
    } catch {
      // It has accepted the spans, whatever else it says.
      return { rejected: 0, reason: "" };
    }
  }

  return async function send(batch, stop) {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(settings.batches.limitMs)]);
    const backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, maxMs: MAX_PAUSE_MS });
    let body: Uint8Array<ArrayBuffer>;
    try {
      const encoded = batch.encode();
      body = settings.gzip ? await compressed(encoded) : encoded;
    } catch (error) {
      onFailure(messageOf(error));
      return 0;
    }
    while (true) {
      const tried = await attempt(body, signal);
      if (tried.kind === "accepted") {
        const rejected = Math.min(batch.count, Math.max(0, tried.rejected));
        if (rejected > 0) onFailure(`it rejected ${rejected} of ${batch.count} spans: ${tried.reason}`);
        return batch.count - rejected;
      }
      onFailure(tried.reason);
      if (tried.final || !await pause(tried.pauseMs ?? backoff.next(0), signal)) return 0;
    }
  };
}

/** An HTTP client with the certificates; undefined if there are none. @throws {UsageError} if a file can't be read */
function clientOf({ authorities, cert, key }: TlsFiles): Deno.HttpClient | undefined {
  if (authorities === undefined && cert === undefined && key === undefined) return undefined;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError(
      "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY must be set together",
    );
  }
  const options = {
    ...(authorities !== undefined && { caCerts: [readPem(authorities, "certificate of the receiver")] }),
    ...(cert !== undefined && key !== undefined &&
      { cert: readPem(cert, "client certificate"), key: readPem(key, "key of the client certificate") }),
  };
  try {
    return Deno.createHttpClient(options);
  } catch (cause) {
    throw new UsageError(`The certificates for the receiver of traces can't be used: ${messageOf(cause)}`, { cause });
  }
}

/** Reads a PEM file. Deno would take one without any certificate for an empty list. @throws {UsageError} if it can't be read, or is none */
function readPem(path: string, what: string): string {
  const text = readText(path, what);
  if (/^-----BEGIN [A-Z ]+-----/m.test(text)) return text;
  throw new UsageError(`The ${what} '${path}' is not a PEM file: it has no line '-----BEGIN …-----'`);
}

/** Reads an answer up to a limit, and ends the transfer there. */
async function beginningOf(response: Response): Promise<Uint8Array> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_ANSWER) break;
  }
  return await new Blob(pieces).bytes();
}

async function compressed(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

/** Waits. @returns false if `signal` was aborted meanwhile */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const end = (whole: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve(whole);
    };
    const onAbort = () => end(false);
    // A longer pause than timers can take.
    const timer = setTimeout(() => end(true), Math.min(ms, 2 ** 31 - 1));
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
