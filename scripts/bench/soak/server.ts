/** Watches a server under load: whether it listens, what it logs, and how its workers die. */

import { children, type Server } from "../processes.ts";

/** How long a server may take to start, in ms. */
const START_LIMIT = 60_000;

/** Waits until a condition holds; an exception counts as false. @throws {Error} if the server ends, or the time is over */
export async function until(server: Server, condition: () => Promise<boolean>): Promise<void> {
  while (!await condition().catch(() => false)) {
    if (server.ended || performance.now() - server.started > START_LIMIT) throw new Error("A server did not start.");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Kills one of a server's workers, as the system does when memory is short. @returns whether there was one */
export function killOne(server: number): boolean {
  const workers = children(server);
  const victim = workers[Math.floor(Math.random() * workers.length)];
  if (victim === undefined) return false;
  try {
    Deno.kill(victim, "SIGKILL");
    return true;
  } catch {
    return false; // The worker has ended by itself.
  }
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

/** Returns the log lines below `folder` that reveal a bug of aimodellib. */
export function mistakesIn(folder: string): string[] {
  const logs = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory).flatMap(({ name }) =>
    [...Deno.readDirSync(`${folder}/${name}`)].filter(({ isFile }) => isFile)
      .map((file) => Deno.readTextFileSync(`${folder}/${name}/${file.name}`))
  );
  return logs.flatMap((text) => text.split("\n")).filter((line) =>
    /A request failed: |broke the protocol|TypeError|RangeError/.test(line)
  );
}
