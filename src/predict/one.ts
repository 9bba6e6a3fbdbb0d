/** Predicts one input, and shows the answer as it arrives. */

import { AimodellibError } from "../errors.ts";
import { messageOfFault } from "./answer_line.ts";
import { type Fault, type Part, type Reply } from "./ask.ts";
import type { Input } from "./inputs.ts";
import { readWhole, Source } from "./source.ts";
import type { Ask } from "./ask.ts";

/** The request has no answer. The message names the stage and the exception. */
class PredictError extends AimodellibError {
  override readonly name = "PredictError";
}

/** Takes the parts of an answer. */
export interface Show {
  /** Called with the content type before the first part. @throws {AimodellibError} if such an answer can't be shown */
  readonly begin: (contentType: string) => void;
  readonly part: (bytes: Uint8Array) => Promise<void> | void;
}

/**
 * Asks for one answer.
 *
 * @returns how long it took to the end of the answer, in ms
 * @throws {PredictError} if the request has no answer
 */
export async function predictOne(ask: Ask, input: Input, maxBody: number, show: Show): Promise<number> {
  const body = await readWhole(new Source(input), input.name, maxBody);
  const { contentType, accept } = input;
  const begin = performance.now();
  const reply = await ask.ask({ body, contentType, accept, id: "1" });
  for await (const part of partsOf(reply)) {
    if (part instanceof Uint8Array) await show.part(part);
    else show.begin(part);
  }
  return performance.now() - begin;
}

/** Yields the content type, and then the parts. @throws {PredictError} if the request fails */
async function* partsOf(reply: Reply): AsyncGenerator<string | Uint8Array<ArrayBuffer>> {
  if (reply.kind === "fault") throw errorOf(reply.fault);
  yield reply.contentType;
  if (reply.kind === "answer") return yield reply.body;
  for (let part: Part = await reply.next(); part !== undefined; part = await reply.next()) {
    if (!(part instanceof Uint8Array)) throw errorOf(part);
    yield part;
  }
}

function errorOf(fault: Fault): PredictError {
  return new PredictError(messageOfFault(fault));
}
