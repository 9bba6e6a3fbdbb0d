/** Reads requests and writes answers of the Open Inference Protocol: at once if they are small, else in threads. */

import { HttpProblem } from "../http_problem.ts";
import type { Encoded } from "./response.ts";
import {
  buffersOf,
  decode,
  type Decoded,
  type DecodeJob,
  encode,
  type EncodeJob,
  type WorkRequest,
  type WorkResponse,
} from "./work.ts";

/** Large requests that are worked on at once; others wait. */
const MAX_THREADS = 2;

/** Who waits for it. */
export interface Client {
  readonly left: boolean;
}

interface Pending {
  readonly client: Client;
  readonly request: WorkRequest;
  readonly resolve: (value: Decoded | Encoded) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads requests and writes answers: small ones at once, large ones in a thread. */
export class Transcoder implements Disposable {
  /** Threads that have nothing to do. */
  readonly #idle: Worker[] = [];
  readonly #threads = new Map<Worker, Pending | undefined>();
  readonly #waiting: Pending[] = [];
  #next = 0;

  /**
   * Reads a request, whose body is empty afterwards if a thread does.
   *
   * @throws {HttpProblem} if it can't be answered
   */
  async decode(job: DecodeJob, client: Client): Promise<Decoded> {
    const quick = decode(job, true);
    if (quick !== undefined) return quick;
    const whole = { ...job, body: own(job.body) };
    return await this.#hand({ id: this.#next++, kind: "decode", job: whole }, client) as Decoded;
  }

  /**
   * Writes an answer; the results are empty afterwards if a thread does.
   *
   * @throws {HttpProblem} if there can't be one
   */
  async encode(job: EncodeJob, client: Client): Promise<Encoded> {
    const quick = encode(job, true);
    if (quick !== undefined) return quick;
    const results = job.results.map(({ body, contentType }) => ({ body: own(body), contentType }));
    return await this.#hand({ id: this.#next++, kind: "encode", job: { ...job, results } }, client) as Encoded;
  }

  /** Ends the threads; what they have not finished is not answered. */
  [Symbol.dispose](): void {
    for (const thread of this.#threads.keys()) thread.terminate();
    this.#threads.clear();
  }

  #hand(request: WorkRequest, client: Client): Promise<Decoded | Encoded> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ client, request, resolve, reject });
      this.#begin();
    });
  }

  #begin(): void {
    // Nobody waits for what clients that have left have sent.
    while (this.#waiting[0]?.client.left) this.#waiting.shift()!.reject(new HttpProblem(503, "The client left"));
    const [pending] = this.#waiting;
    if (pending === undefined) return;
    const thread = this.#idle.pop() ?? (this.#threads.size < MAX_THREADS ? this.#start() : undefined);
    if (thread === undefined) return;
    this.#waiting.shift();
    this.#threads.set(thread, pending);
    const { request } = pending;
    thread.postMessage(request, buffersOf(request.kind === "decode" ? [request.job] : request.job.results));
  }

  #start(): Worker {
    const file = Deno.build.standalone ? "../threads/v2_worker.js" : "./worker.ts";
    const thread = new Worker(new URL(file, import.meta.url), { type: "module" });
    thread.onmessage = ({ data }: MessageEvent<WorkResponse>) => {
      const pending = this.#threads.get(thread);
      this.#threads.set(thread, undefined);
      this.#idle.push(thread);
      if (pending !== undefined) settle(pending, data);
      this.#begin();
    };
    thread.onerror = (event) => {
      event.preventDefault();
      const pending = this.#threads.get(thread);
      this.#threads.delete(thread);
      thread.terminate();
      pending?.reject(new Error(`A thread that reads requests has failed: ${event.message}`));
      this.#begin();
    };
    return thread;
  }
}

/** Bytes whose memory is theirs alone: of others, the memory can't go to another thread. */
function own(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

function settle({ resolve, reject }: Pending, response: WorkResponse): void {
  switch (response.kind) {
    case "done":
      return resolve(response.value);
    case "problem":
      return reject(new HttpProblem(response.status, response.detail));
    case "failed":
      return reject(new Error(response.reason));
  }
}
