/** Finds the model that a request of OpenAI's API names. */

import { JsonReader } from "../v2/json_reader.ts";

const MAX_DEPTH = 64;
const MAX_NAME = 256;

/**
 * Returns the member `model` of a JSON object. The rest is not decoded, and what follows is not read: the script parses the body.
 *
 * @returns undefined if there is none that is a string, or the body is not such an object
 */
export function modelIn(body: Uint8Array<ArrayBuffer>): string | undefined {
  const reader = new JsonReader(body, 0, body.length, MAX_DEPTH);
  try {
    if (reader.next() !== "{") return undefined;
    while (reader.next() === "key") {
      if (reader.string() !== "model") {
        reader.skip();
      } else {
        return reader.next() === "string" ? reader.string().slice(0, MAX_NAME) : undefined;
      }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return undefined;
}
