/**
 * `GET /v1/models` and `GET /v1/models/NAME`, which two protocols share: OpenAI's API and KServe's V1 protocol.
 *
 * The answers have the members of both. Their names differ, and the clients of each ignore those of the other.
 */

import type { Context } from "hono";
import type { Model, Models } from "../../supervisor/mod.ts";
import { demandReady } from "./health.ts";

/**
 * `GET /v1/models`: `models` has the names of all models, for KServe; `data` has the models that chat or embed, for OpenAI.
 *
 * @param created the start of this server, in seconds since 1970
 */
export function modelsV1(models: Models, created: number) {
  return function modelsV1(c: Context): Response {
    const data = models.all.filter(offers).map((model) => describe(model, created));
    return c.json({ object: "list", data, models: models.all.map(({ name }) => name) });
  };
}

/** `GET /v1/models/NAME`: describes a model that is ready, and answers 503 until then. */
export function modelV1(model: Model, created: number) {
  return function modelV1(c: Context): Response {
    demandReady(model.state);
    return c.json({ ...describe(model, created), name: model.name, ready: true });
  };
}

function offers({ openAi }: Model): boolean {
  return openAi !== undefined && openAi.length > 0;
}

function describe({ name }: Model, created: number): object {
  return { id: name, object: "model", created, owned_by: "aimodellib" };
}
