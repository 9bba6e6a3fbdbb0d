/** Turns signals to this process into requests to stop. */

import type { StopSignal } from "../../bridge/exit.ts";
import { ignoredSignals } from "../../bridge/ignored.ts";

/**
 * SIGINT and SIGTERM within this time of the first one count as the same stop, in ms. Process managers signal all processes of a
 * job, and programs such as `timeout` signal first their child and then its group.
 */
export const SAME_STOP_MS = 1_000;

/** Which signals a command listens for, see `Io.onSignal()`. */
export type Listening = "job" | "server";

const STOPS = ["SIGINT", "SIGTERM"] as const;

let lastStop = -Infinity;

/** Calls `handler` for each request to stop until disposed, see `Io.onSignal()`. */
export function onSignal(handler: (signal: StopSignal) => void, listening: Listening = "job"): Disposable {
  const ignored: ReadonlySet<StopSignal> = listening === "job" ? ignoredSignals() : new Set(["SIGHUP"]);
  const listeners: [StopSignal, () => void][] = [
    ...STOPS.map((signal): [StopSignal, () => void] => [signal, () => isAnotherStop() && handler(signal)]),
    ["SIGHUP", () => handler("SIGHUP")],
  ];
  for (const each of listeners) {
    // Once one of these signals has a listener, Deno handles all of them, and ends the process for those without a listener.
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
