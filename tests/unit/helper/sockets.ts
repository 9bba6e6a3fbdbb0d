/** Sockets for tests. */

import { TempDir } from "./temp_dir.ts";

/** The two ends of a Unix socket. */
export interface SocketPair extends Disposable {
  readonly ours: Deno.UnixConn;
  readonly theirs: Deno.UnixConn;
}

/** Makes pairs of connected Unix sockets. */
export class SocketPairs implements Disposable {
  readonly #directory = new TempDir();
  readonly #path = `${this.#directory.path}/socket`;
  readonly #listener = Deno.listen({ transport: "unix", path: this.#path });

  async next(): Promise<SocketPair> {
    const [ours, theirs] = await Promise.all([
      this.#listener.accept(),
      Deno.connect({ transport: "unix", path: this.#path }),
    ]);
    return {
      ours,
      theirs,
      [Symbol.dispose]: () => {
        close(ours);
        close(theirs);
      },
    };
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    this.#directory[Symbol.dispose]();
  }
}

/** Makes one pair of connected Unix sockets. */
export async function socketPair(): Promise<SocketPair> {
  using pairs = new SocketPairs();
  return await pairs.next();
}

/** Closes a socket that may already be closed. */
export function close(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Writes all bytes to a socket. */
export async function writeAll(socket: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await socket.write(bytes.subarray(sent));
}

/** Reads `length` bytes; fewer if the stream ends before. */
export async function readExactly(socket: Deno.Conn, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let received = 0; received < length;) {
    const count = await socket.read(bytes.subarray(received));
    if (count === null) return bytes.slice(0, received);
    received += count;
  }
  return bytes;
}

/** Reads to the end of the stream. */
export async function readAll(socket: Deno.Conn): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(socket.readable).arrayBuffer());
}
