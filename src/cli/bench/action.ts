/** Carries out `aimodellib bench`. */

import { socketAddress } from "../../bench/address.ts";
import { Busyness } from "../../bench/cpu.ts";
import { figuresOf } from "../../bench/figures.ts";
import { Load } from "../../bench/load.ts";
import { requestBytes, type Target } from "../../bench/request.ts";
import { Sockets } from "../../bench/sockets.ts";
import { joined } from "../../bytes.ts";
import { AnswerReader, type HeadedAnswer } from "../../client/answer_reader.ts";
import { close, connect, send, type Stream } from "../../client/connection.ts";
import { ConnectionFailure, failureOf } from "../../client/connection_failure.ts";
import { contentTypeOf } from "../../client/content_type.ts";
import { type Endpoint, endpointOf } from "../../client/endpoint.ts";
import { AimodellibError, reasonOf, UsageError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import { withLimit } from "../../with_limit.ts";
import { ExitCode } from "../errors.ts";
import { clientToken } from "../options/client_token.ts";
import { formatBytes } from "../terminal/format.ts";
import type { Io } from "../terminal/io.ts";
import { StatusLine } from "../terminal/status_line.ts";
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

/** How much of the first answer is kept to find its detail, in characters. */
const MAX_KEPT = 64 * 1024;

/** The interval between two updates of the status line, in ms. */
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
  const request = requestBytes(target);
  let address: Uint8Array<ArrayBuffer> | undefined;
  const open = async () => {
    const conn = await connect(endpoint);
    if (url.protocol === "http:") address = socketAddress(conn.remoteAddr);
    return conn;
  };
  await tryOnce(open, request, nameOf(endpoint));
  using sockets = rate === undefined && address !== undefined ? Sockets.to(address) : undefined;
  const load = new Load(sockets === undefined ? open : () => sockets.connect(), request, {
    connections,
    durationMs,
    rate,
  });
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
  else io.stdout(report(figures, load.isStopped));
  return figures.requests.succeeded > 0 ? ExitCode.Success : ExitCode.Failure;
}

/** Reads the body of the requests. @throws {UsageError} if it can't be read, or is too long */
async function readBody(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const name = file === "-" ? "Standard input" : `'${file}'`;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
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
  return joined(pieces, length);
}

/** Checks a value that becomes part of a head. @throws {UsageError} if it would end the header */
function headerValue(option: string, value: string): string {
  if (/^[\t\x20-\x7e]+$/.test(value)) return value;
  throw new UsageError(`${option} takes printable ASCII characters only, not '${value}'`);
}

/** Sends the request once. @throws {AimodellibError} if the answer is not a success: a load test would measure only errors */
async function tryOnce(open: () => Promise<Stream>, request: Uint8Array, name: string): Promise<void> {
  let text = "";
  const decoder = new TextDecoder();
  const keep = (piece: Uint8Array) => {
    if (text.length < MAX_KEPT) text += decoder.decode(piece, { stream: true });
  };
  let conn: Stream | undefined;
  let isOver = false;
  const exchange = async () => {
    try {
      conn = await open();
    } catch (cause) {
      throw new ConnectionFailure(failureOf(cause), true, { cause });
    }
    if (isOver) close(conn);
    const [answer] = await Promise.all([new AnswerReader(conn).next(keep), send(conn, request)]);
    return answer;
  };
  let answer: HeadedAnswer;
  try {
    const answering = exchange();
    if (!await withLimit(answering, FIRST_ANSWER_MS)) {
      throw new ConnectionFailure(`it took over ${FIRST_ANSWER_MS / 1000} s`, true);
    }
    answer = await answering;
  } catch (error) {
    if (!(error instanceof ConnectionFailure)) throw error;
    throw new AimodellibError(`${name} does not answer: ${error.message}`, { cause: error });
  } finally {
    isOver = true;
    if (conn !== undefined) close(conn);
  }
  if (answer.status >= 200 && answer.status < 300) return;
  const [line = ""] = answer.head.split("\r\n", 1);
  throw new AimodellibError(
    `${name} answers the first request with ${printable(line.slice("HTTP/1.1 ".length))}, so no load was sent: ${
      printable(detailIn(text).slice(0, MAX_PROBLEM))
    }`,
  );
}

/** Returns the server's name for messages. */
function nameOf({ url, socket }: Endpoint): string {
  return socket === undefined ? url : `unix:${socket}`;
}

/** Returns the detail of a problem (RFC 9457), or other text unchanged. */
function detailIn(text: string): string {
  try {
    const { detail, title } = JSON.parse(text);
    return String(detail ?? title ?? text);
  } catch {
    return text;
  }
}

/** Shows the progress of the test on a terminal, until disposed. */
function drawLine(load: Load, durationMs: number, io: Io): Disposable {
  const line = new StatusLine(io);
  const timer = line.isShown ? setInterval(() => line.draw(liveLine(load, durationMs)), DRAW_MS) : undefined;
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      line.clear();
    },
  };
}
