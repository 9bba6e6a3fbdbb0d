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
/** What the last listener ignores: nothing changes that while there is no listener. */
let ignoredNow: ReadonlySet<StopSignal> = new Set();

/** What receives each signal; undefined before the first listener. */
let receivers: ReadonlyMap<StopSignal, () => void> | undefined;

let lastStop = -Infinity;

/**
 * Calls `handler` for each request to stop until disposed, see `Io.onSignal()`.
 *
 * Deno drops a signal that arrives just before its listener is removed. This process therefore receives the signals from the first
 * call to its end, and dies of one that comes while there is no handler.
 */
export function onSignal(handler: (signal: StopSignal) => void, listening: Listening = "job"): Disposable {
  const listener: Listener = { handler, ignored: listening === "job" ? ignoredSignals() : new Set(["SIGHUP"]) };
  listeners.add(listener);
  ignoredNow = listener.ignored;
  receivers ??= receive();
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}

function receive(): ReadonlyMap<StopSignal, () => void> {
  // Once one of these signals has a listener, Deno handles all of them, and ends the process for those without a listener.
  const all = new Map(SIGNALS.map((signal) => [signal, () => dispatch(signal)]));
  for (const each of all) Deno.addSignalListener(...each);
  return all;
}

function dispatch(signal: StopSignal): void {
  if (listeners.size === 0) {
    if (!ignoredNow.has(signal) && isAnother(signal)) dieOf(signal);
    return;
  }
  for (const { handler, ignored } of [...listeners]) {
    if (!ignored.has(signal) && isAnother(signal)) handler(signal);
  }
}

function dieOf(signal: StopSignal): void {
  for (const each of receivers ?? []) Deno.removeSignalListener(...each);
  Deno.kill(Deno.pid, signal);
}

/** Whether a signal is a request of its own, which each SIGHUP is, and not part of the last stop. */
function isAnother(signal: StopSignal): boolean {
  if (signal === "SIGHUP") return true;
  const now = performance.now();
  if (now - lastStop < SAME_STOP_MS) return false;
  lastStop = now;
  return true;
}
