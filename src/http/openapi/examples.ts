/** Samples of modules as examples of request bodies. */

import { isJson } from "../../client/content_type.ts";

/** A sample of a model. */
export interface BodyExample {
  /** Its name for people, such as `sample.json`. */
  readonly name: string;
  readonly contentType: string;
  /** Its text; undefined if it is not text, or too long for an example. */
  readonly text?: string | undefined;
}

/** A description of bodies by content type. */
export function contentOf(samples: readonly BodyExample[]): Readonly<Record<string, object>> {
  const types = new Map<string, Record<string, { value: unknown }>>();
  for (const { name, contentType, text } of samples) {
    const examples = types.get(contentType) ?? {};
    types.set(contentType, examples);
    if (text !== undefined) examples[name] = { value: valueOf(contentType, text) };
  }
  return Object.fromEntries(
    [...types].map(([type, examples]) => [
      type,
      // Swagger UI lets people choose a file for a binary string.
      Object.keys(examples).length === 0 ? { schema: { type: "string", format: "binary" } } : { examples },
    ]),
  );
}

/** JSON as its value, everything else as text. */
function valueOf(contentType: string, text: string): unknown {
  if (!isJson(contentType)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
