/** OpenAI's API, for models whose scripts say that they chat or embed: `/v1/chat/completions` and `/v1/embeddings`. */

import type { Model, Models } from "../../supervisor/mod.ts";
import { bodyOf } from "../content_encoding.ts";
import { fieldsOfHead } from "../fields.ts";
import type { Refusal } from "../middleware/refusal.ts";
import { modelIn } from "../openai/model_name.ts";
import { HttpProblem, problemFrom } from "../problem.ts";
import type { Invocations } from "./invocations.ts";

/** What a script may offer, by its path. */
export const OPENAI_ROUTES: ReadonlyMap<string, string> = new Map([
  ["/v1/chat/completions", "chat.completions"],
  ["/v1/embeddings", "embeddings"],
]);

/** What the route of a part of the API needs. */
export interface OpenAiRouteOptions {
  /** The part, as scripts name it. */
  readonly api: string;
  /** The longest body of a request, in bytes. */
  readonly maxBody: number;
  /** Makes the handler of a model. It is called once for each model. */
  readonly handlerOf: (model: Model) => Invocations;
  readonly refuse: Refusal;
}

/** Makes the handler of a part of the API. It passes a request to the model that the body names. */
export function openAiRoute(models: Models, { api, maxBody, handlerOf, refuse }: OpenAiRouteOptions): Invocations {
  const handlers = new Map<Model, Invocations>();
  return async function openAi(request) {
    let model: Model;
    let body: Uint8Array<ArrayBuffer>;
    try {
      const able = models.all.filter(({ openAi }) => openAi === undefined || openAi.includes(api));
      if (able.length === 0) throw new HttpProblem(404, `No model of this server offers '${request.head.path}'`);
      body = await bodyOf(request, fieldsOfHead(request.head).contentEncoding, maxBody);
      model = chosen(able, modelIn(body));
    } catch (error) {
      return refuse(request, problemFrom(error));
    }
    let handler = handlers.get(model);
    if (handler === undefined) handlers.set(model, handler = handlerOf(model));
    return await handler(request, body);
  };
}

/** @throws {HttpProblem} if there is no such model, or there are several and none is named */
function chosen(able: readonly Model[], name: string | undefined): Model {
  const names = able.map(({ name }) => `'${name}'`).join(", ");
  const [only] = able;
  if (name === undefined) {
    if (able.length === 1) return only!;
    throw new HttpProblem(400, `The request must name a model in 'model': one of ${names}`, { param: "model" });
  }
  const found = able.find((model) => model.name === name);
  if (found !== undefined) return found;
  const code = "model_not_found";
  throw new HttpProblem(404, `The model '${name}' does not exist; known models: ${names}`, { param: "model", code });
}
