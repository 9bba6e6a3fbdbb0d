/**
 * Parses the JSON of a request except for its tensors' elements, which stay in the text. The rest is small: JSON.parse() reads it.
 */

import { checkUtf8, JsonReader, textStart } from "./json_reader.ts";
import type { JsonText } from "./tensor.ts";

/** The deepest nesting of lists and objects; elements may be nested half as deep. */
const MAX_DEPTH = 64;

/** The longest JSON without its tensors' elements, in bytes. */
const MAX_BYTES = 2 ** 20;

/** A parsed request without the elements of its inputs. */
export interface Envelope {
  /** The request; each input's `data` is replaced by an index into {@linkcode data}. */
  readonly json: unknown;
  readonly data: readonly JsonText[];
}

/**
 * Reads the JSON of a request, leaving the elements of its tensors as text.
 *
 * @throws {TypeError} if it is not in UTF-8
 * @throws {SyntaxError} if it is not JSON, nested too deep, or too long without the elements. Elements are not checked.
 */
export function readEnvelope(bytes: Uint8Array<ArrayBuffer>): Envelope {
  checkUtf8(bytes);
  const start = textStart(bytes);
  const reader = new JsonReader(bytes, start, bytes.length, MAX_DEPTH);
  const data: JsonText[] = [];
  const parts: string[] = [];
  let length = 0;
  let from = start;
  const keep = (to: number) => {
    length += to - from;
    if (length > MAX_BYTES) throw new SyntaxError(`it has more than ${MAX_BYTES} bytes beside the data of its inputs`);
    parts.push(decoder.decode(bytes.subarray(from, to)));
  };
  /** Whether the reader is inside the list `inputs` of the outermost object. */
  let inputs = false;
  for (let token = reader.next(); token !== "end"; token = reader.next()) {
    if (token === "key") {
      if (reader.depth === 1) inputs = reader.string() === "inputs";
      else if (inputs && reader.depth === 3 && reader.string() === "data") {
        keep(reader.at);
        const place = data.length;
        const begin = reader.at;
        reader.skip();
        data.push({ bytes, start: begin, end: reader.at });
        parts.push(String(place));
        from = reader.at;
      }
    }
    if (reader.at - from > MAX_BYTES) keep(reader.at);
  }
  keep(bytes.length);
  return { json: JSON.parse(parts.join("")), data };
}

const decoder = new TextDecoder();
