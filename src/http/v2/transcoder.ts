/** Reads requests and writes answers of the Open Inference Protocol: small ones at once, large ones in threads. */

import { HttpProblem } from "../http_problem.ts";
import type { Encoded } from "./response.ts";
import type { Decoded, DecodeJob, EncodeJob, WorkRequest, WorkResponse } from "./work.ts";

/** The number of threads, each of which works on one large request; further requests wait. */
const MAX_THREADS = 2;

/** The client that waits for the work. */
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
  /** Idle threads. */
  readonly #idle: Worker[] = [];
  readonly #threads = new Map<Worker, Pending | undefined>();
  readonly #waiting: Pending[] = [];
  #next = 0;
  /** The code that reads and writes tensors, which the first request loads: many servers get none. */
  #work: typeof import("./work.ts") | undefined;

  /**
   * Reads a request. If a thread does it, the body is moved there and is empty afterwards.
   *
   * @param lent whether the body is in memory that others use as well: a thread gets a copy
   * @throws {HttpProblem} if it can't be answered
   */
  async decode(job: DecodeJob, client: Client, lent = false): Promise<Decoded> {
    this.#work ??= await import("./work.ts");
    const quick = this.#work.decode(job, true);
    if (quick !== undefined) return quick;
    const whole = { ...job, body: lent ? job.body.slice() : own(job.body) };
    return await this.#hand({ id: this.#next++, kind: "decode", job: whole }, client) as Decoded;
  }

  /**
   * Writes an answer. If a thread does it, the results are moved there and are empty afterwards.
   *
   * @throws {HttpProblem} if the results can't be written as an answer
   */
  async encode(job: EncodeJob, client: Client): Promise<Encoded> {
    this.#work ??= await import("./work.ts");
    const quick = this.#work.encode(job, true);
    if (quick !== undefined) return quick;
    const results = job.results.map(({ body, contentType }) => ({ body: own(body), contentType }));
    return await this.#hand({ id: this.#next++, kind: "encode", job: { ...job, results } }, client) as Encoded;
  }

  /** Ends the threads; unfinished work is dropped without an answer. */
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
    // Drop the work of clients that have left: nobody waits for it.
    while (this.#waiting[0]?.client.left) this.#waiting.shift()!.reject(new HttpProblem(503, "The client left"));
    const [pending] = this.#waiting;
    if (pending === undefined) return;
    const thread = this.#idle.pop() ?? (this.#threads.size < MAX_THREADS ? this.#start() : undefined);
    if (thread === undefined) return;
    this.#waiting.shift();
    this.#threads.set(thread, pending);
    const { request } = pending;
    thread.postMessage(request, this.#work!.buffersOf(request.kind === "decode" ? [request.job] : request.job.results));
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

/** Returns bytes with a buffer of their own, which can be transferred to another thread. */
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
