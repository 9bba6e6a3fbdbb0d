import assert from "node:assert/strict";
import { Guard } from "../../../src/http/guard.ts";
import type { Connection, Sockets } from "../../../src/http/sockets.ts";
import { FakeClock } from "../helper/fake_clock.ts";
import { CapturedLogs } from "../helper/logs.ts";

const PORT = 8080;

/** A connection that has had an answer and is quiet since. */
const IDLE: Omit<Connection, "fd" | "port"> = {
  received: 100,
  sent: 1,
  taken: 200,
  untaken: false,
  sinceReceived: 50,
  sinceSent: 10,
};
/** One whose request is coming, or being executed. */
const ASKING = { ...IDLE, sinceReceived: 10, sinceSent: 50 };

/** A guard with a limit of 10 s over sockets that a test sets. */
class Fixture implements Disposable {
  readonly clock = new FakeClock();
  readonly logs = new CapturedLogs();
  readonly ended: number[] = [];
  readonly executing = new Set<number>();
  connections: Connection[] = [];
  listening = true;
  open = 50;
  deaf = 0;
  readonly #guard: Guard;

  constructor() {
    const sockets: Sockets = {
      read: (local) => {
        assert.equal(local, PORT);
        const { connections, listening, open } = this;
        return { connections, listening, open, limit: 100 };
      },
      end: (fd) => void this.ended.push(fd),
    };
    this.#guard = new Guard({
      sockets,
      local: PORT,
      readTimeoutMs: 10_000,
      executing: () => this.executing,
      onDeaf: () => void this.deaf++,
    });
  }

  /** Sets the connections, whose ports are 1000 more than their descriptors; then goes on for that long. */
  with(states: Readonly<Record<number, Omit<Connection, "fd" | "port">>>, seconds: number): number[] {
    this.connections = Object.entries(states).map(([fd, state]) => ({
      fd: Number(fd),
      port: 1000 + Number(fd),
      ...state,
    }));
    this.clock.advance(seconds * 1000);
    return this.ended.splice(0);
  }

  [Symbol.dispose](): void {
    this.#guard[Symbol.dispose]();
    assert.deepEqual(this.clock.pending, []);
    this.clock[Symbol.dispose]();
    this.logs[Symbol.dispose]();
  }
}

for (
  const [what, state] of [
    ["nothing has come", { ...IDLE, received: 0, sent: 0, taken: 0 }],
    ["the first request has not come whole", { ...IDLE, sent: 0, taken: 0 }],
    ["a later request has not come whole", ASKING],
    ["the client does not take its answer", { ...IDLE, untaken: true }],
  ] as const
) {
  Deno.test(`Guard closes a connection when ${what} for too long`, () => {
    using guard = new Fixture();
    // Others show that bytes are counted here.
    assert.deepEqual(guard.with({ 7: state, 8: IDLE }, 11), []);
    assert.deepEqual(guard.with({ 7: state, 8: IDLE }, 1), [7]);
    assert.deepEqual(guard.logs.lines, [
      "WARNING Closed connections whose clients took more than 10 s (--read-timeout): 1",
    ]);
  });
}

Deno.test("Guard leaves a connection alone between two requests, however long", () => {
  using guard = new Fixture();
  assert.deepEqual(guard.with({ 7: IDLE }, 3600), []);
});

Deno.test("Guard leaves a connection alone while its request is executed, and counts anew behind it", () => {
  using guard = new Fixture();
  guard.executing.add(1007);
  assert.deepEqual(guard.with({ 7: ASKING }, 3600), []);
  guard.executing.clear();
  assert.deepEqual(guard.with({ 7: { ...ASKING, sent: 2, taken: 300 } }, 10), []);
  assert.deepEqual(guard.with({ 7: { ...ASKING, sent: 2, taken: 300 } }, 2), [7]);
});

Deno.test("Guard counts anew when an answer was sent or taken, or the descriptor is another client's", () => {
  using guard = new Fixture();
  for (const state of [ASKING, { ...ASKING, sent: 2 }, { ...ASKING, sent: 2, taken: 300 }]) {
    assert.deepEqual(guard.with({ 7: state }, 9), []);
  }
  guard.connections = [{ fd: 7, port: 5555, ...ASKING, sent: 2, taken: 300 }];
  guard.clock.advance(9000);
  assert.deepEqual(guard.ended, []);
  guard.clock.advance(3000);
  assert.deepEqual(guard.ended, [7]);
});

Deno.test("Guard gives a second more for each KiB that has come", () => {
  using guard = new Fixture();
  guard.with({ 7: ASKING }, 1);
  const coming = { ...ASKING, received: ASKING.received + 100 * 1024 };
  assert.deepEqual(guard.with({ 7: coming }, 109), []);
  assert.deepEqual(guard.with({ 7: coming }, 2), [7]);
});

Deno.test("Guard closes nothing where bytes are not counted", () => {
  using guard = new Fixture();
  const uncounted = { received: 0, sent: 0, taken: 0, untaken: false, sinceReceived: 0, sinceSent: 0 };
  assert.deepEqual(guard.with({ 7: uncounted, 8: uncounted }, 3600), []);
});

Deno.test("Guard closes what has been quiet for longest when descriptors become few", () => {
  using guard = new Fixture();
  const quiet = (seconds: number) => ({ ...IDLE, sinceReceived: seconds * 1000 + 50, sinceSent: seconds * 1000 });
  const states: Record<number, Omit<Connection, "fd" | "port">> = {};
  for (let fd = 1; fd <= 20; fd++) states[fd] = quiet(fd);
  states[30] = { ...IDLE, sinceReceived: 10 };
  guard.executing.add(1020);
  guard.open = 90;
  assert.deepEqual(guard.with(states, 1), []);
  guard.open = 91;
  assert.deepEqual(guard.with(states, 1), [19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9]);
  assert.deepEqual(guard.logs.lines, [
    "WARNING 91 of 100 file descriptors are open (see ulimit -n); closed connections that were quiet: 11",
  ]);
});

Deno.test("Guard says each second that the server does not listen", () => {
  using guard = new Fixture();
  guard.with({}, 5);
  assert.equal(guard.deaf, 0);
  guard.listening = false;
  guard.with({}, 3);
  assert.equal(guard.deaf, 3);
});
