/** Asks a model for a whole answer, and measures the stages of a request that is traced or asks for its times. */

import type { Invocation, Model } from "../supervisor/mod.ts";
import type { Recording } from "../tracing/types.ts";
import { type RequestContext, toText } from "./request_context.ts";
import type { MetadataEncoders } from "./metadata.ts";
import { type Result, wholeOf } from "./parts.ts";
import type { Timing } from "./timing.ts";

/** What takes the times of a request. */
export interface Measuring {
  readonly recording: Recording | undefined;
  readonly timing: Timing | undefined;
}

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
  { recording, timing }: Measuring,
): Promise<Result> {
  if (recording === undefined && timing === undefined) {
    const context = toText(about);
    return await wholeOf(await model.invoke({ ...invocation, context, metadata: encoders.plain(...types) }));
  }
  const asking = recording?.ask();
  let waitedMs = 0;
  const outcome = await model.invoke({
    ...invocation,
    context: toText(about, asking?.traceparent),
    metadata: encoders.timed(...types),
    onDispatch: (ms) => waitedMs = ms,
  });
  asking?.end(outcome, waitedMs);
  timing?.add(outcome, waitedMs);
  return await wholeOf(outcome);
}
