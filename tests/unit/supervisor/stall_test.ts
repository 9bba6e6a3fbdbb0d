import assert from "node:assert/strict";
import { type Frame, Kind } from "../../../src/bridge/mod.ts";
import { InFlight } from "../../../src/supervisor/in_flight.ts";
import type { Job } from "../../../src/supervisor/job.ts";
import { Stall } from "../../../src/supervisor/stall.ts";
import { utf8 } from "../helper/bytes.ts";
import { FakeClock } from "../helper/fake_clock.ts";
import { frame as plain } from "../helper/frames.ts";

const frame = (parts: Parameters<typeof plain>[0]) => plain(parts) as Frame;

/** A worker's jobs and its ledger, and the calls that Stall made. */
class Setting implements Disposable {
  readonly clock = new FakeClock();
  readonly inFlight = new InFlight();
  noted: { started: number; answers: Frame[] } | undefined = { started: 1, answers: [] };
  words = 1n;
  recalled: number[] = [];
  /** The operation of the ledger that fails. */
  broken: readonly string[] = [];
  sent = true;
  readonly finished: number[] = [];
  readonly takenBack: Job[][] = [];
  readonly stall = new Stall({
    inFlight: this.inFlight,
    ledger: {
      peek: () => this.#reach("peek", () => this.noted && { ...this.noted, words: this.words }),
      recall: (id) => this.#reach("recall", () => void this.recalled.push(id)),
      words: () => this.#reach("words", () => this.words),
    },
    sent: () => this.sent,
    maxBody: 1000,
    onFinished: ({ id }) => {
      this.finished.push(id);
      this.inFlight.take(id);
    },
    onTakenBack: (jobs) => void this.takenBack.push([...jobs]),
  });

  /** Adds so many jobs, as a worker does. */
  add(count: number): Job[] {
    return Array.from({ length: count }, () => {
      const job = { settle() {} } as unknown as Job;
      this.inFlight.add(job);
      if (this.inFlight.size > 1) this.stall.watch();
      return job;
    });
  }

  /** Simulates an answer of the worker. */
  answer(id: number): boolean {
    const known = this.stall.heard(id);
    if (!known) this.inFlight.take(id);
    return known;
  }

  #reach<T>(what: string, call: () => T): T {
    if (this.broken.includes(what)) throw new Error("EIO");
    return call();
  }

  [Symbol.dispose](): void {
    this.stall.stop();
    this.clock[Symbol.dispose]();
  }
}

Deno.test("Stall takes back requests that are not begun after two checks without an answer, and ignores later answers to them", () => {
  using setting = new Setting();
  const jobs = setting.add(3);
  setting.clock.advance(9);
  assert.deepEqual([setting.recalled, setting.stall.stalled], [[], false]);
  setting.clock.advance(1);
  assert.deepEqual([setting.recalled, setting.stall.stalled, setting.takenBack], [[3], true, []]);
  setting.clock.advance(5);
  assert.deepEqual(setting.takenBack, [[jobs[1], jobs[2]]]);
  assert.equal(setting.inFlight.size, 1);
  setting.clock.advance(1000);
  assert.deepEqual([setting.recalled, setting.takenBack.length, setting.clock.pending], [[3], 1, []]);
  assert.equal(setting.stall.stalled, true, "until it answers");
  assert.deepEqual([1, 2, 3].map((id) => setting.answer(id)), [false, true, true]);
  assert.equal(setting.stall.stalled, false);
});

Deno.test("Stall does nothing while answers arrive", () => {
  using setting = new Setting();
  setting.add(20);
  for (let id = 1; id < 20; id++) {
    setting.clock.advance(4);
    assert.equal(setting.answer(id), false);
  }
  assert.deepEqual([setting.recalled, setting.finished], [[], []]);
  setting.clock.advance(10);
  assert.deepEqual(setting.clock.pending, [], "one request alone holds up nobody");
});

Deno.test("Stall delivers finished answers once, and leaves recalled ones to the socket", () => {
  using setting = new Setting();
  setting.add(4);
  const recalled = frame({ kind: 7, id: 3, metadata: utf8('{"reason":"recalled"}') });
  setting.noted = { started: 2, answers: [frame({ kind: 6, id: 1 }), recalled, frame({ kind: 6, id: 77 })] };
  setting.clock.advance(10);
  assert.deepEqual([setting.finished, setting.recalled], [[1], [4]]);
  setting.clock.advance(5);
  assert.deepEqual(setting.finished, [1]);
  assert.deepEqual(setting.takenBack.map(({ length }) => length), [2]);
  assert.deepEqual([1, 2, 3, 4].map((id) => setting.answer(id)), [true, false, true, true]);
});

Deno.test("Stall does nothing when the ledger changes between checks, and takes back no request that is not sent yet", () => {
  using setting = new Setting();
  setting.add(2);
  setting.noted = undefined;
  setting.clock.advance(50);
  assert.deepEqual([setting.recalled, setting.stall.stalled], [[], false]);
  setting.noted = { started: 1, answers: [] };
  setting.sent = false;
  setting.clock.advance(50);
  assert.deepEqual([setting.recalled, setting.stall.stalled], [[], false]);
  setting.sent = true;
  setting.clock.advance(10);
  assert.deepEqual(setting.takenBack.map(({ length }) => length), [1]);
});

Deno.test("Stall starts again when the worker answers after a recall", () => {
  using setting = new Setting();
  setting.add(3);
  setting.clock.advance(10);
  assert.equal(setting.stall.stalled, true);
  setting.answer(1);
  setting.noted = { started: 2, answers: [] };
  setting.clock.advance(5);
  assert.deepEqual([setting.takenBack, setting.stall.stalled], [[], false]);
  setting.clock.advance(5);
  assert.deepEqual(setting.recalled, [3, 3]);
});

Deno.test("Stall leaves answers in parts, and damaged ones, to the socket", () => {
  using setting = new Setting();
  setting.add(4);
  const inParts = frame({ kind: 6, id: 1, metadata: utf8('{"parts":5}') });
  const damaged = frame({ kind: 6, id: 2, metadata: utf8("not JSON") });
  setting.noted = { started: 3, answers: [inParts, damaged, frame({ kind: 6, id: 3 })] };
  setting.clock.advance(10);
  assert.deepEqual(setting.finished, [3]);
  assert.deepEqual([1, 2, 3].map((id) => setting.answer(id)), [false, false, true]);
});

Deno.test("Stall takes no answer from a ledger that has changed since the previous check", () => {
  using setting = new Setting();
  setting.add(3);
  setting.clock.advance(5);
  // The counted answers may not be visible yet on another processor.
  setting.noted = { started: 1, answers: [frame({ kind: Kind.Result, id: 1, metadata: utf8("{}"), body: utf8("x") })] };
  setting.words = 2n;
  setting.clock.advance(5);
  assert.deepEqual([setting.finished, setting.recalled], [[], []]);
  setting.clock.advance(5);
  assert.deepEqual([setting.finished, setting.recalled], [[1], [3]]);
});

for (const broken of [["words", "peek", "recall"], ["peek"], ["recall"]]) {
  Deno.test(`Stall takes nothing back while the ledger fails (${broken}), and does when it works again`, () => {
    using setting = new Setting();
    setting.add(3);
    setting.broken = broken;
    setting.clock.advance(100);
    assert.deepEqual([setting.finished, setting.recalled, setting.takenBack], [[], [], []]);
    assert.equal(setting.stall.stalled, false, "it goes on getting requests");
    setting.broken = [];
    setting.clock.advance(100);
    assert.deepEqual([setting.recalled, setting.takenBack.flat().length], [[3], 2]);
  });
}
