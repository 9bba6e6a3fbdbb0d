/** Runs many lives, one for each possible fault. */

import assert from "node:assert/strict";
import { assertInOrder, type Books, processesLeft } from "./books.ts";

/** Makes empty folders in one temporary folder. */
export class Folders implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "faults-" });
  #count = 0;

  next(): string {
    const path = `${this.path}/${++this.#count}`;
    Deno.mkdirSync(path);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Returns, for each key, the first and the last call that have it. */
export function distinct<T>(calls: readonly T[], keyOf: (call: T) => string): T[] {
  return [...Map.groupBy(calls, keyOf).values()].flatMap((group) => [...new Set([group[0]!, group.at(-1)!])]);
}

/** A life with a fault, and the check of its records. */
export interface Trial {
  /** A description of the fault. */
  readonly name: string;
  /** Runs the life. @param mark the mark of its processes */
  readonly live: (mark: string) => Promise<Books>;
  /** Checks the records. @default assertInOrder */
  readonly check?: (books: Books) => void;
}

/** Checks that the records of all trials agree, and that no process and no descriptor is left. @param atOnce how many run at once */
export async function assertAllInOrder(trials: readonly Trial[], atOnce: number): Promise<void> {
  const before = descriptors();
  const prefix = `faults-${crypto.randomUUID()}`;
  const wrong: string[] = [];
  const todo = [...trials.entries()];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const [index, { name, live, check = assertInOrder }] = next;
      try {
        check(await live(`${prefix}-${index}-`));
      } catch (error) {
        wrong.push(`${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }));
  for (const left of await processesLeft(prefix)) {
    const index = Number(left.slice(prefix.length + 1).split("-")[0]);
    wrong.push(`${trials[index]!.name}: a process is left, ${left}`);
  }
  assert.deepEqual(wrong, []);
  // Cancelled operations close their descriptors soon.
  const left = () => [...descriptors()].filter(([fd]) => !before.has(fd)).map(([fd, what]) => `${fd}: ${what}`);
  for (const end = performance.now() + 5_000; left().length > 0 && performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual(left(), [], "no descriptor is left");
}

/** Returns the open descriptors of this process, and what they refer to. */
function descriptors(): Map<string, string> {
  return new Map([...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return [[name, Deno.readLinkSync(`/proc/self/fd/${name}`)]];
    } catch {
      return []; // This is the descriptor of /proc/self/fd itself.
    }
  }));
}
