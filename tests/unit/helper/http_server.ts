/** Local HTTP servers for tests. */

/** A server that answers with `handler` until it is disposed. */
export class LocalServer implements AsyncDisposable {
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly type: string | null;
    readonly body: string;
  }[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(handler: (path: string) => Response) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const path = new URL(request.url).pathname;
      const type = request.headers.get("content-type");
      this.requests.push({ method: request.method, path, type, body: await request.text() });
      return handler(path);
    });
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  url(path: string): URL {
    return new URL(path, `http://${this.host}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A server that sends these bytes on each connection, and closes it. */
export class RawServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #ended: Promise<void>;

  constructor(answer: string) {
    this.#ended = (async () => {
      for await (const connection of this.#listener) {
        await connection.read(new Uint8Array(65536));
        await connection.write(new TextEncoder().encode(answer));
        connection.close();
      }
    })();
  }

  url(path: string): URL {
    return new URL(path, `http://127.0.0.1:${this.#listener.addr.port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#ended;
  }
}
