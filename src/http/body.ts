/** Reading the body of what was fetched, with a limit. */

import { HttpError, tooLarge } from "./h1/mod.ts";
import { HttpProblem, problemFrom } from "./problem.ts";
import { messageOf } from "../errors.ts";

/**
 * All bytes of the body.
 *
 * @param maxBytes the most that is accepted
 * @param hold is told before memory is taken, how many bytes
 * @throws {HttpProblem} 413 if there are more, as soon as that is known; 400 if the other side goes away in the middle; what `hold`
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
