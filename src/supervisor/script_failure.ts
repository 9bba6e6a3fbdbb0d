/** What a script did wrong, as the log has it: one record for each exception, with its traceback. */

import { getLogger } from "@logtape/logtape";
import type { WorkerError } from "./failure.ts";
import type { Job } from "./job.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** What a worker says of a request that its script failed, or of a script that it can't load. */
export interface ScriptFailure {
  readonly error: WorkerError | LoadFailure;
  /** Of Python, in lines; empty for what is no exception. */
  readonly traceback: string;
  /** The request, if it was one. */
  readonly job?: Job;
}

/** An exception that a script raised while it was loaded. */
export interface LoadFailure {
  readonly reason: "load";
  readonly message: string;
  readonly stage: string;
  /** Its class. */
  readonly type: string;
}

/** The status of the answer to a request that has this error. */
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

/** Whether a script may choose this status for what it raises. */
export function isErrorStatus(status: unknown): status is number {
  return Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 599;
}

/**
 * Logs it: as an error, or as a warning if the answer says that the request is at fault. What is nobody's fault is not logged: a
 * client that has left, or one for which `serialize` has no format.
 *
 * @param worker what the log calls the worker
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

/** The ids of a request, as fields of a record. */
export function requestOf({ context }: Job): { readonly request_id?: string; readonly trace_id?: string } {
  if (context === undefined) return {};
  const { id, traceparent } = JSON.parse(context) as { id: string; traceparent?: string };
  return { request_id: id, ...(traceparent && { trace_id: traceparent.slice(3, 35) }) };
}
