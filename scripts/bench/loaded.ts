/** Runs aimodellib with an echo script, and measures the cost of a request under load from wrk. */

import { ROOT } from "../project.ts";
import { freePort, processorTime, Server, tree } from "./processes.ts";
import { load, type Post } from "./wrk.ts";

const ECHO = `${ROOT}/scripts/bench/echo`;

/** How long one turn is, in s. */
const TURN_SECONDS = 1;
/** How long to warm up before the first turn, in s: code gets compiled. */
const WARM_UP_SECONDS = 3;
/** How long a server may take to answer, in ms. */
const START_LIMIT = 30_000;

/** The measurements of one turn. */
export interface Turn {
  /** Requests per second. */
  readonly rate: number;
  /** CPU time per request, in µs, of the HTTP process and of its workers. */
  readonly http: number;
  readonly workers: number;
}

/** The server to start, and the load. */
export interface LoadedOptions {
  readonly executable: string;
  /** Options of `serve`. */
  readonly args?: readonly string[];
  /** The server's certificate, in PEM. */
  readonly certificate?: string | undefined;
  /** Environment variables of the server. */
  readonly env?: Readonly<Record<string, string>>;
  readonly post: Omit<Post, "url">;
  /** How many connections send requests. */
  readonly connections: number;
  /** The script in `scripts/bench/echo/`. @default "serve.py" */
  readonly script?: string;
  /** A folder that serves as cache and as model directory. */
  readonly folder: string;
}

/** A server under load, which is stopped when it is disposed. */
export class Loaded implements AsyncDisposable {
  readonly #name: string;
  readonly #server: Server;
  readonly #post: Post;
  readonly #connections: number;
  readonly #certificate: string | undefined;

  /** Starts the server. */
  constructor(
    { executable, args = [], certificate, env = {}, post, connections, script = "serve.py", folder }: LoadedOptions,
  ) {
    const port = freePort();
    this.#name = executable;
    this.#certificate = certificate;
    this.#post = { ...post, url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}/invocations` };
    this.#connections = connections;
    this.#server = new Server({
      command: executable,
      args: ["serve", "--port", `${port}`, ...args, ECHO, script, folder],
      cwd: Deno.cwd(),
      // Each executable lays out its own Python files there.
      env: { ...env, AIMODELLIB_CACHE_DIR: `${folder}/cache` },
    });
  }

  /** Waits until the server answers, and warms it up. */
  async start(): Promise<void> {
    const { url, token } = this.#post;
    using client = Deno.createHttpClient(this.#certificate === undefined ? {} : { caCerts: [this.#certificate] });
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answers = () =>
      fetch(url, { method: "POST", body: "ping", headers, client }).then(async (response) => {
        await response.body?.cancel();
        return response.ok;
      }, () => false);
    while (!await answers()) {
      if (this.#server.ended || performance.now() - this.#server.started > START_LIMIT) {
        throw new Error(`'${this.#name} serve' does not answer: run it with '${ECHO} serve.py /tmp' to see why.`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await load(this.#post, this.#connections, WARM_UP_SECONDS);
  }

  /** Loads the server for a second. @throws {Error} if a request fails */
  async turn(): Promise<Turn> {
    const { pid } = this.#server;
    const workers = tree(pid).slice(1);
    const time = () => [processorTime([pid]), processorTime(workers)] as const;
    const before = time();
    const { rate, requests, errors } = await load(this.#post, this.#connections, TURN_SECONDS);
    const after = time();
    if (errors > 0) throw new Error(`'${this.#name} serve' failed ${errors} of ${requests} requests.`);
    return { rate, http: (after[0] - before[0]) / requests, workers: (after[1] - before[1]) / requests };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}
