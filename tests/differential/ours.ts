/** How our server reads what a client sends: the whole of `src/http/h1/`, on a connection in memory. */

import { BodyBudget } from "../../src/http/h1/budget.ts";
import { Connection } from "../../src/http/h1/connection.ts";
import { problemFrom } from "../../src/http/problem.ts";
import type { Taken } from "./outcome.ts";

/** The longest body that is taken, in bytes. */
const MAX_BODY = 100 * 2 ** 20;

/** What was taken, and what was answered. */
export interface Ours {
  readonly taken: readonly Taken[];
  /** Statuses, those of interim responses left out. */
  readonly statuses: readonly number[];
  /** What was said of a head that could not be read. */
  readonly refusal: string;
}

/** Lets a connection have these pieces, and then the end of what the client sends. */
export async function readByOurs(pieces: readonly Uint8Array<ArrayBuffer>[]): Promise<Ours> {
  const taken: Taken[] = [];
  let refusal = "";
  const conn = new MemoryConn(pieces);
  const connection = new Connection(conn, {
    draining: false,
    refuse(error) {
      refusal = (error as Error).message;
      return problemFrom(error).toAnswer();
    },
    answerError: (error) => problemFrom(error).toAnswer(),
    budget: new BodyBudget(Infinity),
    async handle(request) {
      const body = textOf(await request.body(MAX_BODY));
      taken.push({ method: request.head.method, target: request.head.target, body });
      return { status: 200, headers: {}, body: new Uint8Array(0) };
    },
  });
  await connection.run();
  return { taken, statuses: statusesOf(conn.written), refusal };
}

/** The two ends of a connection: what a client has sent, and what it gets. */
class MemoryConn implements Deno.Conn {
  readonly localAddr = { transport: "unix", path: "" } as const;
  readonly remoteAddr = { transport: "unix", path: "" } as const;
  readonly readable = new ReadableStream<Uint8Array<ArrayBuffer>>();
  readonly writable = new WritableStream<Uint8Array<ArrayBufferLike>>();
  readonly #pieces: Uint8Array<ArrayBuffer>[];
  written = "";

  constructor(pieces: readonly Uint8Array<ArrayBuffer>[]) {
    this.#pieces = [...pieces];
  }

  read(into: Uint8Array): Promise<number | null> {
    const piece = this.#pieces.shift();
    if (piece === undefined) return Promise.resolve(null);
    const count = Math.min(piece.length, into.length);
    into.set(piece.subarray(0, count));
    if (count < piece.length) this.#pieces.unshift(piece.subarray(count));
    return Promise.resolve(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.written += textOf(bytes);
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
  ref(): void {}
  unref(): void {}
  [Symbol.dispose](): void {}
}

/** A character for each byte. */
function textOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function statusesOf(written: string): number[] {
  return Array.from(written.matchAll(/^HTTP\/1\.1 (\d+) /gm), ([, status]) => Number(status))
    .filter((status) => status >= 200);
}
