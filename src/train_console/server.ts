/** Serves the console of a training. */

import { type Context, Hono } from "hono";
import { bind } from "../http/bind.ts";
import { Browsers } from "../http/browsers.ts";
import { toAnswer, toRequest, toResponse } from "../http/fetch_types.ts";
import type { Handle, Incoming } from "../http/h1/mod.ts";
import { listen, type Server } from "../http/listen.ts";
import { guard } from "../http/middleware/browsers.ts";
import { security } from "../http/middleware/security.ts";
import { CONSOLE_EVENT_HEADERS } from "../http/parts.ts";
import { HttpProblem, problemFrom } from "../http/problem.ts";
import { consoleAsset } from "../http/routes/console.ts";
import type { TrainFacts, TrainState } from "../web/train_wire.ts";
import { withLimit } from "../with_limit.ts";
import { MAX_PAGES, TrainRun } from "./run.ts";

/** How long a request may take to arrive, in ms. */
const READ_TIMEOUT_MS = 30_000;

/** How long the program waits at its end for open pages to get the outcome, in ms. */
const END_MS = 1_000;

/** Where the console listens. */
export interface ConsoleAddress {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
}

const NOT_LOCAL = "This console is open to this machine only: use it as 'localhost' or '127.0.0.1'";

const ASSETS = ["train.js", "app.css", "icon.svg"] as const;

/** The console of a training, from its start to its end. */
export class TrainConsole implements Disposable {
  /** Whether only this machine reaches it. */
  readonly isLocal: boolean;
  /** The address of the page. */
  readonly url: string;
  readonly #run: TrainRun;
  readonly #server: Server;

  /**
   * Opens the socket, and answers from then on.
   *
   * @throws {UsageError} if it can't be opened
   */
  constructor(address: ConsoleAddress, facts: Omit<TrainFacts, "now">) {
    const bound = bind({ ...address, option: "--console" });
    this.#run = new TrainRun({ ...facts, now: 0 });
    const browsers = new Browsers({ host: address.host, allowHosts: [], cors: [] });
    this.#server = listen(bound, { handle: handler(this.#run, browsers), answerError, readTimeoutMs: READ_TIMEOUT_MS });
    browsers.loopback = browsers.enforced = this.isLocal = this.#server.loopback;
    this.url = `${bound.url}/`;
  }

  /** Takes text of the log. */
  get log(): (bytes: Uint8Array) => void {
    return this.#run.log;
  }

  /** Takes the body of a SCALARS frame. */
  get scalars(): (body: Uint8Array) => void {
    return this.#run.scalars;
  }

  /** Tells the pages how far the run is. */
  reach(state: TrainState): void {
    this.#run.reach(state);
  }

  /** Tells open pages how the run has ended. It waits for them for at most a second, and not at all if there are none. */
  async end(code: number, message: string | undefined): Promise<void> {
    const isWatched = this.#run.isWatched;
    const ended = this.#run.end(code, message);
    if (isWatched) await withLimit(ended.then(() => this.#server.drain()), END_MS);
  }

  [Symbol.dispose](): void {
    this.#run[Symbol.dispose]();
    this.#server.close();
  }
}

function handler(run: TrainRun, browsers: Browsers): Handle {
  const app = new Hono<{ Bindings: Incoming }>({ getPath: (_, context) => context!.env!.head.path });
  const secure = security();
  app.get("/", secure, page);
  for (const name of ASSETS) app.get(`/console/${name}`, secure, consoleAsset(name));
  app.get("/console/events", (c: Context) => {
    const headers = CONSOLE_EVENT_HEADERS;
    if ((c.env as Incoming).head.method === "HEAD") return new Response(null, { headers });
    const body = run.follow();
    if (body === undefined) throw new HttpProblem(503, `${MAX_PAGES} pages are open already: close one of them`);
    return toResponse({ status: 200, headers, body });
  });
  app.notFound(({ req }) =>
    toResponse(new HttpProblem(404, `No route matches '${req.method} ${req.path}'`).toAnswer())
  );
  app.onError((error) => toResponse(answerError(error)));
  const routed: Handle = async (request) => await toAnswer(await app.fetch(toRequest(request), request));
  const refuse = () => Promise.resolve(new HttpProblem(403, NOT_LOCAL).toAnswer());
  return guard(browsers, refuse, routed);
}

async function page(): Promise<Response> {
  const { loadAsset, pageHeaders, renderPage } = await import("../web/mod.ts");
  const [script, style] = await Promise.all([loadAsset("train.js"), loadAsset("app.css")]);
  return new Response(renderPage({ script: script.hash, style: style.hash }, "train.js"), { headers: pageHeaders });
}

const answerError = (error: unknown) => problemFrom(error).toAnswer();
