/**
 * Starts a Python that runs the bridge, and connects to it.
 *
 * 1. A private directory is made, with two listening Unix sockets, a ledger and an exchange.
 * 2. Python is started as the leader of its own process group, with the directory's path in its environment.
 * 3. It connects, forks its keeper, which has a connection of its own, and says HELLO; then the directory is removed, and nothing is
 *    left on the disk.
 * 4. When the keeper's connection is closed, by {@linkcode BridgeProcess.end} or by our own death, the keeper ends all that
 *    the worker has started. If the keeper died earlier, {@linkcode BridgeProcess.end} does it.
 */

import { AimodellibError, messageOf, ProtocolError } from "../errors.ts";
import { AnswerMemory } from "./answer_memory.ts";
import type { Assets } from "./assets.ts";
import { Child, type ChildOptions, type OutputSink } from "./child.ts";
import { Connection } from "./connection.ts";
import { describeExit, type Exit, TOO_OLD } from "./exit.ts";
import type { Exchange } from "./exchange.ts";
import { ignoredSignals } from "./ignored.ts";
import { type Frame, Kind, parseMetadata, PROTOCOL_VERSION } from "./frame.ts";
import type { Ledger } from "./ledger.ts";
import { Meeting } from "./meeting.ts";
import type { RequestMemory } from "./request_memory.ts";
import { RuntimeDir } from "./runtime_dir.ts";
import type { Terminal } from "./terminal.ts";
import { withLimit } from "../with_limit.ts";

/** How a bridge process is started. */
export interface BridgeOptions {
  /** Path of the Python. */
  readonly python: string;
  readonly assets: Assets;
  /**
   * Where the script's output goes. `inherit`: to our own standard output and error. {@linkcode ScriptOutput}: to a function for each
   * stream. A single function gets both streams, in the order in which the script wrote; that script has no standard input, and the others
   * read ours. The script waits while a function's promise is pending.
   */
  readonly output: "inherit" | ScriptOutput | OutputSink;
  /** The longest body that is accepted from the worker, in bytes. */
  readonly maxBody: number;
  readonly env: (name: string) => string | undefined;
  /** Holds large bodies of requests to a serving worker. @default bodies are only sent through the exchange and the socket */
  readonly memory?: RequestMemory | undefined;
  /** Set for the worker, in addition to the environment of this process. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Aborting it cancels the start and kills the Python. */
  readonly signal?: AbortSignal;
}

/** Where each of a script's standard streams goes. */
export interface ScriptOutput {
  readonly stdout: OutputSink;
  /** `stdout` merges both streams, in the order in which the script wrote. */
  readonly stderr: OutputSink | "stdout";
  /** Terminals to use instead of pipes. */
  readonly terminals?: { readonly stdout?: Terminal | undefined; readonly stderr?: Terminal | undefined } | undefined;
}

/** A Python could not be started, or it ended or timed out before it said HELLO. */
export class StartError extends AimodellibError {
  override readonly name = "StartError";
}

/** What START tells a worker; `docs/protocol.md` has the fields. */
export type StartConfig = Readonly<Record<string, unknown>> & { readonly mode: "train" | "serve" };

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** How long a Python may take to start, connect and say HELLO, in ms. A cold interpreter on a slow network disk takes seconds. */
const CONNECT_LIMIT_MS = 60_000;

/** How long we wait for a worker's exit status after its connection has ended, in ms. On a busy machine, a process takes a while to end. */
const EXIT_LIMIT_MS = 1_000;

/** A running Python, connected. */
export class BridgeProcess implements Disposable {
  readonly #child: Child;
  readonly #keeper: Deno.Conn;
  #keeperClosed = false;
  #keeperLost = false;
  readonly #directory: Disposable;
  readonly #requests: RequestMemory | undefined;
  #answers: AnswerMemory | undefined;
  #ended = false;

  private constructor(
    child: Child,
    keeper: Deno.Conn,
    directory: Disposable,
    /** The version that Python reported, such as `3.11.7`. */
    readonly pythonVersion: string,
    /** Whether the program that we started is the worker itself, rather than a wrapper that started the worker. */
    private readonly isWorker: boolean,
    readonly connection: Connection,
    readonly ledger: Ledger,
    readonly exchange: Exchange,
    requests: RequestMemory | undefined,
  ) {
    this.#requests = requests;
    this.#child = child;
    this.#keeper = keeper;
    this.#directory = directory;
    void this.#watchKeeper();
  }

  /**
   * Starts a Python and waits for its HELLO.
   *
   * @throws {StartError} if Python can't be started, ends or takes too long before it says HELLO, or is too old
   * @throws {ProtocolError} if it speaks another version of the protocol
   * @throws the reason of `signal`, when that is aborted
   */
  static async start(options: BridgeOptions): Promise<BridgeProcess> {
    const { python, signal, maxBody } = options;
    signal?.throwIfAborted();
    using directory = RuntimeDir.create(options.env, (path) => new Meeting(path));
    const meeting = directory.content;
    let child: Child | undefined;
    let connection: Connection | undefined;
    try {
      child = spawn(options, directory.path);
      using start = new Start(python, child, signal);
      connection = new Connection(await start.accept(meeting.listener), maxBody, meeting.exchange);
      const { version, pid } = greetingIn(await start.within(connection.receive()), python);
      // The keeper connects before the worker says HELLO.
      const keeper = await start.accept(meeting.keeperListener);
      const isWorker = pid === child.pid;
      const { ledger, exchange } = meeting;
      const { memory } = options;
      return new BridgeProcess(child, keeper, directory, version, isWorker, connection, ledger, exchange, memory);
    } catch (error) {
      // The exit status says more than the end of the connection.
      const exit = connection?.ended && await withLimit(child!.ended, EXIT_LIMIT_MS) ? child!.exit : undefined;
      connection?.close();
      meeting.abandon();
      if (child !== undefined) {
        child.killAll();
        // The Python's own output says more than this error.
        await Promise.all([child.ended, child.endOutput()]);
      }
      if (exit !== undefined) throw new StartError(explainStart(python, exit), { cause: error });
      throw error;
    } finally {
      meeting[Symbol.dispose]();
    }
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves with how the process ended; with undefined if it still runs some seconds after SIGKILL. */
  get ended(): Promise<Exit | undefined> {
    return this.#child.ended;
  }

  /** Reads the rest of its output for at most a second, then stops reading. */
  endOutput(): Promise<void> {
    return this.#child.endOutput();
  }

  /** Whether the keeper died before the worker; {@linkcode end} then ends the worker's processes itself. */
  get keeperLost(): boolean {
    return this.#keeperLost;
  }

  /** Sends START. */
  begin(config: StartConfig): void {
    const metadata = encoder.encode(JSON.stringify({ protocol: PROTOCOL_VERSION }));
    if (this.#requests?.file !== undefined) {
      this.#answers = AnswerMemory.create(() => this.connection.send(Kind.Trim, 0, NOTHING, NOTHING));
    }
    const memory = this.#files?.map(({ path, inode }) => [path, inode]);
    this.connection.send(Kind.Start, 0, metadata, encoder.encode(JSON.stringify({ ...config, memory })));
  }

  /** Uses shared memory from now on: the worker has mapped it. */
  share(): void {
    this.exchange.shares = this.#files !== undefined;
  }

  /** Where the worker puts the bodies of answers; undefined if they are not in shared memory. */
  get answers(): AnswerMemory | undefined {
    return this.exchange.shares ? this.#answers : undefined;
  }

  /** The shared memory for requests and for answers. */
  get #files() {
    const files = [this.#requests?.file, this.#answers?.file];
    return files.every((file) => file !== undefined) ? files : undefined;
  }

  /** Asks a serving worker to end after it has answered its current requests. */
  requestStop(): void {
    this.connection.send(Kind.Stop, 0, NOTHING, NOTHING);
  }

  /** Sends a signal to the worker and all processes of its group, unless the worker has ended. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends SIGTERM to the worker alone, which can then stop its own children in order; to its whole group if a wrapper started it. */
  terminate(): void {
    if (this.isWorker) this.#child.killAlone("SIGTERM");
    else this.kill("SIGTERM");
  }

  /**
   * Ends what the worker has started: its group at once, if it has not ended itself, and all else through the keeper. Its connection
   * can still be read to the end.
   */
  endOthers(): void {
    if (this.#keeperClosed) return;
    this.#keeperClosed = true;
    if (this.#keeperLost) this.#child.killAll();
    else this.kill("SIGKILL");
    this.#keeper.close();
  }

  /** Waits for the end of the keeper's connection, which carries no data: we close it, or the keeper has died. */
  async #watchKeeper(): Promise<void> {
    await this.#keeper.read(new Uint8Array(1)).catch(() => {});
    this.#keeperLost = !this.#keeperClosed;
  }

  /**
   * Ends the worker, and what it has started, and closes its connection. What the worker noted can still be read, until this is
   * disposed.
   */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.endOthers();
    this.connection.close();
  }

  [Symbol.dispose](): void {
    this.end();
    this.#child[Symbol.dispose]();
    this.ledger[Symbol.dispose]();
    this.exchange[Symbol.dispose]();
    this.#answers?.[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }
}

/** Watches what can cut a start short: the time limit, the signal, and the end of the process. */
class Start implements Disposable {
  readonly #over = Promise.withResolvers<never>();
  readonly #signal: AbortSignal | undefined;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #onAbort = () => this.#over.reject(this.#signal?.reason);

  constructor(python: string, child: Child, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#over.promise.catch(() => {});
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#timer = setTimeout(() => {
      const seconds = CONNECT_LIMIT_MS / 1000;
      this.#over.reject(new StartError(`The Python '${python}' did not connect within ${seconds} s of its start`));
    }, CONNECT_LIMIT_MS);
    void child.ended.then((exit) => {
      if (exit !== undefined) this.#over.reject(new StartError(explainStart(python, exit)));
    });
  }

  /** Returns what a promise resolves to, or rejects if the start is over first. */
  within<T>(promise: Promise<T>): Promise<T> {
    // The loser of the race ends when its socket is closed.
    promise.catch(() => {});
    return Promise.race([promise, this.#over.promise]);
  }

  /** Accepts a connection, or rejects if the start is over first. A connection that arrives just then is closed. */
  async accept(listener: Deno.UnixListener): Promise<Deno.UnixConn> {
    const coming = listener.accept();
    try {
      return await this.within(coming);
    } catch (error) {
      coming.then((late) => late.close(), () => {});
      throw error;
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** Reads Python's version and the process id from HELLO. @throws {ProtocolError} if the frame is not HELLO, or has another protocol version */
function greetingIn(hello: Frame | undefined, name: string) {
  if (hello?.kind !== Kind.Hello) throw new ProtocolError(`The Python '${name}' did not begin with HELLO`);
  const { protocol, python, pid } = parseMetadata(hello.metadata);
  if (protocol !== PROTOCOL_VERSION) {
    throw new ProtocolError(`The worker speaks protocol version ${protocol}, this executable ${PROTOCOL_VERSION}`);
  }
  return { version: String(python), pid };
}

function spawn(options: BridgeOptions, directory: string): Child {
  const { python, assets, output, variables } = options;
  const merged = typeof output === "function";
  const { places, ...sinks } = placesOf(output);
  try {
    return new Child(python, {
      args: [assets.entry],
      env: {
        ...variables,
        AIMODELLIB_BRIDGE: directory,
        AIMODELLIB_STREAMS: places,
        AIMODELLIB_IGNORED: [...ignoredSignals()].join(" "),
      },
      stdin: merged ? "null" : "inherit",
      ...sinks,
    });
  } catch (cause) {
    const reason = messageOf(cause);
    throw new StartError(`Can't start the Python '${python}': ${reason}`, { cause });
  }
}

/** Returns the value of AIMODELLIB_STREAMS for the worker (`docs/protocol.md`), and the sinks of its output. */
function placesOf(
  output: BridgeOptions["output"],
): Pick<ChildOptions, "output" | "terminals"> & { readonly places: string } {
  if (output === "inherit") return { places: "", output };
  // Read both, although the worker merges them: an interpreter that can't start says why on stderr.
  if (typeof output === "function") return { places: "merged", output: { stdout: output, stderr: output } };
  const { stdout, stderr, terminals = {} } = output;
  const second = stderr === "stdout" ? stdout : stderr;
  const places: string[] = [];
  const read: [Terminal, OutputSink][] = [];
  if (terminals.stdout !== undefined) {
    places.push(`1=${terminals.stdout.path}`);
    read.push([terminals.stdout, stdout]);
  }
  if (stderr === "stdout") places.push("2=1");
  else if (terminals.stderr !== undefined) {
    places.push(`2=${terminals.stderr.path}`);
    read.push([terminals.stderr, second]);
  }
  return { places: places.join(" "), output: { stdout, stderr: second }, terminals: read };
}

function explainStart(python: string, exit: Exit): string {
  return exit.signal === null && exit.code === TOO_OLD
    ? `The Python '${python}' is too old`
    : `The Python '${python}' ended with ${describeExit(exit)} before it was ready`;
}
