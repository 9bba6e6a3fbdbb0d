/** Asks a model for a whole answer, and records the stages of a traced request. */

import type { Invocation, Model } from "../supervisor/mod.ts";
import type { Recording } from "../tracing/types.ts";
import { type RequestContext, toText } from "./request_context.ts";
import type { MetadataEncoders } from "./metadata.ts";
import { type Result, wholeOf } from "./parts.ts";

/**
 * Executes a request and returns its whole answer.
 *
 * @param types the request's content type, and what its client accepts
 * @param about the context of the client's request
 * @throws {HttpProblem} if the request failed
 */
export async function askWhole(
  model: Model,
  encoders: MetadataEncoders,
  types: readonly [contentType: string, accept: string],
  about: RequestContext,
  invocation: Omit<Invocation, "metadata" | "context">,
  recording: Recording | undefined,
): Promise<Result> {
  if (recording === undefined) {
    const context = toText(about);
    return await wholeOf(await model.invoke({ ...invocation, context, metadata: encoders.plain(...types) }));
  }
  const asking = recording.ask();
  let waitedMs = 0;
  const outcome = await model.invoke({
    ...invocation,
    context: toText({ ...about, traceparent: asking.traceparent }),
    metadata: encoders.timed(...types),
    onDispatch: (ms) => waitedMs = ms,
  });
  asking.end(outcome, waitedMs);
  return await wholeOf(outcome);
}
