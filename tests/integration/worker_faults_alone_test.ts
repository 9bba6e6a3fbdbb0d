/** Each system call of a worker and of its keeper fails, does only a part of its work, or is the last one. */

import assert from "node:assert/strict";
import { assertInOrder, live, type Mode, MODES, type WorkerFault } from "./support/books.ts";
import { assertAllInOrder, distinct, Folders } from "./support/lives.ts";

/** The number of concurrent lives, each of which mostly waits. */
const AT_ONCE = 4;

/** The possible faults of a call, by its name. */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  recv: ["ECONNRESET", "half", "death"],
  sendall: ["EPIPE", "half", "half, then death", "death after"],
  pread: ["EIO", "half", "death"],
  pwrite: ["ENOSPC", "half", "half, then death"],
  open: ["EMFILE", "death"],
  "open()": ["EMFILE", "death"],
  mmap: ["ENOMEM", "death"],
  connect: ["ECONNREFUSED", "death after"],
  fork: ["EAGAIN", "death", "death after"],
  pipe: ["EMFILE", "death"],
  select: ["ENOMEM", "death"],
};
const OTHERS = ["EIO", "death"];

/** The files that are specific to each mode; the others are the same as in serial mode. */
const FILES: Readonly<Record<Mode, RegExp>> = {
  serial: /./,
  threads: /serve_threads/,
  async: /serve_async/,
  "async parts": /parts.*serve_async/,
  batch: /serve_batches/,
};

/** A call in a life without a fault. */
interface Call {
  readonly depth: number;
  readonly place: number;
  readonly name: string;
  /** The lines of code on the stack. */
  readonly where: string;
}

/** Returns the calls of a life without a fault. */
async function callsOf(mode: Mode, folders: Folders): Promise<Call[]> {
  const record = `${folders.path}/record`;
  assertInOrder(await live({ mode, folder: folders.next(), mark: "", record }));
  const places = new Map<string, number>();
  return Deno.readTextFileSync(record).trimEnd().split("\n").map((line) => {
    const [digit, name, where] = line.split(" ") as [string, string, string];
    const key = `${digit} ${name}`;
    const place = (places.get(key) ?? 0) + 1;
    places.set(key, place);
    return { depth: Number(digit), place, name, where };
  });
}

/** Yields the possible faults of calls. */
function faultsOf(calls: readonly Call[]): (Call & WorkerFault)[] {
  const keepers = calls.filter(({ depth }) => depth === 2);
  const ofSweeps = new Set(keepers.slice(keepers.findIndex(({ name }) => name === "killpg")));
  // For calls on the connection, the first and the last one at a place differ: the ledger contains answers, or none.
  const keyOf = ({ depth, name, where }: Call) => `${depth} ${name} ${where}`;
  const firsts = new Map(calls.toReversed().map((call) => [keyOf(call), call]));
  return distinct(calls, keyOf).flatMap((call) => {
    const isFirst = firsts.get(keyOf(call)) === call;
    if (!isFirst && !["recv", "sendall"].includes(call.name)) return [];
    return (FAULTS[call.name] ?? OTHERS)
      // Nothing replaces a keeper that dies while it kills other processes.
      .filter((what) => what !== "death" || !ofSweeps.has(call))
      // The end of the connection is the same, whatever was sent before.
      .filter((what) => isFirst || !["EPIPE", "ECONNRESET"].includes(what))
      .map((what) => ({ ...call, what }));
  });
}

for (const mode of Object.keys(MODES) as Mode[]) {
  Deno.test(`every request is accounted for, whichever system call of a worker fails (${mode})`, async () => {
    using folders = new Folders();
    const calls = (await callsOf(mode, folders)).filter(({ where }) => FILES[mode].test(where));
    assert.ok(calls.length > 0);
    await assertAllInOrder(
      faultsOf(calls).map(({ depth, place, name, where, what }) => ({
        name: `${what} of ${name} at ${where}, number ${place} of the process ${depth} forks away`,
        live: (mark) => live({ mode, folder: folders.next(), mark, fault: { depth, name, place, what } }),
      })),
      AT_ONCE,
    );
  });
}
