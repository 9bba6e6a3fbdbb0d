/** Sends requests as well-behaved clients do, and records the outcome of each. */

/** The outcome of a request. */
export type Fate =
  /** It got the right answer. */
  | "answered"
  /** 503: the server refused it before its execution. */
  | "refused"
  /** 502: its worker died while executing it. */
  | "executing"
  /** Its client disconnected. */
  | "left"
  /** Anything else, which is a fault. */
  | "wrong";

/** The client of one in so many requests disconnects before the answer. */
const LEAVES = 50;

/** Sends requests, and counts their outcomes. Disposing it closes its connections. */
export class Load implements Disposable {
  readonly fates: Record<Fate, number> = { answered: 0, refused: 0, executing: 0, left: 0, wrong: 0 };
  /** The answers to some of the wrong ones. */
  readonly faults: string[] = [];
  sent = 0;
  readonly #url: string;
  #closed = false;
  readonly #client = Deno.createHttpClient({});
  readonly #requests = new Set<Promise<void>>();

  constructor(url: string) {
    this.#url = url;
  }

  /** How many requests are in flight. */
  get open(): number {
    return this.#requests.size;
  }

  /** How many requests have no outcome yet. */
  get lost(): number {
    return this.sent - Object.values(this.fates).reduce((sum, count) => sum + count, 0);
  }

  /** Sends another request. */
  send(): void {
    const request = ask(this.#url, this.sent++, this.#client).then(([fate, said]) => {
      this.fates[fate]++;
      if (fate === "wrong" && this.faults.length < 5) this.faults.push(said);
      this.#requests.delete(request);
    });
    this.#requests.add(request);
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.#client.close();
    this.#closed = true;
  }

  /** Waits until all requests have an outcome, but no longer than `ms`. */
  async settle(ms: number): Promise<void> {
    await Promise.race([Promise.all(this.#requests), new Promise((resolve) => setTimeout(resolve, ms))]);
  }
}

/** Sends request number `n`, and checks that the answer is its own. */
export async function ask(url: string, n: number, client?: Deno.HttpClient): Promise<[Fate, string]> {
  const leaving = new AbortController();
  const leaves = n % LEAVES === 0;
  const timer = leaves ? setTimeout(() => leaving.abort(), Math.random() * 20) : undefined;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"inputs":[${n},1]}`,
      signal: leaving.signal,
      ...(client && { client }),
    });
    const text = await response.text();
    if (response.status === 502) return ["executing", text];
    if (response.status === 503) return ["refused", text];
    const right = response.status === 200 && text === `{"outputs": [${2 * n}, 2]}`;
    return [right ? "answered" : "wrong", `${response.status}: ${text.slice(0, 300)}`];
  } catch (error) {
    return [leaving.signal.aborted ? "left" : "wrong", `${error}`];
  } finally {
    clearTimeout(timer);
  }
}

/** Measures how many requests per second are answered when each client sends its next request at once. */
export async function capacity(url: string, ms: number): Promise<number> {
  const began = performance.now();
  using client = Deno.createHttpClient({});
  let answered = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (performance.now() - began < ms) {
      if ((await ask(url, 1, client))[0] !== "answered") {
        throw new Error("The server did not answer while its capacity was measured.");
      }
      answered++;
    }
  }));
  return answered / (performance.now() - began) * 1e3;
}
