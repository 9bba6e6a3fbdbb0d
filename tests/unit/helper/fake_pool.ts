/** A model without workers. */

import type { Invocation, Outcome } from "../../../src/supervisor/job.ts";
import type { Model, ModelState } from "../../../src/supervisor/model.ts";
import type { Measures } from "../../../src/supervisor/measures.ts";
import type { ModelFacts } from "../../../src/supervisor/model_facts.ts";
import { text, utf8 } from "./bytes.ts";

/** A request that a worker got. */
export interface Asked {
  readonly metadata: unknown;
  readonly body: Uint8Array;
}

/** A pool that answers as a test says, and keeps the requests. */
export class FakePool {
  readonly asked: Asked[] = [];
  state: ModelState = "ready";
  reloading = false;
  facts: ModelFacts | undefined = { archive: "digits.tar.gz", script: "serve.py" };

  /** The parts of OpenAI's API that the script offers. */
  openAi: readonly string[] | undefined;

  /** What the pool has counted. */
  measures: Measures | undefined;

  /** The number of requests that a worker takes at once. */
  window: number | undefined;

  /** The module's folder; undefined until the model is open. */
  module: string | undefined;

  /** @param answer the outcome of each request */
  constructor(
    public answer: (asked: Asked) => Outcome | Promise<Outcome> = () => result("answer"),
    readonly name = "digits",
  ) {}

  /** The part of a model that the application uses. */
  get model(): Model {
    const uses = {
      invoke: ({ metadata, body }: Invocation) => {
        const asked = { metadata: JSON.parse(text(metadata)), body };
        this.asked.push(asked);
        return Promise.resolve(this.answer(asked));
      },
      askUsage: () => Promise.resolve(),
      metrics: () => [],
    } satisfies Pick<Model, "invoke" | "askUsage" | "metrics">;
    return Object.defineProperties(uses, {
      state: { get: () => this.state },
      name: { value: this.name },
      facts: { get: () => this.facts },
      openAi: { get: () => this.openAi },
      figures: { get: () => this.measures && { measures: this.measures } },
      window: { get: () => this.window },
      module: { get: () => this.module },
      size: { value: 2 },
      readyWorkers: { get: () => this.state === "degraded" ? 1 : 2 },
    }) as unknown as Model;
  }
}

/** Makes the outcome of a successful request. */
export function result(body: string | Uint8Array<ArrayBuffer>, contentType = "text/plain"): Outcome {
  return { kind: "result", contentType, body: typeof body === "string" ? utf8(body) : body };
}
