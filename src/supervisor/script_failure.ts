/** Logs the errors of scripts: one record for each exception, with its traceback. */

import { getLogger } from "@logtape/logtape";
import type { WorkerError } from "./failure.ts";
import type { Job } from "./job.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** An error of a script, during a request or while the script was loaded. */
export interface ScriptFailure {
  readonly error: WorkerError | LoadFailure;
  /** Python's traceback; empty if the error is not an exception. */
  readonly traceback: string;
  /** The request; absent if the script failed to load. */
  readonly job?: Job;
}

/** An exception that a script raised while it was loaded. */
export interface LoadFailure {
  readonly reason: "load";
  readonly message: string;
  readonly stage: string;
  /** The name of the exception's class. */
  readonly type: string;
}

/** The HTTP status of the answer to a request with this error. */
export function statusOf({ reason, stage, status }: WorkerError): number {
  switch (reason) {
    case "not_acceptable":
      return 406;
    case "exception":
      return isErrorStatus(status) ? status : stage === "deserialize" ? 400 : 500;
    case "cancelled":
      return 503;
    default:
      return 500;
  }
}

/** Whether an exception may set this status: 400 to 599. */
export function isErrorStatus(status: unknown): status is number {
  return Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 599;
}

/**
 * Logs a failure: as an error, or as a warning if the answer blames the request. It does not log a client that has disconnected, or one
 * for which `serialize` has no format, since neither is a fault.
 *
 * @param worker the worker's name in the log
 */
export function logFailure(worker: string | number, { error, traceback, job }: ScriptFailure): void {
  const { reason, message, stage, type } = error;
  if (reason === "cancelled" || reason === "not_acceptable" || reason === "recalled") return;
  const request = job === undefined ? {} : requestOf(job);
  const fields = { worker, ...request, ...(traceback !== "" && { traceback }) };
  const where = `(worker {worker}${request.request_id === undefined ? "" : ", request {request_id}"})`;
  if (reason !== "exception" && reason !== "load") {
    log.error(`{reason} ${where}`, { reason: message, status: statusOf(error as WorkerError), ...fields });
    return;
  }
  const status = reason === "load" ? undefined : statusOf(error as WorkerError);
  const what = stage === "import" ? "The script" : stage === "check" ? "Checking the script" : "{stage}()";
  const template = `${what} raised {exception}${message === "" ? "" : ": {reason}"} ${where}`;
  log[status !== undefined && status < 500 ? "warning" : "error"](template, {
    stage,
    exception: type,
    reason: message,
    ...(status !== undefined && { status }),
    ...fields,
  });
}

/** The ids of a request, as fields of a log record. */
export function requestOf({ context }: Job): { readonly request_id?: string; readonly trace_id?: string } {
  if (context === undefined) return {};
  const { id, traceparent } = JSON.parse(context) as { id: string; traceparent?: string };
  return { request_id: id, ...(traceparent && { trace_id: traceparent.slice(3, 35) }) };
}
