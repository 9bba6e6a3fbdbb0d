/** Signals that come to this process, as commands hear of them. */

import type { StopSignal } from "../../bridge/exit.ts";
import { ignoredSignals } from "../../bridge/ignored.ts";

/**
 * SIGINT and SIGTERM that come within this time of one that was told belong to the same stop, in ms: process managers signal all processes
 * of a job, and programs such as `timeout` signal their child and then its group.
 */
export const SAME_STOP_MS = 1_000;

/** What a command hears of: see `Io.onSignal()`. */
export type Listening = "job" | "server";

const STOPS = ["SIGINT", "SIGTERM"] as const;

let lastStop = -Infinity;

/** Calls back for each stop, until disposed: see `Io.onSignal()`. */
export function onSignal(handler: (signal: StopSignal) => void, listening: Listening = "job"): Disposable {
  const ignored: ReadonlySet<StopSignal> = listening === "job" ? ignoredSignals() : new Set(["SIGHUP"]);
  const listeners: [StopSignal, () => void][] = [
    ...STOPS.map((signal): [StopSignal, () => void] => [signal, () => isAnotherStop() && handler(signal)]),
    ["SIGHUP", () => handler("SIGHUP")],
  ];
  for (const each of listeners) {
    // With one listener, Deno handles all of these signals, and ends the process where there is none.
    if (ignored.has(each[0])) each[1] = () => {};
    Deno.addSignalListener(...each);
  }
  return {
    [Symbol.dispose]: () => {
      for (const each of listeners) Deno.removeSignalListener(...each);
    },
  };
}

function isAnotherStop(): boolean {
  const now = performance.now();
  if (now - lastStop < SAME_STOP_MS) return false;
  lastStop = now;
  return true;
}
