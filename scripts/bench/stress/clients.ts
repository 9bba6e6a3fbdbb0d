/** Clients that send one request after another, and compare each answer with the expected one, byte by byte. */

import type { Fate } from "../soak/load.ts";
import { concat, type Exercise, makeExercise } from "./exercise.ts";
import { readSlowly } from "./slow_reader.ts";

/** Sizes of bodies in bytes: small ones go through the ledger, others directly through the socket or through the exchange. */
const SIZES = [0, 10, 1_000, 15_000, 20_000, 70_000, 300_000];
/** The size of an answer that is read slowly, in bytes: more than the buffers of the sockets hold. */
const SLOW_SIZE = 6_000_000;
/** For one in so many requests, the client disconnects, or reads the answer slowly. */
const LEAVES = 40;
const READS_SLOWLY = 700;
/** The execution of one in so many requests takes so many ms: it is killed midway, or delays the requests after it. */
const PAUSES: readonly (readonly [every: number, ms: number])[] = [[100, 30], [3, 6]];
/** The longest time before a client disconnects, in ms. */
const LEAVES_AFTER = 30;
/** The pause after a refused request, in ms. */
const REFUSED_PAUSE = 20;

const decoder = new TextDecoder();

/** A number of clients. Disposing them closes their connections. */
export class Clients implements Disposable {
  readonly fates: Record<Fate, number> = { answered: 0, refused: 0, executing: 0, left: 0, wrong: 0 };
  /** The answers to some of the wrong ones. */
  readonly faults: string[] = [];
  /** The numbers of the answered requests, and of the refused ones. */
  readonly answered: number[] = [];
  readonly refused: number[] = [];
  sent = 0;
  readonly #url: string;
  readonly #client = Deno.createHttpClient({});
  readonly #running: Promise<unknown>;
  #stopping = false;

  constructor(url: string, count: number) {
    this.#url = url;
    this.#running = Promise.all(Array.from({ length: count }, () => this.#run()));
  }

  /** How many requests have no outcome yet. */
  get lost(): number {
    return this.sent - Object.values(this.fates).reduce((sum, count) => sum + count, 0);
  }

  /** Stops sending, and waits for the outstanding answers, but no longer than `ms`. */
  async stop(ms: number): Promise<void> {
    this.#stopping = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([this.#running, new Promise((resolve) => timer = setTimeout(resolve, ms))]);
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const number = ++this.sent;
      const [fate, said] = await this.#ask(number);
      this.fates[fate]++;
      if (fate === "wrong" && this.faults.length < 5) this.faults.push(`request ${number}: ${said}`);
      if (fate === "answered") this.answered.push(number);
      if (fate === "refused") {
        this.refused.push(number);
        await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE));
      }
    }
  }

  async #ask(number: number): Promise<[Fate, string]> {
    if (number % READS_SLOWLY === 0) {
      const exercise = exerciseOf(number, SLOW_SIZE);
      return await readSlowly(new URL(this.#url), exercise.request).then(
        ({ status, body, whole }) => judge(exercise, status, body, whole),
        (error) => ["wrong", `${error}`] as const,
      ) as [Fate, string];
    }
    const exercise = exerciseOf(number);
    const leaving = new AbortController();
    const timer = number % LEAVES === 0 ? setTimeout(() => leaving.abort(), Math.random() * LEAVES_AFTER) : undefined;
    try {
      return await this.#fetch(exercise, leaving.signal);
    } catch (error) {
      return [leaving.signal.aborted ? "left" : "wrong", `${error}`];
    } finally {
      clearTimeout(timer);
    }
  }

  async #fetch(exercise: Exercise, signal: AbortSignal): Promise<[Fate, string]> {
    const { status, body } = await fetch(this.#url, {
      method: "POST",
      body: exercise.request,
      signal,
      client: this.#client,
    });
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let whole = true;
    try {
      for await (const chunk of body!) chunks.push(chunk);
    } catch (error) {
      if (signal.aborted) throw error;
      whole = false;
    }
    return judge(exercise, status, concat(chunks), whole);
  }
}

/** Returns the outcome of a request by its answer. @param whole whether the whole answer arrived */
function judge(
  { answer }: Exercise,
  status: number,
  body: Uint8Array<ArrayBuffer>,
  whole: boolean,
): [Fate, string] {
  if (status === 502) return ["executing", ""];
  if (status === 503) return ["refused", ""];
  const same = status === 200 && startsWith(answer, body);
  // The worker died during a streamed answer.
  if (same && !whole) return ["executing", ""];
  if (same && whole && body.length === answer.length) return ["answered", ""];
  const shown = decoder.decode(body.subarray(0, 200));
  return ["wrong", `${status}, ${body.length} of ${answer.length} bytes${whole ? "" : ", cut off"}: ${shown}`];
}

/** Makes a request with a body of random length, and with an answer of length `size`, by default random as well. */
function exerciseOf(number: number, size = SIZES[Math.floor(Math.random() ** 2.5 * SIZES.length)]!): Exercise {
  const filling = SIZES[Math.floor(Math.random() ** 2 * SIZES.length)]!;
  const [, pauseMs] = PAUSES.find(([every]) => number % every === 0) ?? [0, 0];
  return makeExercise(number, filling, size, pauseMs);
}

function startsWith(whole: Uint8Array, beginning: Uint8Array): boolean {
  if (beginning.length > whole.length) return false;
  for (let i = 0; i < beginning.length; i++) if (whole[i] !== beginning[i]) return false;
  return true;
}
