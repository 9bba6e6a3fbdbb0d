/** HTTP on a socket, for requests that no well-behaved client sends. */

import { fromLatin1, toLatin1 } from "./bytes.ts";
import { LONG, within } from "./limits.ts";

/** A response as it was received. */
export interface RawAnswer {
  readonly status: number;
  /** Values by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A connection to the server. */
export class RawConnection implements Disposable {
  readonly #socket: Deno.TcpConn;
  #received = "";
  #closed = false;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  /** Connects. */
  static async open(port: number, hostname = "127.0.0.1"): Promise<RawConnection> {
    return new RawConnection(await Deno.connect({ hostname, port }));
  }

  /** Sends bytes, or text as Latin-1, where each character is one byte. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? toLatin1(data) : data;
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
  }

  /** Closes the sending side; reading stays possible. */
  async closeWrite(): Promise<void> {
    await this.#socket.closeWrite();
  }

  /** Reads one response; `undefined` if the server closes the connection first. */
  async receive({ toHead = false } = {}): Promise<RawAnswer | undefined> {
    return await within(LONG, "an answer comes", this.#receive(toHead), () => this.#received);
  }

  /** Reads until the server closes the connection, and returns all text. */
  async rest(): Promise<string> {
    const read = async () => {
      while (await this.#more());
      return this.#received;
    };
    return await within(LONG, "the connection is closed", read(), () => this.#received);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  async #receive(toHead: boolean): Promise<RawAnswer | undefined> {
    while (!this.#received.includes("\r\n\r\n")) if (!await this.#more()) return undefined;
    const [head = ""] = this.#received.split("\r\n\r\n", 1);
    this.#received = this.#received.slice(head.length + 4);
    const [statusLine = "", ...lines] = head.split("\r\n");
    const headers = new Map(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const length = toHead ? 0 : Number(headers.get("content-length") ?? 0);
    while (this.#received.length < length) if (!await this.#more()) return undefined;
    const body = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return { status: Number(statusLine.split(" ")[1]), headers, body };
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(64 * 1024);
    let count: number | null;
    try {
      count = await this.#socket.read(buffer);
    } catch {
      return false;
    }
    if (count === null) return false;
    this.#received += fromLatin1(buffer.subarray(0, count));
    return true;
  }
}
