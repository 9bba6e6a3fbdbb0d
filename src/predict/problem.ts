/** Makes faults from problems: a worker's failure and a server's answer lead to the same fault. */

import type { Failure } from "../supervisor/mod.ts";
import { problemOf } from "../http/problem.ts";
import type { Fault } from "./ask.ts";

/** Makes the fault of a request that a worker did not answer. */
export function faultOf(failure: Failure): Fault {
  const { status, body } = problemOf(failure);
  return faultOfProblem(status, body, "The worker gave no result");
}

/**
 * Makes a fault from problem details (RFC 9457).
 *
 * @param problem its members; each may be missing, since the answer may come from another server, such as a proxy
 * @param detail the message if the problem has none
 */
export function faultOfProblem(status: number, problem: Readonly<Record<string, unknown>>, detail: string): Fault {
  const text = (name: string) => typeof problem[name] === "string" ? problem[name] : undefined;
  const stage = text("stage");
  if (stage !== undefined) {
    return {
      stage,
      type: text("exception") ?? "Exception",
      message: text("message") ?? text("detail") ?? detail,
      again: "never",
    };
  }
  const message = text("detail") ?? detail;
  switch (status) {
    case 429:
    case 503:
      return { stage: "server", type: "Refused", message, again: "refused" };
    case 502:
      return { stage: "worker", type: "Lost", message, again: "lost" };
    case 504:
      return { stage: "worker", type: "Timeout", message, again: "lost" };
    case 406:
      return { stage: "serialize", type: "NotAcceptable", message, again: "never" };
    default:
      return {
        stage: "server",
        type: text("title")?.replaceAll(/\s+/g, "") || `Status${status}`,
        message,
        again: "never",
      };
  }
}
