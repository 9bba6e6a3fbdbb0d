/** Asks the workers of a model directly, without HTTP. */

import { metadataEncoder } from "../http/metadata.ts";
import { keepFreedMemory } from "../memory.ts";
import { Histogram } from "../observability/metrics.ts";
import { createPool, type PoolConfig, type PoolContext } from "../serve/mod.ts";
import { Models, type Outcome, type ServedModel } from "../supervisor/mod.ts";
import type { Ask, Question, Reply } from "./ask.ts";
import { faultOf } from "./problem.ts";

/** The most requests that a worker has at once when it executes them one at a time. */
const WINDOW = 64;

/** The stages of a request: the wait for a worker, then the functions of the script in their order. */
const STAGES = ["queue", "deserialize", "predict", "serialize"] as const;

const encoder = new TextEncoder();

/** A pool of workers, the same as `serve` uses. */
export class PoolClient implements Ask {
  readonly atOnce: number;
  readonly #models: Models;
  readonly #encode = metadataEncoder();
  readonly #heads = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #drainTimeoutMs: number;
  readonly #abandoned = new AbortController();

  private constructor(models: Models, { workers, maxBatchSize, concurrency, threads, drainTimeoutMs }: PoolConfig) {
    this.#models = models;
    this.#drainTimeoutMs = drainTimeoutMs;
    // Twice what the workers can hold: a worker with room always finds the next requests waiting.
    this.atOnce = 2 * workers.length * Math.max(WINDOW, 2 * maxBatchSize, concurrency, threads);
  }

  /**
   * Starts the workers, and waits until the first of them has loaded the model.
   *
   * @param signal aborts the start
   * @throws {ScriptError} if the model can't be loaded
   * @throws {Error} the reason of `signal`
   */
  static async start(
    model: ServedModel,
    config: PoolConfig,
    context: PoolContext,
    signal: AbortSignal,
  ): Promise<PoolClient> {
    keepFreedMemory();
    const ready = Promise.withResolvers<void>();
    const models = new Models([model], (files) => createPool(files, undefined, config, context), () => ready.resolve());
    const client = new PoolClient(models, config);
    const stopped = () => ready.reject(signal.reason);
    signal.addEventListener("abort", stopped, { once: true });
    try {
      signal.throwIfAborted();
      client.#models.start();
      await Promise.race([ready.promise, client.#models.failed]);
      return client;
    } catch (error) {
      client.abandon();
      await client[Symbol.asyncDispose]();
      throw error;
    } finally {
      signal.removeEventListener("abort", stopped);
    }
  }

  readonly ask = async ({ body, contentType, accept, id }: Question): Promise<Reply> => {
    const outcome = await this.#models.all[0]!.invoke({
      metadata: this.#encode(contentType, accept),
      context: `{"id":${JSON.stringify(id)}}`,
      head: () => this.#head(contentType, accept),
      body,
    });
    if (outcome.kind === "result") return { kind: "answer", contentType: outcome.contentType, body: outcome.body };
    return await this.#other(outcome);
  };

  readonly abandon = (): void => {
    this.#abandoned.abort();
    void this.#models.stop(AbortSignal.abort());
  };

  /** Returns how long the stages of all requests took together, in seconds. */
  async stageTimes(): Promise<readonly (readonly [stage: string, seconds: number])[]> {
    const model = this.#models.all[0]!;
    await model.askUsage();
    const metric = model.metrics().find(({ name }) => name === "aimodellib_stage_duration_seconds");
    return STAGES.map((stage) => {
      const value = metric?.values.find(([labels]) => labels["stage"] === stage)?.[1];
      return [stage, value instanceof Histogram ? value.sum : 0] as const;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#models.stop(AbortSignal.any([this.#abandoned.signal, AbortSignal.timeout(this.#drainTimeoutMs)]));
  }

  async #other(outcome: Exclude<Outcome, { readonly kind: "result" }>): Promise<Reply> {
    if (outcome.kind === "parts") {
      const { contentType, parts } = outcome;
      const next = async () => {
        const part = await parts.next();
        return part === undefined || part instanceof Uint8Array ? part : faultOf(part);
      };
      return { kind: "parts", contentType, next, leave: () => parts.leave() };
    }
    if (outcome.kind === "refused" && !this.#abandoned.signal.aborted) {
      // Live workers refuse nothing. The workers have died too often, and `failed` rejects with the reason.
      await Promise.race([this.#models.failed, aborted(this.#abandoned.signal)]);
    }
    return { kind: "fault", fault: faultOf(outcome) };
  }

  /** Returns the head that a script sees in `logger.request`: the same as over HTTP. */
  #head(contentType: string, accept: string): Uint8Array<ArrayBuffer> {
    const text = `POST /invocations\ncontent-type:${contentType}\naccept:${accept}`;
    let head = this.#heads.get(text);
    if (head === undefined) this.#heads.set(text, head = encoder.encode(text));
    return head;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
