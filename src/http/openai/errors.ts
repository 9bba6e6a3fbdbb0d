/** Errors in the form of OpenAI's API, whose clients raise their exceptions by it. */

import type { Answer } from "../h1/mod.ts";
import type { HttpProblem } from "../http_problem.ts";

/** Writes a problem as `{"error": {"message", "type", "param", "code"}}`. */
export function openAiError({ status, message, members, headers }: HttpProblem): Answer {
  // What an exception of the script says is for the client if it chose a status of the client's fault.
  const said = status < 500 && members.message ? members.message : message;
  const { param = null, code = codeOf(status) } = members;
  const text = JSON.stringify({ error: { message: said, type: typeOf(status), param, code } });
  return {
    status,
    headers: { "x-content-type-options": "nosniff", ...headers, "content-type": "application/json" },
    body: new TextEncoder().encode(`${text}\n`),
  };
}

function typeOf(status: number): string {
  if (status >= 500) return "server_error";
  return status === 429 ? "rate_limit_error" : "invalid_request_error";
}

function codeOf(status: number): string | null {
  if (status === 401) return "invalid_api_key";
  return status === 429 ? "rate_limit_exceeded" : null;
}
