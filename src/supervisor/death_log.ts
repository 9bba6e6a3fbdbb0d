/** Logs a worker's death: its cause, the requests that it was executing, and its memory. */

import { getLogger } from "@logtape/logtape";
import type { Aftermath } from "./slot.ts";
import type { Death } from "./worker_events.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** The most requests that a log record names: a worker may execute thousands. */
const MAX_NAMED = 20;

/**
 * Logs the death of a worker, with its cause and the requests that it was executing.
 *
 * @param worker the worker's name in the log
 * @param aftermath what follows; undefined if the pool gives up
 */
export function logDeath(worker: string | number, death: Death, aftermath?: Aftermath): void {
  const { cause, requests, memory } = death;
  const named = requests.slice(0, MAX_NAMED);
  const others = requests.length - named.length;
  // Request ids contain no characters that are special in a log template.
  const executing = named.length === 0
    ? ""
    : `. It was executing ${named.join(", ")}${others === 0 ? "" : ` and ${others} more`}`;
  const template = `${sentence(aftermath)}${executing}${describeMemory(death, ". ")}`;
  log.error(template, {
    worker,
    cause,
    ...(aftermath?.kind === "restart" && { pause: round(aftermath.pauseMs / 1000) }),
    ...(named.length > 0 && { requests: named }),
    ...(others > 0 && { request_count: requests.length }),
    ...(memory && { memory: memory.bytes, memory_age: round(memory.ageMs / 1000) }),
  });
}

function sentence(aftermath: Aftermath | undefined): string {
  switch (aftermath?.kind) {
    case "restart":
      return "Worker {worker} died ({cause}); restarting in {pause} s";
    case "successor":
      return "Worker {worker} died ({cause}); its successor is loading already";
    case "replaced":
      return "Worker {worker}, which was already replaced, died ({cause})";
    default:
      return "Worker {worker} died ({cause})";
  }
}

/** A sentence about the memory of a dead worker, with `before` in front; empty if its memory is unknown. */
export function describeMemory({ memory }: Pick<Death, "memory">, before: string): string {
  if (memory === undefined) return "";
  const mebibytes = memory.bytes / 2 ** 20;
  const size = mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
  return `${before}It used ${size} of memory ${round(memory.ageMs / 1000)} s before`;
}

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

/** The name of a worker in logs: its number from 1, such as `1` or `iris/1`. @param model the model's name, if there are several */
export function workerName(index: number, model: string | undefined): string | number {
  return model === undefined ? index + 1 : `${model}/${index + 1}`;
}
