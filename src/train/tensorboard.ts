/**
 * Runs TensorBoard beside a training, with the same Python. Training continues whatever happens to TensorBoard.
 *
 * TensorBoard has a process group of its own, and ends when its standard input closes, even if this program is killed.
 */

import { type Assets, Child } from "../bridge/mod.ts";
import { authority } from "../host.ts";
import { Backoff } from "../backoff.ts";
import { printable } from "../printable.ts";
import { messageOf } from "../errors.ts";

/** How TensorBoard is started. */
export interface TensorBoardOptions {
  readonly python: string;
  readonly assets: Assets;
  /** The absolute path of the folder for the logs. */
  readonly logDir: string;
  readonly host: string;
  readonly port: number;
  /** Shows lines about TensorBoard's state. */
  readonly say: (text: string) => void;
}

/** The exit code for a Python without TensorBoard, see `python/aimodellib/_bridge/tensorboard.py`. */
const NOT_INSTALLED = 87;
/** After this many early deaths in a row, TensorBoard is not restarted. */
const MAX_DEATHS = 5;
/** A death after more than this, in ms, does not count as early. */
const WELL_AFTER_MS = 30_000;
/** How much of its output is kept for a failure, in characters. */
const MAX_WORDS = 2000;

/** A TensorBoard that is kept running. */
export class TensorBoard implements AsyncDisposable {
  readonly #options: TensorBoardOptions;
  readonly #backoff = new Backoff();
  #child: Child | undefined;
  #stopped = false;
  #wake: (() => void) | undefined;
  readonly #running: Promise<void>;
  #announced = false;

  /** Starts TensorBoard without waiting for it. */
  constructor(options: TensorBoardOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** The address of its pages. */
  get url(): string {
    const { host, port } = this.#options;
    return `http://${authority(host, port)}/`;
  }

  /** Whether it has announced its address. */
  get isUp(): boolean {
    return this.#announced && !this.#stopped;
  }

  /** Ends TensorBoard, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    this.#child?.kill("SIGKILL");
    await this.#running;
  }

  async #run(): Promise<void> {
    const { host, port, say } = this.#options;
    for (let deaths = 0; !this.#stopped;) {
      if (isTaken(host, port)) {
        say(`TensorBoard was not started: port ${port} of ${host} is in use; set TB_PORT to a free port\n`);
        break;
      }
      const started = performance.now();
      const { code, signal, words } = await this.#once();
      if (this.#stopped) break;
      if (code === NOT_INSTALLED) {
        say(
          `TensorBoard was not started: it is not installed for '${
            printable(this.#options.python)
          }' (pip install tensorboard)\n`,
        );
        break;
      }
      const upMs = performance.now() - started;
      deaths = upMs > WELL_AFTER_MS ? 1 : deaths + 1;
      const cause = signal === null ? `exit code ${code}` : `signal ${signal}`;
      if (deaths === MAX_DEATHS) {
        say(`Giving up on TensorBoard: it ended ${MAX_DEATHS} times in a row; last: ${cause}\n${words}`);
        break;
      }
      say(`TensorBoard ended with ${cause}; restarting it\n`);
      await this.#pause(this.#backoff.next(upMs));
    }
    this.#stopped = true;
  }

  /** Runs one process of it to its end. */
  async #once(): Promise<{ code: number; signal: Deno.Signal | null; words: string }> {
    const { python, assets, logDir, host, port } = this.#options;
    let words = "";
    const decoder = new TextDecoder();
    const listen = (bytes: Uint8Array<ArrayBuffer>) => {
      words = (words + decoder.decode(bytes, { stream: true })).slice(-MAX_WORDS);
      if (/^TensorBoard \S+ at http/m.test(words) && !this.#announced) {
        this.#announced = true;
        this.#options.say(`TensorBoard: ${this.url}\n`);
      }
    };
    let child: Child;
    try {
      child = new Child(python, {
        args: [assets.entry, "tensorboard", "--logdir", logDir, "--host", host, "--port", String(port)],
        stdin: "piped",
        output: { stdout: () => {}, stderr: listen },
      });
    } catch (error) {
      return { code: 1, signal: null, words: `${messageOf(error)}\n` };
    }
    this.#child = child;
    if (this.#stopped) child.kill("SIGKILL");
    const exit = await child.ended;
    this.#child = undefined;
    await child.endOutput();
    child.killAll();
    await child.stdin.close().catch(() => {});
    return { code: exit?.code ?? 1, signal: exit === undefined ? "SIGKILL" : exit.signal, words };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function isTaken(hostname: string, port: number): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return true;
    // TensorBoard itself reports what is wrong with the address.
    return false;
  }
}
