/** Repeats a request where that can help: after a worker's death, or when a server is full or unreachable. */

import { getLogger } from "@logtape/logtape";
import { AimodellibError } from "../errors.ts";
import { type Ask, type Fault, type Question, type Reply, whole } from "./ask.ts";

const log = getLogger(["aimodellib", "predict"]);

/** An answer as a whole, or why there is none. */
export type Settled = Exclude<Reply, { readonly kind: "parts" }>;

/** How often, and how long, a request is tried again. */
export interface PatienceOptions {
  /** How often a request is sent again after its answer was lost. */
  readonly retries: number;
  /** How long requests may be refused without a single answer, in ms. @default 60_000 */
  readonly patienceMs?: number;
  /** The longest answer in parts that is joined, in bytes. */
  readonly maxAnswer: number;
  /** Ends all pauses. */
  readonly signal: AbortSignal;
}

/** The first and the longest pause before a refused request is sent again, in ms. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;

/** Asks a model until it answers, or fails in a way that a repetition can't help. */
export class Patience {
  readonly #ask: Ask;
  readonly #options: Required<PatienceOptions>;
  /** When the last answer arrived, by `performance.now()`. */
  #answeredAt = performance.now();
  /** Lost requests are sent again one at a time: a request that kills its worker must not take others with it again. */
  #lane: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(ask: Ask, options: PatienceOptions) {
    this.#ask = ask;
    this.#options = { patienceMs: 60_000, ...options };
  }

  /** How many requests wait for a server that refuses them. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Asks the model, and repeats the request where that can help.
   *
   * @throws {AimodellibError} if the model can't answer any further request
   */
  async ask(question: Question): Promise<Settled> {
    const first = await this.#once(question);
    if (first.kind !== "fault" || first.fault.again === "never") return first;
    return await this.#insist(question, first.fault);
  }

  async #once(question: Question): Promise<Settled> {
    const reply = await whole(await this.#ask.ask(question), this.#options.maxAnswer);
    if (reply.kind !== "fault" || reply.fault.again === "never") this.#answeredAt = performance.now();
    return reply;
  }

  async #insist(question: Question, first: Fault): Promise<Settled> {
    let fault = first;
    let refusals = 0;
    for (let lost = 0;;) {
      if (this.#options.signal.aborted) return { kind: "fault", fault };
      let reply: Settled;
      if (fault.again === "lost") {
        if (++lost > this.#options.retries) return { kind: "fault", fault };
        const turn = this.#lane.then(() => this.#once(question));
        this.#lane = turn.catch(() => {});
        reply = await turn;
      } else {
        await this.#pause(fault, refusals++);
        reply = await this.#once(question);
      }
      if (reply.kind !== "fault" || reply.fault.again === "never") return reply;
      fault = reply.fault;
    }
  }

  /** @throws {AimodellibError} if nothing was answered for too long */
  async #pause({ message, pauseMs }: Fault, refusals: number): Promise<void> {
    const { patienceMs, signal } = this.#options;
    const quietMs = performance.now() - this.#answeredAt;
    if (quietMs > patienceMs) {
      throw new AimodellibError(
        `No request was answered for ${Math.round(quietMs / 1000)} s. The last error: ${message}`,
      );
    }
    if (this.#waiting === 0) log.warning("Requests are refused, and will be sent again: {message}", { message });
    this.#waiting++;
    const backoff = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(refusals, 10)) * (1 - Math.random() / 4);
    try {
      await sleep(Math.max(backoff, pauseMs ?? 0), signal);
    } finally {
      this.#waiting--;
    }
  }
}

/** Waits until the time is over or `signal` is aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
