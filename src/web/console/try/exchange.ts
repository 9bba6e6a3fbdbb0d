/** Requests that were sent, and their answers as they arrive. */

import { request } from "../api.ts";
import { Store } from "../store.ts";

/** A request as it was sent. */
export interface Sent {
  readonly model: string;
  /** The path, relative to the page. */
  readonly path: string;
  readonly contentType: string;
  readonly accept: string;
  readonly body: Blob;
  /** What the visitor calls the body: the name of a file. */
  readonly name?: string | undefined;
}

/** A request with its answer, as far as it has arrived. */
export interface Exchange {
  readonly sent: Sent;
  /** When it was sent, in ms since 1970. */
  readonly time: number;
  readonly phase: "sending" | "receiving" | "done" | "cancelled" | "failed";
  /** The answer's status; 0 until there is one. */
  readonly status: number;
  readonly contentType: string;
  readonly requestId: string;
  /** The header Server-Timing; empty if there is none. */
  readonly timing: string;
  /** What has arrived. */
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
  /** How many bytes have arrived. */
  readonly size: number;
  /** Ms from sending until the first byte of the body, and until now or the end. */
  readonly firstMs: number;
  readonly ms: number;
  /** What went wrong between the page and the server; empty otherwise. */
  readonly fault: string;
}

/** The longest answer that the page receives, in bytes. It keeps all of it in memory. */
const MAX_ANSWER = 64 * 2 ** 20;

/** The exchange that is shown; undefined before the first. */
export const exchange: Store<Exchange | undefined> = new Store<Exchange | undefined>(undefined);

let running: AbortController | undefined;

/** Cancels the running request. The server then tells its worker. */
export function cancel(): void {
  running?.abort();
}

/** Cancels the running request, and hides the exchange. */
export function clearExchange(): void {
  cancel();
  running = undefined;
  exchange.set(undefined);
}

/** Sends a request, and shows its answer as it arrives. A request that is still running is cancelled. Never rejects. */
export async function send(sent: Sent): Promise<Exchange> {
  cancel();
  const controller = running = new AbortController();
  const start = performance.now();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let now: Exchange = {
    sent,
    time: Date.now(),
    phase: "sending",
    status: 0,
    contentType: "",
    requestId: "",
    timing: "",
    chunks: [],
    size: 0,
    firstMs: 0,
    ms: 0,
    fault: "",
  };
  let frame = 0;
  const show = (members: Partial<Exchange>) => {
    now = { ...now, ms: performance.now() - start, ...members };
    if (running === controller) exchange.set(now);
  };
  show({});
  try {
    const response = await request(sent.path, {
      method: "POST",
      body: sent.body,
      headers: {
        // Without this header, the browser would send the blob's type.
        "content-type": sent.contentType || "application/octet-stream",
        accept: sent.accept || "*/*",
        prefer: "server-timing",
      },
      signal: controller.signal,
      cache: "no-store",
    });
    const { headers, status } = response;
    show({
      phase: "receiving",
      status,
      contentType: headers.get("content-type") ?? "",
      requestId: headers.get("x-request-id") ?? "",
      timing: headers.get("server-timing") ?? "",
    });
    let size = 0;
    const reader = response.body?.getReader();
    while (reader !== undefined) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > MAX_ANSWER) {
        controller.abort();
        throw new Error(`The answer is over ${MAX_ANSWER / 2 ** 20} MiB, which is more than this page keeps`);
      }
      chunks.push(value as Uint8Array<ArrayBuffer>);
      if (now.firstMs === 0) now = { ...now, firstMs: performance.now() - start };
      now = { ...now, size };
      // Many parts may arrive between two frames of the screen.
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        show({ chunks: [...chunks] });
      });
    }
    cancelAnimationFrame(frame);
    show({ phase: "done", chunks: [...chunks] });
  } catch (error) {
    cancelAnimationFrame(frame);
    const cancelled = controller.signal.aborted && !(error instanceof Error && /page keeps/.test(error.message));
    show({
      phase: cancelled ? "cancelled" : "failed",
      chunks: [...chunks],
      fault: cancelled ? "" : faultOf(error, now),
    });
  }
  if (running === controller) running = undefined;
  return now;
}

function faultOf(error: unknown, { status }: Exchange): string {
  if (!(error instanceof TypeError)) return error instanceof Error ? error.message : String(error);
  return status === 0
    ? "The server can't be reached. Is it still running?"
    : "The connection ended before the answer was complete: the script failed on the way, or the server stopped";
}
