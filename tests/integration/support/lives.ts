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
  for (const end = performance.now() + 5_000; descriptors() !== before && performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(descriptors(), before, "no descriptor is left");
}

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
