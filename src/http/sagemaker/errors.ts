/** Errors in the form of SageMaker's runtime, whose clients raise their exceptions by it. */

import type { Answer } from "../h1/mod.ts";
import type { HttpProblem } from "../http_problem.ts";

/**
 * Writes a problem as SageMaker does. An error of the model becomes a `ModelError` of status 424 with the original status and the
 * problem, as if SageMaker had passed on the answer of `/invocations`. AWS's clients repeat requests with 500 and above: 424 keeps them
 * from executing a request again that has failed once.
 */
export function sageMakerError(problem: HttpProblem): Answer {
  const { status, message, headers } = problem;
  const code = codeOf(problem);
  const said = code === "ModelError"
    ? {
      Message: `The model answered ${status}: ${message}`,
      OriginalStatusCode: status,
      OriginalMessage: JSON.stringify(problem.body),
    }
    : { Message: message };
  return {
    status: code === "ModelError" ? MODEL_ERROR : status,
    headers: {
      "x-content-type-options": "nosniff",
      ...headers,
      "content-type": "application/json",
      "x-amzn-errortype": code,
    },
    body: new TextEncoder().encode(`${JSON.stringify(said)}\n`),
  };
}

/** SageMaker's status for all errors of a model. */
const MODEL_ERROR = 424;

/** Statuses that only a model causes. */
const OF_MODELS: ReadonlySet<number> = new Set([406, 500, 502, 504]);

function codeOf({ status, members }: HttpProblem): string {
  if ("stage" in members || OF_MODELS.has(status)) return "ModelError";
  if (status === 401 || status === 403) return "AccessDeniedException";
  return status === 503 ? "ServiceUnavailable" : "ValidationError";
}
