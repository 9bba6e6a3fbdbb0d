/** What `aimodellib bench` does. */

import { failureOf } from "../../client/answer_reader.ts";
import { Busyness } from "../../bench/cpu.ts";
import { figuresOf } from "../../bench/figures.ts";
import { Load } from "../../bench/load.ts";
import { connect, requestBytes, type Target } from "../../bench/request.ts";
import { contentTypeOf } from "../../client/content_type.ts";
import { type Endpoint, endpointOf } from "../../client/endpoint.ts";
import { AimodellibError, reasonOf, UsageError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import { ExitCode } from "../errors.ts";
import { clientToken } from "../options/client_token.ts";
import { formatBytes } from "../terminal/format.ts";
import type { Io } from "../terminal/io.ts";
import { liveLine, report } from "./report.ts";

/** The options of the command. */
export interface BenchOptions {
  /** `http:`, `https:` or `unix:`. */
  readonly url: string;
  /** A path, or `-` for standard input. */
  readonly file: string;
  readonly connections: number;
  readonly durationMs: number;
  readonly rate?: number | undefined;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly json: boolean;
}

/** The largest body, in bytes: it is kept in memory. */
const MAX_BODY = 2 ** 30;

/** How long the first request may take, in ms. */
const FIRST_ANSWER_MS = 60_000;

/** How much of the first answer an error shows, in characters. */
const MAX_PROBLEM = 1000;

/** Between two drawings of the line at a terminal, in ms. */
const DRAW_MS = 250;

/**
 * Carries out `aimodellib bench`. It sends one request first, so that a load test of errors ends before it begins.
 *
 * @returns the exit code: 1 if no request succeeded
 * @throws {UsageError} if the file can't be read
 * @throws {AimodellibError} if the first request fails
 */
export async function runBench(options: BenchOptions, io: Io): Promise<number> {
  const { connections, durationMs, rate } = options;
  const endpoint = endpointOf(options.url);
  const url = new URL(endpoint.url);
  const body = await readBody(options.file);
  const target: Target = {
    url,
    body,
    contentType: headerValue("--content-type", options.contentType ?? contentTypeOf(options.file)),
    accept: headerValue("--accept", options.accept ?? "*/*"),
    token: clientToken(options.tokenFile, io),
  };
  await tryOnce(target, endpoint);
  const load = new Load(() => connect(endpoint), requestBytes(target), { connections, durationMs, rate });
  const busyness = new Busyness();
  using _signals = io.onSignal(() => load.stop());
  let answered: number;
  {
    using _line = drawLine(load, durationMs, io);
    answered = await load.run();
  }
  const asked = {
    url: nameOf(endpoint),
    contentType: target.contentType,
    bodyBytes: body.byteLength,
    connections,
    rate,
  };
  const figures = figuresOf(load, answered, asked, busyness.share());
  if (options.json) io.stdoutJson(`${JSON.stringify(figures, null, 2)}\n`);
  else io.stdout(report(figures));
  return figures.requests.succeeded > 0 ? ExitCode.Success : ExitCode.Failure;
}

/** Reads the body of the requests. @throws {UsageError} if that can't be done, or it is too long */
async function readBody(file: string): Promise<Uint8Array> {
  const name = file === "-" ? "Standard input" : `'${file}'`;
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    const stream = file === "-" ? Deno.stdin.readable : (await Deno.open(file)).readable;
    for await (const piece of stream) {
      pieces.push(piece);
      length += piece.byteLength;
      if (length > MAX_BODY) break;
    }
  } catch (cause) {
    throw new UsageError(`${name} can't be read: ${reasonOf(cause)}`, { cause });
  }
  if (length > MAX_BODY) {
    throw new UsageError(`${name} is larger than ${formatBytes(MAX_BODY)}, the limit for one request`);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.byteLength;
  }
  return body;
}

/** Checks a value that becomes part of a head. @throws {UsageError} if it would end the header */
function headerValue(option: string, value: string): string {
  if (/^[\t\x20-\x7e]+$/.test(value)) return value;
  throw new UsageError(`${option} takes printable ASCII characters only, not '${value}'`);
}

/** Sends the request once. @throws {AimodellibError} if the answer is not a success: under load, errors would be all there is to measure */
async function tryOnce({ url, body, contentType, accept, token }: Target, endpoint: Endpoint): Promise<void> {
  const { socket } = endpoint;
  using client = Deno.createHttpClient(socket === undefined ? {} : { proxy: { transport: "unix", path: socket } });
  const name = nameOf(endpoint);
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: "POST",
      body: body as Uint8Array<ArrayBuffer>,
      headers: {
        "content-type": contentType,
        accept: accept ?? "*/*",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      client,
      redirect: "manual",
      signal: AbortSignal.timeout(FIRST_ANSWER_MS),
    });
    if (answer.ok) return await answer.body?.pipeTo(new WritableStream());
  } catch (cause) {
    throw new AimodellibError(`${name} does not answer: ${reasonOfFetch(cause)}`, { cause });
  }
  const problem = printable((await textOf(answer)).slice(0, MAX_PROBLEM));
  throw new AimodellibError(
    `${name} answers the first request with ${answer.status} ${
      printable(answer.statusText)
    }, so no load was sent: ${problem}`,
  );
}

/** How messages name the server. */
function nameOf({ url, socket }: Endpoint): string {
  return socket === undefined ? url : `unix:${socket}`;
}

/** Why fetch() failed, without what the message around it says again. */
function reasonOfFetch(cause: unknown): string {
  if (cause instanceof DOMException && cause.name === "TimeoutError") return `it took over ${FIRST_ANSWER_MS / 1000} s`;
  return failureOf(cause).replace(/^error sending request for url \(\S+\): (client error \(\w+\): )?/, "");
}

/** The beginning of a response's body, or the detail of its problem (RFC 9457). */
async function textOf(answer: Response): Promise<string> {
  const text = await answer.text().catch(() => "");
  try {
    const { detail, title } = JSON.parse(text);
    return String(detail ?? title ?? text);
  } catch {
    return text;
  }
}

/** Shows at a terminal how the test is going, until disposed. */
function drawLine(load: Load, durationMs: number, io: Io): Disposable {
  const columns = io.errorColumns;
  if (columns === undefined) return { [Symbol.dispose]: () => {} };
  const timer = setInterval(
    () => io.raw.stderr(`\r${liveLine(load, durationMs).slice(0, columns - 1)}\x1b[K`),
    DRAW_MS,
  );
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      io.raw.stderr("\r\x1b[K");
    },
  };
}
