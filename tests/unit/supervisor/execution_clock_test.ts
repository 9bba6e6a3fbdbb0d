import assert from "node:assert/strict";
import { ExecutionClock } from "../../../src/supervisor/execution_clock.ts";
import { InFlight } from "../../../src/supervisor/in_flight.ts";
import type { Job } from "../../../src/supervisor/job.ts";
import { FIRST_CREDIT, PartStream } from "../../../src/supervisor/part_stream.ts";
import { utf8 } from "../helper/bytes.ts";
import { FakeClock } from "../helper/fake_clock.ts";

const LIMIT = 4_000;

/** A clock with a worker's requests, and the calls that it made. */
class Setting implements Disposable {
  readonly clock = new FakeClock();
  readonly inFlight = new InFlight();
  readonly streams = new Map<number, PartStream>();
  readonly slow: number[] = [];
  readonly overruns: number[][] = [];
  readonly execution: ExecutionClock;

  constructor(concurrent: boolean) {
    this.execution = new ExecutionClock({
      limitMs: LIMIT,
      inFlight: this.inFlight,
      concurrent,
      streams: this.streams,
      onSlowStream: (id, stream) => {
        this.slow.push(id);
        stream.giveUp({ kind: "overran", limitMs: LIMIT });
      },
      onOverrun: (ids) => void this.overruns.push([...ids]),
    });
  }

  dispatch(): number {
    const first = this.inFlight.size === 0;
    const id = this.inFlight.add({} as Job, this.clock.now);
    this.execution.dispatched(first, this.clock.now);
    return id;
  }

  /** Simulates `count` parts of a request's answer. */
  part(id: number, count = 1): PartStream {
    const stream = this.streams.get(id) ?? new PartStream({
      onTaken: () => this.execution.restart(id, this.clock.now),
      onGone: () => this.execution.restart(id, this.clock.now),
    });
    this.streams.set(id, stream);
    for (; count > 0; count--) {
      stream.push(utf8("x"));
      this.execution.restart(id, this.clock.now, stream.starved);
    }
    return stream;
  }

  answer(id: number): void {
    this.inFlight.take(id);
    this.streams.delete(id);
    this.execution.answered(this.clock.now);
  }

  [Symbol.dispose](): void {
    this.execution.stop();
    assert.deepEqual(this.clock.pending, []);
    this.clock[Symbol.dispose]();
  }
}

for (const concurrent of [false, true]) {
  const how = concurrent ? "executes several at once" : "executes one after the other";

  Deno.test(`a request that takes too long is an overrun when a worker ${how}`, () => {
    using setting = new Setting(concurrent);
    setting.answer(setting.dispatch());
    const id = setting.dispatch();
    setting.clock.advance(LIMIT - 1);
    assert.deepEqual(setting.overruns, []);
    setting.clock.advance(1);
    assert.deepEqual(setting.overruns, [concurrent ? [id] : []]);
  });

  Deno.test(`a worker is not charged for the time in which the client reads no parts when it ${how}`, async () => {
    using setting = new Setting(concurrent);
    const id = setting.dispatch();
    const stream = setting.part(id, FIRST_CREDIT);
    // The client reads one part each time just before the limit, which could continue forever.
    for (let i = 0; i < 6; i++) {
      setting.clock.advance(LIMIT - 1);
      assert.ok(await stream.next() instanceof Uint8Array);
    }
    assert.deepEqual([setting.slow, setting.overruns], [[], []]);
    setting.clock.advance(LIMIT);
    assert.deepEqual([setting.slow, setting.overruns], [[id], []], "the stream is ended, not the worker");
    // The worker has the same time again to end the stream.
    setting.clock.advance(LIMIT - 1);
    assert.deepEqual(setting.overruns, []);
    setting.clock.advance(1);
    assert.equal(setting.overruns.length, 1);
  });

  Deno.test(`the time starts again when the client has read parts, or disconnected, when a worker ${how}`, async () => {
    for (const leaves of [false, true]) {
      using setting = new Setting(concurrent);
      const stream = setting.part(setting.dispatch(), FIRST_CREDIT);
      setting.clock.advance(LIMIT / 2);
      if (leaves) stream.leave();
      else for (let i = 0; i < FIRST_CREDIT / 2; i++) await stream.next();
      setting.clock.advance(LIMIT - 1);
      assert.deepEqual([setting.slow, setting.overruns], [[], []]);
      setting.clock.advance(1);
      assert.equal(setting.slow.length + setting.overruns.length, 1);
    }
  });

  Deno.test(`each part of an answer starts the time again when a worker ${how}`, async () => {
    using setting = new Setting(concurrent);
    const id = setting.dispatch();
    for (let i = 0; i < 5; i++) {
      setting.clock.advance(LIMIT - 1);
      const stream = setting.part(id);
      await stream.next();
    }
    assert.deepEqual([setting.slow, setting.overruns], [[], []]);
    setting.answer(id);
  });
}

Deno.test("an answer in parts that takes too long ends alone when a worker executes several at once", () => {
  using setting = new Setting(true);
  const [stream, other] = [setting.dispatch(), setting.dispatch()];
  setting.part(stream);
  setting.clock.advance(LIMIT / 2);
  setting.answer(other);
  const young = setting.dispatch();
  setting.clock.advance(LIMIT / 2);
  assert.deepEqual([setting.slow, setting.overruns], [[stream], []]);
  setting.clock.advance(LIMIT / 2);
  assert.deepEqual(setting.overruns, [[young]]);
});

Deno.test("an answer that arrived while this process was stopped is read before its request counts as an overrun", () => {
  using setting = new Setting(false);
  const id = setting.dispatch();
  setting.clock.skip(10 * LIMIT);
  assert.deepEqual(setting.overruns, []);
  setting.answer(id);
  setting.clock.advance(LIMIT);
  assert.deepEqual(setting.overruns, []);
  setting.dispatch();
  setting.clock.skip(10 * LIMIT);
  setting.clock.advance(50);
  assert.equal(setting.overruns.length, 1, "nothing came");
});
