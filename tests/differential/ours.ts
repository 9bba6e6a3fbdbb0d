/** Runs our server (`src/http/h1/`) on a connection in memory, and records how it reads the input. */

import { BodyBudget } from "../../src/http/h1/budget.ts";
import { Connection } from "../../src/http/h1/connection.ts";
import { problemFrom } from "../../src/http/problem.ts";
import type { Taken } from "./outcome.ts";

/** The longest accepted body, in bytes. */
const MAX_BODY = 100 * 2 ** 20;

/** The accepted requests and the answers. */
export interface Ours {
  readonly taken: readonly Taken[];
  /** Statuses, except those of interim responses. */
  readonly statuses: readonly number[];
  /** The errors about malformed heads. */
  readonly refusal: string;
}

/** Passes these pieces to a connection, followed by the end of the client's data. */
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

/** A connection in memory: the client's data, and the answers. */
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
