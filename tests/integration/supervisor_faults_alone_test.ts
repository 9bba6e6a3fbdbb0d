/** Each system call of the supervisor's side of the bridge fails, is cut short, or is the last one before its death. */

import assert from "node:assert/strict";
import { assertInOrder, type Books, DEATH, live } from "./support/books.ts";
import { type Call, FaultyDoor } from "./support/faulty_door.ts";
import { assertAllInOrder, distinct, Folders, type Trial } from "./support/lives.ts";

/** What may happen to a call, by its name. */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  read: ["ECONNRESET", "ENOMEM", "half", "death"],
  write: ["EPIPE", "ENOBUFS", "half", "death"],
  readSync: ["EIO", "half", "death"],
  writeSync: ["ENOSPC", "half", "death"],
  kill: ["ESRCH", "EPERM", "death"],
};
const OTHERS = ["EMFILE", "death"];

const keyOf = ({ name, where }: Call) => `${name} ${where}`;

/** The calls of a life in which nothing goes wrong. @param death whether a worker dies in it */
async function callsOf(death: boolean, folders: Folders): Promise<readonly Call[]> {
  const folder = folders.next();
  using door = new FaultyDoor(folder);
  assertInOrder(await live({ mode: "serial", folder, mark: "", death }));
  return door.calls;
}

function trial({ place, name, where }: Call, what: string, death: boolean, folders: Folders): Trial {
  return {
    name: `${what} of ${name} at ${where}, number ${place}`,
    live: async (mark) => {
      const folder = folders.next();
      using _ = new FaultyDoor(folder, { name, place, what });
      return await live({ mode: "serial", folder, mark, death });
    },
    // What is dead keeps no books.
    ...(what === "death" && { check: () => {} }),
    // If the ledger of a dead worker can't be read, all requests that the worker had count as begun.
    ...(death && name === "readSync" && what === "EIO" &&
      { check: (books: Books) => assertInOrder(books, DEATH.length) }),
  };
}

Deno.test("every request is accounted for, whichever system call of the supervisor fails", async () => {
  using folders = new Folders();
  const calls = await callsOf(false, folders);
  const known = new Set(calls.map(keyOf));
  const more = (await callsOf(true, folders)).filter((call) => !known.has(keyOf(call)));
  assert.ok(more.some(({ where }) => where.includes("ledger.ts")), "the ledger of a worker that is dead is read");
  const trials = [[calls, false], [more, true]] as const;
  await assertAllInOrder(
    trials.flatMap(([calls, death]) =>
      distinct(calls, keyOf).flatMap((call) =>
        (FAULTS[call.name] ?? OTHERS).map((what) => trial(call, what, death, folders))
      )
    ),
    1, // They are faults of this process.
  );
});
