/** Reads the body of a fetched resource, up to a limit. */

import { HttpError, tooLarge } from "./h1/mod.ts";
import { HttpProblem, problemFrom } from "./problem.ts";
import { messageOf } from "../errors.ts";

/**
 * Reads the whole body.
 *
 * @param maxBytes the longest body that is accepted
 * @param hold called with a number of bytes before so much memory is allocated
 * @throws {HttpProblem} 413 as soon as the body is known to be longer; 400 if the other side disconnects early; and whatever `hold`
 * throws
 */
export async function readBody(
  source: Request | Response,
  maxBytes: number,
  hold: (bytes: number) => void = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  if (source.body === null) return new Uint8Array(0);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    for await (const chunk of source.body) {
      length += chunk.length;
      if (length > maxBytes) throw problemFrom(tooLarge(maxBytes));
      hold(chunk.length);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof HttpError) throw cause;
    throw new HttpProblem(400, `The body ended early: ${messageOf(cause)}`);
  }
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
