/** Ends this process when the process that has started it ends. */

import { UsageError } from "../errors.ts";

/** The interval between two looks at the parent, in ms. */
const PERIOD_MS = 250;

/**
 * Sends SIGTERM to this process when its parent has ended, until disposed.
 *
 * A process whose parent ends becomes a child of process 1, or of a service manager. prctl(2) with PR_SET_PDEATHSIG would notice it at
 * once, but also when only the thread has ended that has started this process.
 *
 * @param say is called with the reason before the signal is sent
 * @throws {UsageError} if the parent has ended already
 */
export function exitWithParent(say: (reason: string) => void): Disposable {
  const parent = Deno.ppid;
  if (parent <= 1 || isServiceManager(parent)) {
    throw new UsageError(
      `--exit-with-parent: the process that has started aimodellib has ended already, since process ${parent} is its parent now. ` +
        "Leave the option out if that process starts aimodellib itself, such as systemd, or the init of a container",
    );
  }
  const timer = setInterval(() => {
    if (Deno.ppid === parent) return;
    clearInterval(timer);
    say(`Stopping, because the process that has started aimodellib (${parent}) has ended (--exit-with-parent)`);
    Deno.kill(Deno.pid, "SIGTERM");
  }, PERIOD_MS);
  Deno.unrefTimer(timer);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Whether a process adopts orphans, as the service manager of a user's session does. */
function isServiceManager(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`).trim() === "systemd";
  } catch {
    return false;
  }
}
