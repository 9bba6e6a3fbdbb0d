import assert from "node:assert/strict";
import fc from "fast-check";
import type { Job, Outcome } from "../../../src/supervisor/job.ts";
import { JobQueue } from "../../../src/supervisor/queue.ts";
import { utf8 } from "../helper/bytes.ts";
import { FakeClock } from "../helper/fake_clock.ts";

const TIMEOUT_MS = 1000;

/** A job whose client can disconnect, with its outcomes. */
class FakeJob implements Job {
  readonly metadata = utf8("{}");
  readonly body = utf8("");
  readonly outcomes: Outcome[] = [];
  readonly #listeners: (() => void)[] = [];
  readonly client = { onLeave: (listener: () => void) => void this.#listeners.push(listener) };
  readonly settle = (outcome: Outcome) => void this.outcomes.push(outcome);

  constructor(readonly acceptedAt: number) {}

  leave(): void {
    for (const listener of this.#listeners) listener();
  }
}

const job = (acceptedAt: number) => new FakeJob(acceptedAt);
const newQueue = () => new JobQueue(TIMEOUT_MS, () => {});

/** Takes all jobs out of the queue, and returns when they were accepted. */
function rest(queue: JobQueue): number[] {
  const times: number[] = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) times.push(next.acceptedAt);
  return times;
}

Deno.test("JobQueue returns jobs in their order of arrival, those handed back first", () => {
  using _clock = new FakeClock();
  const queue = newQueue();
  for (const time of [1, 2, 3]) queue.push(job(time));
  const taken = [queue.take()!, queue.take()!];
  queue.push(job(4));
  queue.putBack(taken);
  queue.putBack([job(0)]);
  assert.equal(queue.size, 5);
  assert.deepEqual(rest(queue), [0, 1, 2, 3, 4]);
  assert.equal(queue.size, 0);
  assert.equal(queue.take(), undefined);
});

Deno.test("JobQueue drops a job whose client disconnects, once, and never one that was taken", () => {
  using _clock = new FakeClock();
  const queue = newQueue();
  const jobs = [1, 2, 3, 4].map(job);
  for (const each of jobs) queue.push(each);
  const gone = { kind: "refused", cause: "gone" };
  jobs[1]!.leave();
  jobs[1]!.leave();
  assert.deepEqual(jobs[1]!.outcomes, [gone]);
  assert.equal(queue.take(), jobs[0]);
  jobs[0]!.leave();
  assert.deepEqual(jobs[0]!.outcomes, [], "a worker has it");
  queue.putBack([jobs[0]!]);
  jobs[0]!.leave();
  assert.deepEqual(jobs[0]!.outcomes, [gone], "a worker has returned it");
  jobs[3]!.leave();
  assert.deepEqual(rest(queue), [3]);
});

Deno.test("JobQueue refuses jobs that have waited too long, and keeps the others", () => {
  using clock = new FakeClock();
  const late: Job[] = [];
  const queue = new JobQueue(TIMEOUT_MS, (job) => late.push(job));
  for (const time of [10, 20, 30]) queue.push(job(time));
  queue.putBack([job(0), job(50)]);
  clock.advance(TIMEOUT_MS + 30);
  assert.deepEqual(late.map(({ acceptedAt }) => acceptedAt), [0, 10, 20]);
  assert.deepEqual(
    (late as FakeJob[]).flatMap(({ outcomes }) => outcomes),
    Array(3).fill({ kind: "refused", cause: "timeout" }),
  );
  assert.deepEqual(rest(queue), [50, 30]);
  clock.advance(10);
  assert.deepEqual(clock.pending, [], "an empty queue needs no timer");
});

Deno.test("JobQueue behaves like an array, whatever is done to it", () => {
  const turn = fc.record({
    what: fc.constantFrom("push", "push", "take", "back", "drop", "late", "new"),
    count: fc.integer({ min: 1, max: 1500 }),
    which: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 40, size: "max" }), (turns) => {
      using clock = new FakeClock();
      const late: Job[] = [];
      const queue = new JobQueue(TIMEOUT_MS, (job) => late.push(job));
      let model: FakeJob[] = [];
      let taken: FakeJob[] = [];
      let time = 0;
      for (const { what, count, which } of turns) {
        if (what === "push") {
          for (let i = 0; i < count; i++) {
            const added = job(time++);
            queue.push(added);
            model.push(added);
          }
        } else if (what === "take") {
          taken = Array.from({ length: Math.min(count, model.length) }, () => queue.take() as FakeJob);
          assert.deepEqual(taken, model.splice(0, count));
        } else if (what === "back") {
          queue.putBack(taken);
          model = [...taken.splice(0), ...model];
        } else if (what === "drop" && model.length > 0) {
          const [dropped] = model.splice(Math.floor(which * model.length), 1);
          dropped!.leave();
          assert.deepEqual(dropped!.outcomes, [{ kind: "refused", cause: "gone" }]);
        } else if (what === "late" && model.length > 0) {
          const limit = model[Math.floor(which * model.length)]!.acceptedAt;
          // The queue checks its jobs every 10 ms.
          clock.skip(Math.max(10, limit + TIMEOUT_MS - clock.now));
          const expected = model.filter(({ acceptedAt }) => acceptedAt < clock.now - TIMEOUT_MS);
          assert.deepEqual(new Set(late.splice(0)), new Set(expected));
          model = model.filter(({ acceptedAt }) => acceptedAt >= clock.now - TIMEOUT_MS);
        }
        assert.equal(queue.first, model[0]);
        assert.equal(queue.size, model.length);
      }
      assert.deepEqual(rest(queue), model.map(({ acceptedAt }) => acceptedAt));
    }),
    { numRuns: 50 },
  );
});
