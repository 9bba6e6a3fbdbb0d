/** Clients that send requests one after the other, and hold each answer against what it has to be, byte by byte. */

import type { Fate } from "../soak/load.ts";
import { concat, type Exercise, makeExercise } from "./exercise.ts";
import { readSlowly } from "./slow_reader.ts";

/** Bytes of answers and of requests' bodies: through the ledger, at once, and through the exchange. */
const SIZES = [0, 10, 1_000, 15_000, 20_000, 70_000, 300_000];
/** Of an answer that is read slowly: more than the buffers of sockets take. */
const SLOW_SIZE = 6_000_000;
/** One request of so many is left by its client, or has its answer read slowly. */
const LEAVES = 40;
const READS_SLOWLY = 700;
/** How long the execution of one request of so many takes, in ms: workers are killed in it, and others held up behind it. */
const PAUSES: readonly (readonly [every: number, ms: number])[] = [[100, 30], [3, 6]];
/** Before a client leaves, in ms, at the most. */
const LEAVES_AFTER = 30;
/** After a request that was refused, in ms. */
const REFUSED_PAUSE = 20;

const decoder = new TextDecoder();

/** As many clients as are asked for. Their connections are closed when it is disposed. */
export class Clients implements Disposable {
  readonly fates: Record<Fate, number> = { answered: 0, refused: 0, executing: 0, left: 0, wrong: 0 };
  /** What some of the wrong ones were answered. */
  readonly faults: string[] = [];
  /** The numbers of the requests that were answered, and of those that were refused. */
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

  /** How many requests have not come to an end. */
  get lost(): number {
    return this.sent - Object.values(this.fates).reduce((sum, count) => sum + count, 0);
  }

  /** Sends nothing more, and waits for the end of what was sent, but no longer than `ms`. */
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

/** What became of a request, by its answer. @param whole whether the answer came to its end */
function judge(
  { answer }: Exercise,
  status: number,
  body: Uint8Array<ArrayBuffer>,
  whole: boolean,
): [Fate, string] {
  if (status === 502) return ["executing", ""];
  if (status === 503) return ["refused", ""];
  const same = status === 200 && startsWith(answer, body);
  // In parts, and its worker died.
  if (same && !whole) return ["executing", ""];
  if (same && whole && body.length === answer.length) return ["answered", ""];
  const shown = decoder.decode(body.subarray(0, 200));
  return ["wrong", `${status}, ${body.length} of ${answer.length} bytes${whole ? "" : ", cut off"}: ${shown}`];
}

/** Makes a request whose body, and whose answer if no `size` is given, are short or long at random. */
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
