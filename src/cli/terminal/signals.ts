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

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface Listener {
  readonly handler: (signal: StopSignal) => void;
  readonly ignored: ReadonlySet<StopSignal>;
}

const listeners = new Set<Listener>();
let lastStop = -Infinity;

/** What Deno calls for each signal while there are listeners. It handles all of them once one has a listener. */
const RECEIVERS = SIGNALS.map((signal) => [signal, () => dispatch(signal)] as const);

/**
 * Calls `handler` for each request to stop until disposed, see `Io.onSignal()`.
 *
 * A signal that arrives just before the last handler is disposed is lost, because Deno has taken it and tells it in the next turn of the
 * event loop. Whoever goes from one step to the next therefore calls this for the next step before it disposes the handler of this one.
 */
export function onSignal(handler: (signal: StopSignal) => void, listening: Listening = "job"): Disposable {
  const listener: Listener = { handler, ignored: listening === "job" ? ignoredSignals() : new Set(["SIGHUP"]) };
  if (listeners.size === 0) { for (const each of RECEIVERS) Deno.addSignalListener(...each); }
  listeners.add(listener);
  return {
    [Symbol.dispose]: () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      for (const each of RECEIVERS) Deno.removeSignalListener(...each);
    },
  };
}

function dispatch(signal: StopSignal): void {
  const called = [...listeners].filter(({ ignored }) => !ignored.has(signal));
  if (called.length > 0 && isAnother(signal)) { for (const { handler } of called) handler(signal); }
}

/** Whether a signal is a request of its own, which each SIGHUP is, and not part of the last stop. */
function isAnother(signal: StopSignal): boolean {
  if (signal === "SIGHUP") return true;
  const now = performance.now();
  if (now - lastStop < SAME_STOP_MS) return false;
  lastStop = now;
  return true;
}
