/** `GET /openapi.json`: a description of all routes. */

import type { Context } from "hono";
import type { Models } from "../../supervisor/mod.ts";
import type { BodyExample } from "../openapi/examples.ts";
import type { Described } from "../openapi/mod.ts";

/** The longest sample that is an example, in bytes, and the most examples of a model. Models beyond a number have none. */
const MAX_BYTES = 64 * 1024;
const MAX_EXAMPLES = 8;
const MAX_MODELS = 8;

/** Makes the handler. Samples are read for each request: a reload may have changed them. @param withSamples whether the console offers them as well */
export function openapi(models: Models, described: Described, withSamples: boolean) {
  return async function openapi(c: Context): Promise<Response> {
    const { describe } = await import("../openapi/mod.ts");
    const samples = withSamples ? await samplesOf(models) : [];
    return c.body(JSON.stringify(describe({ ...described, samples }), undefined, 2), 200, {
      "content-type": "application/json",
    });
  };
}

async function samplesOf({ all }: Models): Promise<readonly BodyExample[]> {
  const { listSamples, readSample } = await import("../../web/samples.ts");
  const examples: BodyExample[] = [];
  for (const { name, module } of all.slice(0, MAX_MODELS)) {
    if (module === undefined) continue;
    for (const sample of listSamples(module).slice(0, MAX_EXAMPLES)) {
      const bytes = sample.size <= MAX_BYTES ? await readSample(module, sample.name) : undefined;
      examples.push({
        name: all.length === 1 ? sample.name : `${name}: ${sample.name}`,
        contentType: sample.type,
        text: bytes && textOf(bytes),
      });
    }
  }
  return examples;
}

/** The text of bytes that are UTF-8 without NUL; undefined for others. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}
