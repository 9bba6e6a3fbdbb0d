/** The worker's side of the protocol, for programs that take the place of Python (see `fake_python.ts`). It runs in their process. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A received frame. */
export interface Received {
  readonly kind: number;
  readonly id: number;
  readonly flags: number;
  readonly metadata: Record<string, unknown>;
  /** The lines of the metadata; `metadata` is the first, parsed. */
  readonly lines: readonly string[];
  readonly body: Uint8Array;
}

/** The kinds of frames. */
export const KIND = {
  hello: 1,
  start: 2,
  ready: 3,
  failed: 4,
  invoke: 5,
  result: 6,
  error: 7,
  stop: 8,
  done: 9,
  stats: 10,
  cancel: 11,
  part: 12,
  credit: 13,
} as const;

/** A worker's connection with its supervisor. */
export class FakeBridge {
  readonly kind = KIND;
  readonly #socket: Deno.UnixConn;
  readonly #keeper: Deno.UnixConn;
  readonly #ledger: Deno.FsFile;

  private constructor(socket: Deno.UnixConn, keeper: Deno.UnixConn, ledger: Deno.FsFile) {
    this.#socket = socket;
    this.#keeper = keeper;
    this.#ledger = ledger;
  }

  /** Connects, and opens the ledger. */
  static async connect(): Promise<FakeBridge> {
    const directory = Deno.env.get("AIMODELLIB_BRIDGE")!;
    const socket = await Deno.connect({ transport: "unix", path: `${directory}/bridge.sock` });
    // The keeper's connection, which ends with this process.
    const keeper = await Deno.connect({ transport: "unix", path: `${directory}/keeper.sock` });
    return new FakeBridge(socket, keeper, Deno.openSync(`${directory}/ledger`, { read: true, write: true }));
  }

  /** Connects, sends HELLO, and returns the configuration that START carries. */
  static async begin(): Promise<[bridge: FakeBridge, config: Record<string, unknown>]> {
    const bridge = await FakeBridge.connect();
    await bridge.send(KIND.hello, 0, { protocol: 4, python: "3.99.1" });
    const { body } = await bridge.receive();
    return [bridge, JSON.parse(decoder.decode(body))];
  }

  /**
   * Receives five requests, and executes the third until the supervisor has recalled those after it.
   *
   * @returns the unsent answers to the first two, and the id up to which requests are recalled
   */
  static async heldUp(): Promise<{ bridge: FakeBridge; early: Uint8Array[]; recalled: number }> {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(KIND.ready);
    for (let i = 0; i < 5; i++) await bridge.receive();
    const early = [1, 2].map((id) => bridge.encode(KIND.result, id, { content_type: "text/plain" }, `${id}`));
    bridge.note(3, early);
    return { bridge, early, recalled: await bridge.recalled() };
  }

  /** Encodes a frame. */
  encode(
    kind: number,
    id = 0,
    metadata: Record<string, unknown> | string = "",
    body: Uint8Array | string = "",
  ): Uint8Array {
    const text = encoder.encode(typeof metadata === "string" ? metadata : JSON.stringify(metadata));
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    const frame = new Uint8Array(12 + text.length + bytes.length);
    const view = new DataView(frame.buffer);
    view.setUint32(0, bytes.length, true);
    view.setUint32(4, id, true);
    view.setUint8(8, kind);
    view.setUint16(10, text.length, true);
    frame.set(text, 12);
    frame.set(bytes, 12 + text.length);
    return frame;
  }

  async send(...frame: Parameters<FakeBridge["encode"]>): Promise<void> {
    await this.write(this.encode(...frame));
  }

  /** Sends raw bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
  }

  /** Returns the next frame. At the end of the stream, the process exits with code 42. */
  async receive(): Promise<Received> {
    const header = new DataView((await this.#read(12)).buffer);
    const metadata = decoder.decode(await this.#read(header.getUint16(10, true)));
    const flags = header.getUint8(9);
    return {
      kind: header.getUint8(8),
      id: header.getUint32(4, true),
      flags,
      metadata: metadata === "" ? {} : JSON.parse(metadata.split("\n")[0]!),
      lines: metadata.split("\n"),
      body: await this.#read(flags === 0 ? header.getUint32(0, true) : 0),
    };
  }

  /** Records in the ledger the request begun last, and answers that may not have been sent. */
  note(started: number, answers: readonly Uint8Array[] = []): void {
    const length = answers.reduce((sum, { length }) => sum + length, 0);
    const words = new DataView(new ArrayBuffer(8));
    words.setUint32(0, started, true);
    words.setUint32(4, length, true);
    this.#ledger.seekSync(20, Deno.SeekMode.Start);
    for (const answer of answers) this.#ledger.writeSync(answer);
    this.#ledger.seekSync(0, Deno.SeekMode.Start);
    this.#ledger.writeSync(new Uint8Array(words.buffer));
  }

  /** Waits until the supervisor recalls requests, and returns the id up to which it has. */
  async recalled(): Promise<number> {
    const word = new DataView(new ArrayBuffer(4));
    while (word.getUint32(0, true) === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      this.#ledger.seekSync(16, Deno.SeekMode.Start);
      this.#ledger.readSync(new Uint8Array(word.buffer));
    }
    return word.getUint32(0, true);
  }

  /** Closes the connection. */
  close(): void {
    this.#socket.close();
  }

  /** Closes the keeper's connection, as the keeper's death would. */
  closeKeeper(): void {
    this.#keeper.close();
  }

  /** Kills this process with SIGKILL, as the kernel does when memory runs out. */
  async die(): Promise<never> {
    Deno.kill(Deno.pid, "SIGKILL");
    return await new Promise<never>(() => setTimeout(() => {}, 60_000));
  }

  async #read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let received = 0; received < length;) {
      const count = await this.#socket.read(bytes.subarray(received));
      if (count === null) Deno.exit(42);
      received += count;
    }
    return bytes;
  }
}
