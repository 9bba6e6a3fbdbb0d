/** Asks a running server over HTTP. */

import { endpointOf } from "../client/endpoint.ts";
import { AimodellibError, messageOf } from "../errors.ts";
import type { Ask, Fault, Question, Reply } from "./ask.ts";
import { PlainHttp, Unreachable } from "./plain_http.ts";
import { faultOfProblem } from "./problem.ts";

/** How to ask a server. */
export interface HttpOptions {
  /** `http:`, `https:`, or `unix:` followed by the path of a socket. */
  readonly url: string;
  /** The name of the model, if the server has several. */
  readonly model?: string | undefined;
  readonly token?: string | undefined;
  /** How many requests are sent at once, each on its own connection. */
  readonly connections: number;
  /** How long an answer may take, in ms. @default no limit */
  readonly requestTimeoutMs?: number | undefined;
  /** The longest answer that is accepted, in bytes. */
  readonly maxAnswer: number;
  /** Whether to read each answer as a whole rather than part by part. @default false */
  readonly whole?: boolean | undefined;
}

/** Statuses after which the server will answer no request of this client, unless a script chose them. */
const HOPELESS: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 421]);

/** The content type of an answer without that header. */
const DEFAULT_TYPE = "application/octet-stream";

/** How many bytes of an error's body are read. */
const MAX_PROBLEM_BYTES = 64 * 1024;

/** The longest pause that a server may ask for, in ms. */
const MAX_PAUSE_MS = 60_000;

/** A server that is asked over persistent connections. */
export class HttpClient implements Ask {
  readonly atOnce: number;
  readonly #url: string;
  readonly #name: string;
  readonly #options: HttpOptions;
  readonly #client: Deno.HttpClient;
  readonly #abandoned = new AbortController();
  /** The requests that have a time limit. */
  readonly #limited = new Set<AbortController>();
  readonly #plain: PlainHttp | undefined;

  /** @throws {UsageError} if the URL is invalid */
  constructor(options: HttpOptions) {
    const endpoint = endpointOf(options.url, options.model);
    const { url, socket } = endpoint;
    if (options.whole && url.startsWith("http:") && !hasProxy()) {
      this.#plain = new PlainHttp(endpoint, options.token, Math.max(options.maxAnswer, MAX_PROBLEM_BYTES));
    }
    this.#url = url;
    this.#name = socket ?? url;
    this.#options = options;
    this.atOnce = options.connections;
    this.#client = Deno.createHttpClient({
      poolMaxIdlePerHost: options.connections,
      http2: false,
      ...(socket !== undefined && { proxy: { transport: "unix", path: socket } }),
    });
  }

  readonly ask = (question: Question): Promise<Reply> =>
    this.#plain === undefined ? this.#fetch(question) : this.#exchange(this.#plain, question);

  readonly abandon = (): void => {
    this.#abandoned.abort();
    this.#plain?.close();
    for (const controller of this.#limited) controller.abort();
  };

  [Symbol.asyncDispose](): Promise<void> {
    this.abandon();
    this.#client.close();
    return Promise.resolve();
  }

  async #exchange(plain: PlainHttp, question: Question): Promise<Reply> {
    try {
      const { status, head, body } = await plain.exchange(question, this.#options.requestTimeoutMs);
      if (status >= 200 && status < 300) {
        const contentType = fieldIn(head, "content-type") ?? DEFAULT_TYPE;
        return body === undefined || body.length > this.#options.maxAnswer
          ? { kind: "fault", fault: tooLarge(this.#options.maxAnswer) }
          : { kind: "answer", contentType, body };
      }
      const text = new TextDecoder().decode(body?.subarray(0, MAX_PROBLEM_BYTES));
      return { kind: "fault", fault: this.#refused(status, (name) => fieldIn(head, name), text) };
    } catch (error) {
      if (error instanceof AimodellibError) throw error;
      return { kind: "fault", fault: this.#disconnected(error) };
    }
  }

  async #fetch({ body, contentType, accept, id }: Question): Promise<Reply> {
    const { token } = this.#options;
    using limit = this.#limit();
    let response: Response;
    try {
      response = await fetch(this.#url, {
        method: "POST",
        body,
        headers: {
          "content-type": contentType,
          accept,
          "x-request-id": id,
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        redirect: "manual",
        client: this.#client,
        signal: limit.signal,
      });
      if (response.ok) return await this.#answer(response);
    } catch (error) {
      return { kind: "fault", fault: this.#disconnected(error) };
    }
    const { status, headers } = response;
    const text = new TextDecoder().decode(await bytesOf(response, MAX_PROBLEM_BYTES).catch(() => undefined));
    return { kind: "fault", fault: this.#refused(status, (name) => headers.get(name), text) };
  }

  /** Limits the time to the head of an answer, or to its end if its length is known. */
  #limit(): { readonly signal: AbortSignal } & Disposable {
    const { requestTimeoutMs } = this.#options;
    if (requestTimeoutMs === undefined) return { signal: this.#abandoned.signal, [Symbol.dispose]: () => {} };
    // AbortSignal.timeout() and AbortSignal.any() would hold memory for each request until its time was over.
    const controller = new AbortController();
    if (this.#abandoned.signal.aborted) controller.abort();
    this.#limited.add(controller);
    const timer = setTimeout(() => controller.abort(new DOMException("Too late", "TimeoutError")), requestTimeoutMs);
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        this.#limited.delete(controller);
      },
    };
  }

  async #answer(response: Response): Promise<Reply> {
    const contentType = response.headers.get("content-type") ?? DEFAULT_TYPE;
    if (response.headers.has("content-length")) {
      const body = await bytesOf(response, this.#options.maxAnswer);
      if (body === undefined) return { kind: "fault", fault: tooLarge(this.#options.maxAnswer) };
      return { kind: "answer", contentType, body };
    }
    if (response.body === null) return { kind: "answer", contentType, body: new Uint8Array(0) };
    const reader = response.body.getReader();
    const next = async () => {
      try {
        return (await reader.read()).value as Uint8Array<ArrayBuffer> | undefined;
      } catch (error) {
        return this.#disconnected(error);
      }
    };
    return { kind: "parts", contentType, next, leave: () => void reader.cancel().catch(() => {}) };
  }

  /** @throws {AimodellibError} if the server will answer no request of this client */
  #refused(status: number, field: (name: string) => string | null, text: string): Fault {
    if (status < 400) {
      const to = field("location");
      throw new AimodellibError(
        `${this.#name} answers ${status}${
          to === null ? "" : `, a redirect to '${to}'`
        }: name the URL that answers predictions`,
      );
    }
    const problem = problemIn(text);
    const detail = text.trim().slice(0, 200) || `The server answered ${status}`;
    const fault = faultOfProblem(status, problem, detail);
    if (HOPELESS.has(status) && problem["stage"] === undefined) {
      throw new AimodellibError(`${this.#name} answers ${status}: ${fault.message}${adviceFor(status)}`);
    }
    const pauseMs = pauseIn(field("retry-after"));
    if (pauseMs !== undefined && pauseMs > MAX_PAUSE_MS && fault.again === "refused") {
      throw new AimodellibError(
        `${this.#name} answers ${status}, and asks to come back in ${
          Math.ceil(pauseMs / 1000)
        } s: run the same command then`,
      );
    }
    return { ...fault, pauseMs };
  }

  #disconnected(error: unknown): Fault {
    const message = chain(error);
    if (this.#abandoned.signal.aborted) return { stage: "connection", type: "Stopped", message, again: "never" };
    if (error instanceof DOMException && error.name === "TimeoutError") {
      const seconds = (this.#options.requestTimeoutMs ?? 0) / 1000;
      return { stage: "server", type: "Timeout", message: `There was no answer within ${seconds} s`, again: "lost" };
    }
    if (/certificate/i.test(message)) {
      throw new AimodellibError(
        `The certificate of ${this.#name} is not trusted: ${message}. Set DENO_CERT=FILE to the certificate of its authority`,
      );
    }
    // Without a connection, nothing was sent.
    const refused = error instanceof Unreachable || /\(Connect\)|dns error|tcp connect error/.test(message);
    return {
      stage: "connection",
      type: refused ? "Unreachable" : "Disconnected",
      message: `${this.#name}: ${message}`,
      again: refused ? "refused" : "lost",
    };
  }
}

/** Whether `fetch()` would ask a proxy. */
function hasProxy(): boolean {
  return ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].some((name) => Boolean(Deno.env.get(name)));
}

/** Returns the value of a header field; null if it is absent. @param name in lower case */
function fieldIn(head: string, name: string): string | null {
  for (let at = head.indexOf("\n"); at >= 0; at = head.indexOf("\n", at + 1)) {
    const colon = at + 1 + name.length;
    if (head[colon] !== ":" || head.slice(at + 1, colon).toLowerCase() !== name) continue;
    const end = head.indexOf("\r", colon);
    return head.slice(colon + 1, end < 0 ? undefined : end).trim();
  }
  return null;
}

function tooLarge(maxBytes: number): Fault {
  const message = `The answer is longer than ${maxBytes} bytes`;
  return { stage: "output", type: "TooLarge", message, again: "never" };
}

function adviceFor(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return ". Give a token with --token-file";
    case 404:
    case 405:
      return ". Pass the server's URL as http://HOST:PORT/, or with the full path of its predictions; if it has several models, add --model NAME";
    default:
      return "";
  }
}

/** Reads a body; undefined if it is longer than `maxBytes`. */
async function bytesOf(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const length = Number(response.headers.get("content-length") ?? NaN);
  if (length <= maxBytes) return await response.bytes();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let total = 0;
  for await (const piece of response.body ?? []) {
    total += piece.length;
    if (total > maxBytes) return undefined;
    pieces.push(piece);
  }
  return await new Blob(pieces).bytes();
}

function problemIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Parses Retry-After (RFC 9110, section 10.2.3), which is a number of seconds or a date. @returns the pause in ms */
export function pauseIn(value: string | null, now: number = Date.now()): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Joins the messages of an error and its causes: the outermost alone says little. */
function chain(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at !== undefined && texts.length < 4; at = at instanceof Error ? at.cause : undefined) {
    const text = messageOf(at).replace(/^error sending request for url \([^)]*\): /, "");
    if (!texts.some((before) => before.includes(text))) texts.push(text);
  }
  return texts.join(": ");
}
