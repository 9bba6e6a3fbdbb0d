/** Reads what a worker's process sends, until the process has ended. */

import type { BridgeProcess, ConnectionHandlers, Exit } from "../bridge/mod.ts";
import { ProtocolError } from "../errors.ts";
import { exitsAtOnce, exitsSoon, readRest } from "./deadlines.ts";

/** Callbacks of {@linkcode readToEnd}. */
export interface ReadingHandlers extends ConnectionHandlers {
  /** Whether the worker was asked to stop. It may then close its connection some time before it exits. */
  readonly isAsked: () => boolean;
  /** Called if the worker breaks the protocol, or can't be reached any more. It must be killed: no further frame can be trusted. */
  readonly onBroken: (error: unknown) => void;
}

/**
 * Reads frames until the process has ended and everything that it wrote was read, then ends the processes that it has started.
 *
 * @returns how the process ended, undefined if SIGKILL did not end it; and when, in ms of `performance.now()`
 */
export async function readToEnd(
  process: BridgeProcess,
  handlers: ReadingHandlers,
): Promise<{ readonly exit: Exit | undefined; readonly endedAt: number }> {
  const reading = read(process, handlers);
  const exit = await process.ended;
  const endedAt = performance.now();
  // Child processes may hold the connection open.
  process.endOthers();
  await readRest(process, reading);
  process.end();
  await process.endOutput();
  return { exit, endedAt };
}

async function read(process: BridgeProcess, handlers: ReadingHandlers): Promise<void> {
  try {
    await process.connection.run(handlers);
  } catch (error) {
    // A worker killed mid-write leaves a partial frame. That is no protocol error; report how it exited.
    if (!process.connection.ended || !await exitsAtOnce(process)) handlers.onBroken(error);
    return;
  }
  // A worker closes its connection when it ends. If it lives on, we can't reach it any more.
  if (await exitsSoon(process) || handlers.isAsked()) return;
  handlers.onBroken(new ProtocolError("The worker closed its connection and did not end"));
}
