/**
 * Starts a Python with the bridge in it and connects with it.
 *
 * 1. A private directory is made, with a listening Unix socket and a ledger.
 * 2. Python is started as the leader of its own process group, with both paths in its environment.
 * 3. It connects, forks its keeper and says HELLO; then the directory is removed: nothing is left on the disk.
 * 4. When the connection is closed, by {@linkcode BridgeProcess.end} or by our own death, the keeper ends all that
 *    the worker has started.
 */

import { AimodellibError, ProtocolError } from "../errors.ts";
import type { Assets } from "./assets.ts";
import { Connection } from "./connection.ts";
import { describeExit, type Exit, TOO_OLD } from "./exit.ts";
import { Exchange } from "./exchange.ts";
import { Kind, parseMetadata, PROTOCOL_VERSION } from "./frame.ts";
import { Ledger } from "./ledger.ts";
import { RuntimeDir } from "./runtime_dir.ts";

/** How a bridge process is started. */
export interface BridgeOptions {
  /** Path of the Python. */
  readonly python: string;
  readonly assets: Assets;
  /**
   * Where what the script prints goes: to our own standard output and error; or to a function for each; or, in the order in
   * which it was written, to one for both. The script waits while a function's promise is pending. In the first two
   * cases the script reads our standard input.
   */
  readonly output: "inherit" | OutputSinks | OutputSink;
  /** The longest body that is accepted from the worker, in bytes. */
  readonly maxBody: number;
  readonly env: (name: string) => string | undefined;
  /** Set for the worker, in addition to the environment of this process. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Ends the start. */
  readonly signal?: AbortSignal;
}

/** Takes what a script prints, as it comes: any number of bytes, with no regard to lines. */
export interface OutputSink {
  (bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** Called by the owner of a process when nothing more comes. */
  flush?(): void;
}

/** One for each stream. */
export interface OutputSinks {
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
}

/** A Python that took too long, or ended, before it said HELLO. */
export class StartError extends AimodellibError {
  override readonly name = "StartError";
}

/** What START tells a worker; `docs/protocol.md` has the fields. */
export type StartConfig = Readonly<Record<string, unknown>> & { readonly mode: "train" | "serve" };

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** Time for a Python to start and connect, in ms. A cold interpreter on a slow network disk takes seconds. */
const CONNECT_LIMIT_MS = 60_000;

/** For what a process, or its children, still print when it is to end, in ms. */
export const OUTPUT_REST_MS = 1_000;

/** A running Python, connected. */
export class BridgeProcess implements Disposable {
  #ended = false;

  private constructor(
    readonly pid: number,
    /** The version that Python said it is, such as `3.11.7`. */
    readonly pythonVersion: string,
    readonly connection: Connection,
    readonly ledger: Ledger,
    readonly exchange: Exchange,
    readonly exited: Promise<Exit>,
    /** Resolves when no process holds the output any more, and all of it was handed over. */
    readonly outputEnded: Promise<void>,
  ) {}

  /**
   * Starts one.
   *
   * @throws {StartError} if Python can't be started, ends before it connects, or is too old
   * @throws {ProtocolError} if it speaks another version of the protocol
   */
  static async start(options: BridgeOptions): Promise<BridgeProcess> {
    using directory = RuntimeDir.create(options.env);
    using listener = Deno.listen({ transport: "unix", path: `${directory.path}/bridge.sock` });
    const ledger = new Ledger(`${directory.path}/ledger`);
    const exchange = new Exchange(`${directory.path}/exchange`, ledger);
    let child: Deno.ChildProcess | undefined;
    let socket: Deno.Conn | undefined;
    let outputEnded = Promise.resolve();
    try {
      child = spawn(options, directory.path);
      // Both are read, although the worker merges them: an interpreter that can't start says why on the second.
      if (options.output !== "inherit") {
        const { stdout, stderr } = typeof options.output === "function"
          ? { stdout: options.output, stderr: options.output }
          : options.output;
        outputEnded = Promise.all([drain(child.stdout, stdout), drain(child.stderr, stderr)]).then(() => {});
      }
      const accepted = await firstOf(listener, child.status, options.signal);
      if ("exit" in accepted) {
        await outputEnded;
        throw new StartError(explainStart(options.python, accepted.exit));
      }
      socket = accepted.socket;
      const connection = new Connection(socket, options.maxBody, exchange);
      const hello = await connection.receive();
      if (hello?.kind !== Kind.Hello) {
        throw new ProtocolError(`The Python '${options.python}' did not begin with HELLO`);
      }
      const { protocol, python } = parseMetadata(hello.metadata);
      if (protocol !== PROTOCOL_VERSION) {
        throw new ProtocolError(
          `The worker speaks protocol version ${protocol}, this executable ${PROTOCOL_VERSION}`,
        );
      }
      return new BridgeProcess(child.pid, String(python), connection, ledger, exchange, child.status, outputEnded);
    } catch (error) {
      socket?.close();
      if (child !== undefined) {
        killGroup(child.pid, "SIGKILL");
        // What it printed says more than the error.
        await withLimit(Promise.all([child.status, outputEnded]), OUTPUT_REST_MS);
      }
      ledger[Symbol.dispose]();
      exchange[Symbol.dispose]();
      throw error;
    }
  }

  /** Sends START. */
  begin(config: StartConfig): void {
    const metadata = encoder.encode(JSON.stringify({ protocol: PROTOCOL_VERSION }));
    this.connection.send(Kind.Start, 0, metadata, encoder.encode(JSON.stringify(config)));
  }

  /** Asks a serving worker to end when it has answered what it has. */
  requestStop(): void {
    this.connection.send(Kind.Stop, 0, NOTHING, NOTHING);
  }

  /** Sends a signal to the worker and all processes of its group; one that is gone is no error. */
  kill(signal: Deno.Signal): void {
    killGroup(this.pid, signal);
  }

  /**
   * Ends whatever is left: the process group at once, what has left it through the keeper. What the worker noted can still
   * be read, until this is disposed.
   */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.connection.close();
    this.kill("SIGKILL");
  }

  [Symbol.dispose](): void {
    this.end();
    this.ledger[Symbol.dispose]();
    this.exchange[Symbol.dispose]();
  }
}

function spawn(options: BridgeOptions, directory: string): Deno.ChildProcess {
  const merged = typeof options.output === "function";
  const output = options.output === "inherit" ? "inherit" : "piped";
  try {
    return new Deno.Command(options.python, {
      args: [options.assets.entry],
      env: {
        ...options.variables,
        AIMODELLIB_BRIDGE: directory,
        AIMODELLIB_STREAMS: merged ? "merged" : "",
        AIMODELLIB_WORKER: crypto.randomUUID(),
      },
      stdin: merged ? "null" : "inherit",
      stdout: output,
      stderr: output,
      detached: true,
    }).spawn();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StartError(`Can't start the Python '${options.python}': ${reason}`, { cause });
  }
}

type Accepted = { readonly socket: Deno.Conn } | { readonly exit: Exit };

async function firstOf(
  listener: Deno.Listener,
  status: Promise<Exit>,
  signal: AbortSignal | undefined,
): Promise<Accepted> {
  const timeout = AbortSignal.timeout(CONNECT_LIMIT_MS);
  const stop = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => {
    aborted.reject(
      timeout.aborted
        ? new StartError(`Python did not connect within ${CONNECT_LIMIT_MS / 1000} s of its start`)
        : stop.reason,
    );
  };
  stop.addEventListener("abort", onAbort, { once: true });
  try {
    stop.throwIfAborted();
    const connected = listener.accept().then((socket) => ({ socket }));
    // The loser of the race is closed with the listener.
    connected.catch(() => {});
    return await Promise.race([connected, status.then((exit) => ({ exit })), aborted.promise]);
  } finally {
    stop.removeEventListener("abort", onAbort);
  }
}

function explainStart(python: string, exit: Exit): string {
  return exit.signal === null && exit.code === TOO_OLD
    ? `The Python '${python}' is too old`
    : `The Python '${python}' ended with ${describeExit(exit)} before it was ready`;
}

function killGroup(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
}

/** Waits for `promise` to settle, but no longer than `ms`; gives whether it did. */
export async function withLimit(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  const settled = await Promise.race([promise.then(() => true, () => true), limit]);
  clearTimeout(timer);
  return settled;
}

async function drain(stream: ReadableStream<Uint8Array<ArrayBuffer>>, sink: OutputSink): Promise<void> {
  for await (const chunk of stream) await sink(chunk);
}
