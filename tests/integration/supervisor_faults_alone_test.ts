/** Each system call of the supervisor's side of the bridge fails, does only a part of its work, or is the last one before the supervisor's death. */

import assert from "node:assert/strict";
import { assertInOrder, type Books, DEATH, live } from "./support/books.ts";
import { type Call, FaultyDoor } from "./support/faulty_door.ts";
import { assertAllInOrder, distinct, Folders, type Trial } from "./support/lives.ts";

/** The possible faults of a call, by its name. */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  read: ["ECONNRESET", "ENOMEM", "half", "death"],
  write: ["EPIPE", "ENOBUFS", "half", "death"],
  readSync: ["EIO", "half", "death"],
  writeSync: ["ENOSPC", "half", "death"],
  kill: ["ESRCH", "EPERM", "death"],
};
const OTHERS = ["EMFILE", "death"];

const keyOf = ({ name, where }: Call) => `${name} ${where}`;

/** Returns the calls of a life without a fault. @param death whether a worker dies in it */
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
    // A dead supervisor keeps no records.
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
    1, // The faults are in this process, which can run only one life at a time.
  );
});
