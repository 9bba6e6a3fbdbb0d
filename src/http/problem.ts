/**
 * Errors as RFC 9457 problem details: the one place where they become responses.
 *
 * A problem has the standard members `type` (always `about:blank`: the status says it all), `title`, `status` and
 * `detail`; an exception of the script adds `stage` (the function that raised it), `exception` (its class) and `message`.
 */

import { getLogger } from "@logtape/logtape";
import { HttpError, type Limit } from "./h1/error.ts";
import { HttpProblem } from "./http_problem.ts";
import { type Failure, isErrorStatus, type Outcome, statusOf, type WorkerError } from "../supervisor/mod.ts";
import { headersOfScript } from "./script_headers.ts";

export { HttpProblem };

const log = getLogger(["aimodellib", "http"]);

/** Makes a problem from any error. An unknown error is a bug: its details go to the log, and the client gets a plain 500. */
export function problemFrom(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof HttpError) return problemOfHttp(error);
  log.error("A request failed: {error}", {
    error: error instanceof Error ? error.stack ?? error.message : String(error),
  });
  return new HttpProblem(500, "An internal error occurred; the server's log has the details");
}

/** The options that raise the limits of the HTTP server. */
const LIMIT_OPTIONS: Readonly<Record<Limit, string>> = { body: "--max-body", bodies: "--max-body-memory" };

function problemOfHttp({ status, message, limit }: HttpError): HttpProblem {
  const again: Record<string, string> = status === 503 ? { "retry-after": "1" } : {};
  return new HttpProblem(status, limit === undefined ? message : `${message} (${LIMIT_OPTIONS[limit]})`, {}, again);
}

/** Makes the problem for a request that failed in a worker, or before it reached one. */
export function problemOf(outcome: Failure): HttpProblem {
  switch (outcome.kind) {
    case "error":
      return problemOfError(outcome.error);
    case "lost":
      return new HttpProblem(
        502,
        `The worker that executed this request died (${outcome.cause}); the request is not retried`,
      );
    case "overran":
      return new HttpProblem(504, `The request took longer than ${outcome.limitMs / 1000} s and was ended`);
    case "refused":
      return problemOfRefusal(outcome.cause);
  }
}

function problemOfError(error: WorkerError): HttpProblem {
  const { reason, message, stage, type, status, headers, param, code } = error;
  switch (reason) {
    case "exception": {
      const members = {
        stage: String(stage),
        exception: String(type),
        message,
        ...(param && { param }),
        ...(code && { code }),
      };
      const detail = message === "" ? `${stage}() raised ${type}` : `${stage}() raised ${type}: ${message}`;
      const chosen = isErrorStatus(status) ? headersOfScript(headers, String(type)) : {};
      return new HttpProblem(statusOf(error), detail, members, chosen);
    }
    case "not_acceptable":
    case "cancelled":
    case "bad_result":
    case "too_large":
      return new HttpProblem(statusOf(error), message);
    default:
      return new HttpProblem(500, `The worker reported an unknown error: ${message}`);
  }
}

function problemOfRefusal(cause: (Outcome & { kind: "refused" })["cause"]): HttpProblem {
  const again = { "retry-after": "1" };
  switch (cause) {
    case "loading":
      return new HttpProblem(503, "The model is still loading; try again shortly", {}, again);
    case "failed":
      return new HttpProblem(503, "The model has failed; the server's log says why");
    case "stopping":
      return new HttpProblem(503, "The server is stopping", {}, again);
    case "full":
      return new HttpProblem(503, "Too many requests are waiting for a worker; try again later", {}, again);
    case "gone":
      return new HttpProblem(503, "The client left");
    case "timeout":
      return new HttpProblem(503, "No worker was free in time; try again later", {}, again);
  }
}
