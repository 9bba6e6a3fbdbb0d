/** Chooses the form of errors by the path: the clients of an API understand only its own form. */

import type { Answer } from "./h1/mod.ts";
import { HttpProblem } from "./http_problem.ts";
import { openAiError } from "./openai/errors.ts";
import { sageMakerError } from "./sagemaker/errors.ts";

/** Makes the answer to a request that failed. */
export type WriteProblem = (problem: HttpProblem) => Answer;

/**
 * Returns how the errors of a path are written: in the form of KServe's V1 protocol, of OpenAI's API, of SageMaker, or as problem details,
 * which have the member `error` for clients of the Open Inference Protocol.
 */
export function problemWriter(path: string): WriteProblem {
  if (KSERVE.test(path)) return kserveError;
  if (path.startsWith("/endpoints/")) return sageMakerError;
  if (path.startsWith("/v2")) return (problem) => withError(problem).toAnswer();
  return path.startsWith("/v1/") ? openAiError : (problem) => problem.toAnswer();
}

/** Requests to a model in KServe's V1 protocol, such as `/v1/models/digits:predict`. */
const KSERVE = /^\/v1\/models\/[^/:]+:/;

/** Adds the member `error`. KServe's client shows it only if the type is `application/json`. */
function kserveError(problem: HttpProblem): Answer {
  const answer = withError(problem).toAnswer();
  return { ...answer, headers: { ...answer.headers, "content-type": "application/json" } };
}

function withError({ status, message, members, headers }: HttpProblem): HttpProblem {
  return new HttpProblem(status, message, { ...members, error: message }, headers);
}
