/** Many lives: one for each thing that may go wrong. */

import assert from "node:assert/strict";
import { assertInOrder, type Books, processesLeft } from "./books.ts";

/** An empty folder in a temporary folder for all. */
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

/** Of those that have the same key, the first and the last. */
export function distinct<T>(calls: readonly T[], keyOf: (call: T) => string): T[] {
  return [...Map.groupBy(calls, keyOf).values()].flatMap((group) => [...new Set([group[0]!, group.at(-1)!])]);
}

/** A fault, and what happens with it. */
export interface Trial {
  /** What goes wrong, in words. */
  readonly name: string;
  /** Lives with it. @param mark for the processes */
  readonly live: (mark: string) => Promise<Books>;
  /** Looks at the books. @default assertInOrder */
  readonly check?: (books: Books) => void;
}

/** Checks that the books of all trials agree, and that no process and no descriptor is left. @param atOnce so many at a time */
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
  // What is cancelled is closed in a moment.
  const left = () => [...descriptors()].filter(([fd]) => !before.has(fd)).map(([fd, what]) => `${fd}: ${what}`);
  for (const end = performance.now() + 5_000; left().length > 0 && performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual(left(), [], "no descriptor is left");
}

/** The open descriptors of this process, and what they are. */
function descriptors(): Map<string, string> {
  return new Map([...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return [[name, Deno.readLinkSync(`/proc/self/fd/${name}`)]];
    } catch {
      return []; // That of the folder itself.
    }
  }));
}
