import assert from "node:assert/strict";
import fc from "fast-check";
import { ScriptError } from "../../../src/errors.ts";
import { Backoff } from "../../../src/backoff.ts";
import type { Outcome } from "../../../src/supervisor/job.ts";
import { Pool, type PoolOptions } from "../../../src/supervisor/pool.ts";
import { text, utf8 } from "../helper/bytes.ts";
import { FakeClient } from "../helper/fake_client.ts";
import { FakeClock } from "../helper/fake_clock.ts";
import { FakeWorker } from "../helper/fake_worker.ts";
import { CapturedLogs } from "../helper/logs.ts";

/** A pool of fake workers on a fake clock. */
class Fixture implements Disposable {
  readonly clock = new FakeClock();
  readonly logs = new CapturedLogs();
  /** All workers that were created, including dead ones. */
  readonly workers: FakeWorker[] = [];
  readonly outcomes: [name: string, outcome: Outcome][] = [];
  readonly pool: Pool;

  constructor(options: Partial<PoolOptions> & { readonly room?: number } = {}) {
    const { room, ...rest } = options;
    this.pool = new Pool({
      backoff: () => new Backoff({ firstMs: 100, random: () => 0 }),
      createWorker: (index, events) => {
        const worker = new FakeWorker(index, events, room, 1000 + this.workers.length);
        this.workers.push(worker);
        return worker;
      },
      ...rest,
    });
  }

  /** A started pool, all of whose workers are ready. */
  static ready(options: Partial<PoolOptions> & { readonly room?: number } = {}): Fixture {
    const fixture = new Fixture(options);
    fixture.pool.start();
    for (const worker of fixture.workers) worker.becomeReady();
    return fixture;
  }

  /** Sends requests with these names. */
  invoke(...names: string[]): Promise<Outcome[]> {
    return Promise.all(names.map(async (name) => {
      const outcome = await this.pool.invoke({ metadata: utf8("{}"), body: utf8(name) });
      this.outcomes.push([name, outcome]);
      return outcome;
    }));
  }

  /** Returns the names of a worker's requests. */
  names(worker: number): string[] {
    return this.workers[worker]!.jobs.map(({ body }) => text(body));
  }

  [Symbol.dispose](): void {
    this.clock[Symbol.dispose]();
    this.logs[Symbol.dispose]();
  }
}

const refused = (cause: string) => ({ kind: "refused", cause });

Deno.test("start() runs as many workers as configured, and one by default", () => {
  using three = new Fixture({ size: 3 });
  three.pool.start();
  assert.deepEqual(three.workers.map(({ index, runs }) => [index, runs]), [[0, 1], [1, 1], [2, 1]]);
  assert.deepEqual(three.pool.pids, [1000, 1001, 1002]);
  using one = new Fixture();
  one.pool.start();
  assert.equal(one.workers.length, 1);
});

Deno.test("invoke() refuses with loading when no worker was ready yet", async () => {
  using fixture = new Fixture({ size: 2 });
  fixture.pool.start();
  assert.equal(fixture.pool.state, "loading");
  assert.deepEqual(await fixture.invoke("a"), [refused("loading")]);
});

Deno.test("ready resolves when the first worker of several is ready", async () => {
  using fixture = new Fixture({ size: 2 });
  fixture.pool.start();
  fixture.workers[1]!.becomeReady();
  await fixture.pool.ready;
  assert.equal(fixture.pool.state, "degraded");
  assert.equal(fixture.pool.readyWorkers, 1);
  void fixture.invoke("a");
  assert.deepEqual(fixture.names(1), ["a"]);
  assert.deepEqual(fixture.logs.lines, ["INFO Worker 2 is ready (process 1001)"]);
});

Deno.test("invoke() resolves with the worker's outcome, and passes on metadata and body unchanged", async () => {
  using fixture = Fixture.ready();
  const metadata = utf8('{"content_type":"a/b"}');
  const body = utf8("body");
  const outcome = fixture.pool.invoke({ metadata, body });
  const [job] = fixture.workers[0]!.jobs;
  assert.equal(job?.metadata, metadata);
  assert.equal(job.body, body);
  const result: Outcome = { kind: "result", contentType: "text/csv", body: utf8("1,2") };
  fixture.workers[0]!.answer(1, result);
  assert.equal(await outcome, result);
});

Deno.test("invoke() chooses the least loaded worker that has room", () => {
  using fixture = Fixture.ready({ size: 3, room: 3 });
  void fixture.invoke("a", "b", "c", "d");
  assert.deepEqual([0, 1, 2].map((i) => fixture.names(i)), [["a", "d"], ["b"], ["c"]]);
  fixture.workers[1]!.answer();
  void fixture.invoke("e", "f", "g");
  assert.deepEqual([0, 1, 2].map((i) => fixture.names(i)), [["a", "d"], ["e", "f"], ["c", "g"]]);
  fixture.workers[0]!.room = 0;
  fixture.workers[2]!.ready = false;
  void fixture.invoke("h", "i");
  assert.deepEqual(fixture.names(1), ["e", "f", "h"]);
  assert.equal(fixture.pool.queued, 1);
});

Deno.test("the queue is first in, first out when workers get room", async () => {
  using fixture = Fixture.ready({ size: 2 });
  const all = fixture.invoke("a", "b", "c", "d", "e");
  assert.equal(fixture.pool.queued, 3);
  fixture.workers[1]!.answer();
  assert.deepEqual(fixture.names(1), ["c"]);
  fixture.workers[0]!.room = 2;
  fixture.workers[0]!.answer();
  assert.deepEqual(fixture.names(0), ["d", "e"]);
  assert.equal(fixture.pool.queued, 0);
  fixture.workers[0]!.answer(2);
  fixture.workers[1]!.answer();
  assert.ok((await all).every(({ kind }) => kind === "result"));
});

Deno.test("invoke() does not overtake waiting jobs when a worker has room that it has not announced yet", () => {
  using fixture = Fixture.ready();
  void fixture.invoke("a", "b");
  fixture.workers[0]!.room = 5;
  void fixture.invoke("c");
  assert.deepEqual(fixture.names(0), ["a"]);
  fixture.workers[0]!.events.onRoom();
  assert.deepEqual(fixture.names(0), ["a", "b", "c"]);
});

Deno.test("invoke() refuses with full when the queue is full", async () => {
  using fixture = Fixture.ready({ queueSize: 2 });
  void fixture.invoke("a", "b", "c");
  assert.deepEqual(await fixture.invoke("d"), [refused("full")]);
  fixture.workers[0]!.answer();
  void fixture.invoke("e");
  assert.equal(fixture.pool.queued, 2);
});

Deno.test("a job is refused with timeout when it has waited too long, and later ones stay", async () => {
  using fixture = Fixture.ready({ queueTimeoutMs: 5000 });
  void fixture.invoke("running", "first");
  fixture.clock.advance(3000);
  void fixture.invoke("second");
  fixture.clock.advance(2000);
  await Promise.resolve();
  assert.deepEqual(fixture.outcomes, []);
  fixture.clock.advance(1000);
  await Promise.resolve();
  assert.deepEqual(fixture.outcomes, [["first", refused("timeout")]]);
  assert.equal(fixture.pool.queued, 1);
  fixture.clock.advance(3000);
  await Promise.resolve();
  assert.deepEqual(fixture.outcomes[1], ["second", refused("timeout")]);
  fixture.clock.advance(20_000);
  assert.deepEqual(fixture.clock.pending, [], "It stops looking when none waits, and counting what it refused");
  void fixture.invoke("third");
  fixture.clock.advance(7000);
  await Promise.resolve();
  assert.deepEqual(fixture.outcomes[2], ["third", refused("timeout")]);
});

Deno.test("a job does not time out when a worker has it", () => {
  using fixture = Fixture.ready({ queueTimeoutMs: 5000 });
  void fixture.invoke("running", "waiting");
  fixture.workers[0]!.answer();
  fixture.clock.advance(60_000);
  assert.deepEqual(fixture.names(0), ["waiting"]);
});

Deno.test("failed rejects with the worker's ScriptError when the first can't load the script", async () => {
  using fixture = new Fixture();
  fixture.pool.start();
  const loadError = new ScriptError("The script lacks predict()");
  fixture.workers[0]!.die({ loadError });
  await assert.rejects(fixture.pool.failed, (error) => error === loadError);
  assert.equal(fixture.pool.state, "loading");
  assert.deepEqual(fixture.clock.pending, [], "It is not started again");
});

Deno.test("failed rejects with a ScriptError that names the cause when the first worker dies while loading", async () => {
  using fixture = new Fixture();
  fixture.pool.start();
  fixture.workers[0]!.die({ cause: "exit code 7" });
  await assert.rejects(fixture.pool.failed, {
    name: "ScriptError",
    message: "The worker died while loading: exit code 7",
  });
});

Deno.test("a worker that keeps dying is restarted after growing pauses", () => {
  using fixture = Fixture.ready();
  fixture.workers[0]!.die({ cause: "exit code 3" });
  assert.equal(fixture.pool.state, "restarting");
  assert.equal(fixture.logs.lines.at(-1), "ERROR Worker 1 died (exit code 3); restarting in 0.1 s");
  fixture.clock.advance(99);
  assert.equal(fixture.workers.length, 1);
  fixture.clock.advance(1);
  assert.equal(fixture.workers.length, 2);
  assert.equal(fixture.workers[1]!.runs, 1);
  assert.equal(fixture.pool.state, "restarting");

  fixture.workers[1]!.die();
  fixture.clock.advance(199);
  assert.equal(fixture.workers.length, 2);
  fixture.clock.advance(1);
  fixture.workers[2]!.becomeReady();
  assert.equal(fixture.pool.state, "ready");
  assert.equal(fixture.workers[2]!.index, 0);

  fixture.workers[2]!.die({ readyMs: 60_000 });
  fixture.clock.advance(100);
  assert.equal(fixture.workers.length, 4);
});

Deno.test("a worker is restarted when the script can no longer be loaded, since it could before", async () => {
  using fixture = Fixture.ready();
  fixture.workers[0]!.die();
  fixture.clock.advance(100);
  fixture.workers[1]!.die({ loadError: new ScriptError("broken") });
  const state = await Promise.race([fixture.pool.failed.catch(() => "failed"), Promise.resolve("pending")]);
  assert.equal(state, "pending");
  fixture.clock.advance(200);
  assert.equal(fixture.workers.length, 3);
});

Deno.test("jobs wait for the next worker when the only one has died", async () => {
  using fixture = Fixture.ready();
  fixture.workers[0]!.die();
  const outcomes = fixture.invoke("a", "b");
  assert.equal(fixture.pool.queued, 2);
  fixture.clock.advance(100);
  fixture.workers[1]!.becomeReady();
  fixture.workers[1]!.answer();
  fixture.workers[1]!.answer();
  assert.deepEqual((await outcomes).map(({ kind }) => kind), ["result", "result"]);
});

Deno.test("orphans go to the head of the queue in their order, and begun jobs are lost, when a worker dies", async () => {
  using fixture = Fixture.ready({ room: 4 });
  void fixture.invoke("a", "b", "c", "d", "e", "f");
  fixture.workers[0]!.die({}, 1);
  await Promise.resolve();
  assert.deepEqual(fixture.outcomes, [["a", { kind: "lost", cause: "signal SIGKILL" }]]);
  fixture.clock.advance(100);
  fixture.workers[1]!.becomeReady();
  assert.deepEqual(fixture.names(1), ["b", "c", "d", "e"]);
  fixture.workers[1]!.answer();
  assert.deepEqual(fixture.names(1), ["c", "d", "e", "f"]);
});

Deno.test("orphans go to another worker at once when one has room", () => {
  using fixture = Fixture.ready({ size: 2, room: 2 });
  void fixture.invoke("a", "b", "c", "d", "e");
  assert.deepEqual([0, 1].map((i) => fixture.names(i)), [["a", "c"], ["b", "d"]]);
  fixture.workers[1]!.room = 4;
  fixture.workers[0]!.die();
  assert.deepEqual(fixture.names(1), ["b", "d", "a", "c"]);
  assert.equal(fixture.pool.queued, 1);
  assert.equal(fixture.pool.state, "degraded");
});

Deno.test("orphans are refused with timeout when no worker comes back in time", async () => {
  using fixture = Fixture.ready({ queueTimeoutMs: 5000 });
  void fixture.invoke("a");
  fixture.workers[0]!.die();
  fixture.clock.advance(7000);
  await Promise.resolve();
  assert.deepEqual(fixture.outcomes, [["a", refused("timeout")]]);
});

Deno.test("stop() stops all workers, and resolves when the last one is dead", async () => {
  using fixture = Fixture.ready({ size: 2 });
  const signal = new AbortController().signal;
  let stopped = false;
  const stopping = fixture.pool.stop(signal).then(() => stopped = true);
  assert.equal(fixture.pool.state, "stopping");
  assert.deepEqual(fixture.workers.map(({ stopSignal }) => stopSignal === signal), [true, true]);
  assert.deepEqual(await fixture.invoke("late"), [refused("stopping")]);
  fixture.workers[0]!.die({ stopped: true });
  await Promise.resolve();
  assert.equal(stopped, false);
  fixture.workers[1]!.die({ stopped: true });
  await stopping;
  assert.deepEqual(fixture.clock.pending, []);
  assert.equal(fixture.workers.length, 2);
});

Deno.test("stop() lets workers answer their jobs, and refuses waiting ones", async () => {
  using fixture = Fixture.ready();
  const outcomes = fixture.invoke("running", "waiting");
  const stopping = fixture.pool.stop(new AbortController().signal);
  fixture.workers[0]!.answer();
  fixture.workers[0]!.die({ stopped: true });
  await stopping;
  assert.deepEqual((await outcomes).map((outcome) => outcome.kind), ["result", "refused"]);
  assert.deepEqual(fixture.outcomes.at(-1), ["waiting", refused("stopping")]);
  assert.deepEqual(fixture.clock.pending, []);
});

Deno.test("stop() refuses the orphans of a worker that dies meanwhile", async () => {
  using fixture = Fixture.ready({ room: 2 });
  const outcomes = fixture.invoke("a", "b");
  const stopping = fixture.pool.stop(new AbortController().signal);
  fixture.workers[0]!.die({}, 1);
  await stopping;
  assert.deepEqual(await outcomes, [{ kind: "lost", cause: "signal SIGKILL" }, refused("stopping")]);
});

Deno.test("stop() resolves during the pause before a restart, and no worker is started", async () => {
  using fixture = Fixture.ready();
  void fixture.invoke("a", "b");
  fixture.workers[0]!.die({}, 1);
  await fixture.pool.stop(new AbortController().signal);
  fixture.clock.advance(60_000);
  assert.equal(fixture.workers.length, 1);
  assert.deepEqual(fixture.outcomes.at(-1), ["b", refused("stopping")]);
});

Deno.test("stop() resolves when the workers are still loading, or none was started", async () => {
  using loading = new Fixture();
  loading.pool.start();
  const stopping = loading.pool.stop(new AbortController().signal);
  loading.workers[0]!.die({ stopped: true });
  await stopping;
  using none = new Fixture();
  await none.pool.stop(new AbortController().signal);
});

Deno.test("a job is dropped when its client disconnects while it waits, and not when a worker has it", async () => {
  using fixture = Fixture.ready({ queueSize: 2 });
  const clients = [new FakeClient(), new FakeClient(), new FakeClient()];
  const outcomes = clients.map((client, index) =>
    fixture.pool.invoke({ metadata: utf8("{}"), body: utf8(`${index}`), client })
  );
  clients[1]!.leave();
  assert.deepEqual(await outcomes[1], refused("gone"));
  assert.equal(fixture.pool.queued, 1);
  fixture.workers[0]!.answer();
  assert.deepEqual(fixture.names(0), ["2"]);
  clients[2]!.leave();
  clients[0]!.leave();
  fixture.workers[0]!.answer();
  assert.deepEqual((await Promise.all(outcomes)).map(({ kind }) => kind), ["result", "refused", "result"]);
});

Deno.test("a job that a dead worker returns is dropped when its client has disconnected", async () => {
  using fixture = Fixture.ready({ room: 2 });
  void fixture.invoke("begun");
  const client = new FakeClient();
  const outcome = fixture.pool.invoke({ metadata: utf8("{}"), body: utf8("leaves"), client });
  client.leave();
  fixture.workers[0]!.die({}, 1);
  assert.deepEqual(await outcome, refused("gone"));
});

Deno.test("the pool fails when workers die more often than allowed, and refuses waiting jobs", async () => {
  using fixture = Fixture.ready({ maxRestarts: 2, restartWindowMs: 60_000 });
  const die = () => {
    fixture.workers.at(-1)!.die({ cause: "exit code 3" });
    fixture.clock.advance(1000);
    fixture.workers.at(-1)!.becomeReady();
  };
  die();
  fixture.clock.advance(60_000);
  die();
  die();
  const outcomes = fixture.invoke("a", "b");
  fixture.workers.at(-1)!.die({ cause: "exit code 3" }, 1);
  await assert.rejects(fixture.pool.failed, {
    name: "AimodellibError",
    message: "Giving up: workers died 3 times in 1 minute (--max-restarts 2); last: exit code 3",
  });
  assert.deepEqual((await outcomes).map(({ kind }) => kind), ["lost", "refused"]);
  assert.equal(fixture.pool.state, "stopping");
  await fixture.pool.stop(new AbortController().signal);
  assert.equal(fixture.workers.length, 4);
});

Deno.test("the pool fails when ten times as many workers are killed for slow requests as may die", async () => {
  using fixture = Fixture.ready({ maxRestarts: 2, restartWindowMs: 60_000 });
  const overrun = () => {
    fixture.workers.at(-1)!.die({ overran: true, cause: "it was slow" }, 1);
    fixture.clock.advance(0);
    fixture.workers.at(-1)!.becomeReady();
  };
  overrun();
  fixture.clock.advance(60_000);
  for (let death = 1; death <= 20; death++) overrun();
  assert.equal(fixture.pool.state, "ready");
  fixture.workers.at(-1)!.die({ overran: true, cause: "it was slow" }, 1);
  await assert.rejects(fixture.pool.failed, {
    name: "AimodellibError",
    message:
      "Giving up: workers were killed for slow requests 21 times in 1 minute (--max-restarts 2 allows 20); last: it was slow",
  });
  await fixture.pool.stop(new AbortController().signal);
});

Deno.test("a worker that was killed for a slow request is restarted at once, and does not count as dead", () => {
  using fixture = Fixture.ready({ maxRestarts: 0 });
  for (let death = 1; death < 5; death++) {
    fixture.workers.at(-1)!.die({ overran: true }, 1);
    fixture.clock.advance(0);
    assert.equal(fixture.workers.length, death + 1);
    fixture.workers.at(-1)!.becomeReady();
  }
  assert.equal(fixture.pool.state, "ready");
});

/** Lets pending promises continue. */
const turn = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

Deno.test("a worn worker answers its jobs, and is replaced when its successor is ready", async () => {
  using fixture = Fixture.ready({ room: 2, drainTimeoutMs: 1e9 });
  const [old] = fixture.workers;
  void fixture.invoke("a");
  old!.events.onWorn("it has answered 10 requests");
  old!.events.onWorn("it has answered 11 requests");
  await turn();
  assert.equal(fixture.workers.length, 2);
  assert.equal(fixture.logs.lines.at(-1), "INFO Replacing worker 1: it has answered 10 requests");
  void fixture.invoke("b");
  assert.deepEqual(fixture.names(0), ["a", "b"], "Until then it goes on");
  fixture.workers[1]!.becomeReady();
  await turn();
  assert.ok(old!.stopSignal !== undefined && !old!.stopSignal.aborted);
  void fixture.invoke("c");
  assert.deepEqual([fixture.names(0), fixture.names(1)], [["a", "b"], ["c"]]);
  old!.answer(2);
  old!.die({ stopped: true });
  assert.equal(fixture.pool.state, "ready");
  fixture.clock.advance(60_000);
  assert.equal(fixture.workers.length, 2, "Nobody takes the place of one that was replaced");
});

Deno.test("workers are replaced one after the other, except those that died meanwhile", async () => {
  using fixture = Fixture.ready({ size: 3 });
  for (const worker of [...fixture.workers]) worker.events.onWorn("it is large");
  await turn();
  assert.equal(fixture.workers.length, 4);
  fixture.workers[1]!.die();
  fixture.clock.advance(100);
  assert.equal(fixture.workers.length, 5, "a restart needs not wait");
  fixture.workers[4]!.becomeReady();
  fixture.workers[3]!.becomeReady();
  await turn();
  assert.deepEqual(fixture.workers.slice(5).map(({ index }) => index), [2]);
});

Deno.test("a worn worker stays in service when its successor can't load", async () => {
  using fixture = Fixture.ready();
  fixture.workers[0]!.events.onWorn("it is large");
  await turn();
  fixture.workers[1]!.die({ cause: "load() raised OSError" });
  await turn();
  assert.equal(
    fixture.logs.lines.at(-1),
    "ERROR Worker 1 can't be replaced (load() raised OSError); it stays in service",
  );
  assert.equal(fixture.pool.state, "ready");
  fixture.workers[0]!.events.onWorn("it is large");
  await turn();
  assert.equal(fixture.workers.length, 2, "It is not tried again at once");
  fixture.clock.advance(30_000);
  fixture.workers[0]!.events.onWorn("it is large");
  await turn();
  assert.equal(fixture.workers.length, 3, "but later");
});

Deno.test("reload() replaces all workers in turn", async () => {
  using fixture = Fixture.ready({ size: 2 });
  const reloaded = fixture.pool.reload();
  await turn();
  assert.equal(fixture.workers.length, 3);
  fixture.workers[2]!.becomeReady();
  await turn();
  assert.equal(fixture.workers.length, 4);
  fixture.workers[3]!.becomeReady();
  assert.deepEqual(await reloaded, { reloaded: true });
  assert.deepEqual(fixture.workers.map(({ stopSignal }) => stopSignal !== undefined), [true, true, false, false]);
});

Deno.test("reload() keeps the old workers when the first of the new ones can't load", async () => {
  using fixture = Fixture.ready({ size: 2 });
  const reloaded = fixture.pool.reload();
  await turn();
  fixture.workers[2]!.die({ cause: "the script raised SyntaxError: x" });
  assert.deepEqual(await reloaded, { reloaded: false, cause: "the script raised SyntaxError: x" });
  assert.equal(
    fixture.logs.lines.at(-1),
    "ERROR Reloading failed (the script raised SyntaxError: x); the old workers stay in service",
  );
  assert.equal(fixture.pool.state, "ready");
  assert.equal(fixture.workers.length, 3);
});

Deno.test("a successor replaces a worker that died meanwhile, and is restarted if it dies as well", async () => {
  using fixture = Fixture.ready();
  void fixture.pool.reload();
  await turn();
  fixture.workers[0]!.die();
  fixture.clock.advance(60_000);
  assert.equal(fixture.workers.length, 2, "the successor is on its way");
  fixture.workers[1]!.becomeReady();
  assert.equal(fixture.pool.state, "ready");
  void fixture.pool.reload();
  await turn();
  fixture.workers[1]!.die();
  fixture.workers[2]!.die();
  assert.equal(fixture.pool.state, "restarting");
  fixture.clock.advance(60_000);
  assert.equal(fixture.workers.length, 4);
});

Deno.test("all reloads requested during a reload are combined into one more", async () => {
  using fixture = Fixture.ready({ size: 2 });
  const become = async (...workers: number[]) => {
    for (const worker of workers) {
      fixture.workers[worker]!.becomeReady();
      await turn();
    }
  };
  const first = fixture.pool.reload();
  await turn();
  const more = [fixture.pool.reload(), fixture.pool.reload(), fixture.pool.reload()];
  await become(2, 3);
  assert.deepEqual(await first, { reloaded: true });
  await become(4, 5);
  assert.deepEqual(await Promise.all(more), Array(3).fill({ reloaded: true }));
  await turn();
  assert.equal(fixture.workers.length, 6);
  assert.equal(fixture.logs.lines.filter((line) => line === "INFO Reloaded").length, 2);
  assert.equal(
    fixture.logs.lines.filter((line) => line.endsWith("Another reload follows the current one")).length,
    1,
  );
});

Deno.test("a successor that hangs delays another reload by at most a minute", async () => {
  using fixture = Fixture.ready();
  const first = fixture.pool.reload();
  await turn();
  fixture.clock.advance(3_600_000);
  const given = () => fixture.workers[1]!.stopSignal?.aborted;
  assert.equal(given(), undefined, "As long as nobody waits, it may take its time");
  const second = fixture.pool.reload();
  fixture.clock.advance(0);
  assert.equal(given(), true);
  fixture.workers[1]!.die({ stopped: true });
  assert.deepEqual(await first, {
    reloaded: false,
    cause: "it was not ready within 60 s, and another reload waits",
  });
  assert.ok(fixture.logs.lines.includes(
    "ERROR Reloading failed (it was not ready within 60 s, and another reload waits); the old workers stay in service",
  ));
  await turn();
  fixture.workers[2]!.becomeReady();
  assert.deepEqual(await second, { reloaded: true });
  assert.deepEqual(fixture.clock.pending, []);
});

Deno.test("the death of a worker while its successor loads, or after it was replaced, is logged and counted", async () => {
  using fixture = Fixture.ready({ drainTimeoutMs: 1e9, maxRestarts: 2 });
  void fixture.pool.reload();
  await turn();
  fixture.workers[0]!.die({ cause: "exit code 3", exit: { code: 3, signal: null } });
  assert.equal(fixture.logs.lines.at(-1), "ERROR Worker 1 died (exit code 3); its successor is loading already");
  fixture.workers[1]!.becomeReady();
  void fixture.pool.reload();
  await turn();
  fixture.workers[2]!.becomeReady();
  await turn();
  fixture.workers[1]!.die({ cause: "signal SIGSEGV", exit: { code: 139, signal: "SIGSEGV" } });
  assert.equal(fixture.logs.lines.at(-1), "ERROR Worker 1, which was already replaced, died (signal SIGSEGV)");
  const restarts = fixture.pool.metrics().find(({ name }) => name === "aimodellib_worker_restarts_total")!;
  assert.deepEqual(Object.fromEntries(restarts.values.map(([{ cause }, count]) => [cause, count])), {
    exit: 1,
    signal: 1,
    overran: 0,
    other: 0,
    replaced: 2,
  });
  void fixture.pool.reload();
  await turn();
  fixture.workers[2]!.die();
  await assert.rejects(fixture.pool.failed, { message: /^Giving up: workers died 3 times .*; last: signal SIGKILL$/ });
});

Deno.test("the normal end of a replaced worker is not reported", async () => {
  using fixture = Fixture.ready({ drainTimeoutMs: 1e9, maxRestarts: 0 });
  void fixture.pool.reload();
  await turn();
  fixture.workers[1]!.becomeReady();
  await turn();
  const { length } = fixture.logs.lines;
  fixture.workers[0]!.die({ stopped: true, exit: { code: 0, signal: null } });
  assert.deepEqual(fixture.logs.lines.slice(length), []);
  assert.equal(fixture.pool.state, "ready");
});

Deno.test("a worker that dies while the pool stops is logged, and fails nothing", async () => {
  using fixture = Fixture.ready({ maxRestarts: 0 });
  const stopped = fixture.pool.stop(new AbortController().signal);
  fixture.workers[0]!.die({ cause: "exit code 3" });
  await stopped;
  assert.equal(fixture.logs.lines.at(-1), "ERROR Worker 1 died (exit code 3)");
  const state = await Promise.race([fixture.pool.failed.catch(() => "failed"), Promise.resolve("pending")]);
  assert.equal(state, "pending");
});

Deno.test("stop() stops workers, their successors and replaced workers", async () => {
  using fixture = Fixture.ready({ drainTimeoutMs: 1e9 });
  void fixture.pool.reload();
  await turn();
  fixture.workers[1]!.becomeReady();
  await turn();
  void fixture.pool.reload();
  await turn();
  const signal = new AbortController().signal;
  const stopped = fixture.pool.stop(signal);
  assert.deepEqual(fixture.workers.map(({ stopSignal }) => stopSignal === signal), [true, true, true]);
  for (const worker of fixture.workers) worker.die({ stopped: true });
  await stopped;
  assert.deepEqual(fixture.clock.pending, []);
});

Deno.test("metrics() include the queue, the stages across deaths of workers, and the causes of restarts", () => {
  using fixture = Fixture.ready({ size: 2 });
  const value = (name: string, labels: Record<string, unknown> = {}) => {
    const metric = fixture.pool.metrics().find((metric) => metric.name === name)!;
    const found = metric.values.find(([given]) => Object.keys(labels).every((key) => given[key] === labels[key]))?.[1];
    return typeof found === "object" ? found.counts.reduce((sum, count) => sum + count) : found;
  };
  void fixture.invoke("a", "b", "c");
  assert.equal(value("aimodellib_requests_queued"), 1);
  assert.equal(value("aimodellib_stage_duration_seconds", { stage: "queue" }), 2);
  fixture.workers[0]!.answer();
  assert.equal(value("aimodellib_stage_duration_seconds", { stage: "queue" }), 3);

  const usage = (predicted: number) => ({
    rss: 100,
    cpu: 2,
    times: { predict: [predicted, ...Array(18).fill(0), 0.5] },
  });
  fixture.workers[0]!.events.onUsage(usage(3), undefined);
  fixture.workers[0]!.events.onUsage(usage(5), usage(3));
  fixture.workers[0]!.usage = usage(5);
  assert.equal(value("aimodellib_worker_memory_bytes", { worker: 1 }), 100);
  assert.equal(value("aimodellib_worker_memory_bytes", { worker: 2 }), undefined);
  fixture.workers[0]!.die({ exit: { code: 3, signal: null } });
  fixture.clock.advance(100);
  fixture.workers[2]!.becomeReady();
  fixture.workers[2]!.events.onUsage(usage(2), undefined);
  assert.equal(value("aimodellib_stage_duration_seconds", { stage: "predict" }), 7);
  fixture.workers[1]!.die({ overran: true, exit: { code: 137, signal: "SIGKILL" } });
  assert.equal(value("aimodellib_worker_restarts_total", { cause: "exit" }), 1);
  assert.equal(value("aimodellib_worker_restarts_total", { cause: "overran" }), 1);
  assert.equal(value("aimodellib_workers", { state: "ready" }), 1);
  assert.equal(value("aimodellib_workers", { state: "not_ready" }), 1);
});

Deno.test("every request has exactly one outcome when workers answer and die at random", async () => {
  const turn = fc.record({
    what: fc.constantFrom("invoke", "invoke", "answer", "die", "wait", "room"),
    which: fc.nat(2),
    count: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(fc.asyncProperty(fc.array(turn, { maxLength: 80, size: "max" }), async (turns) => {
    using fixture = Fixture.ready({ size: 3, queueTimeoutMs: 1e9 });
    const sent: Promise<unknown>[] = [];
    const alive = () => fixture.workers.filter(({ dead }) => !dead);
    for (const { what, which, count } of turns) {
      const worker = alive().find(({ index }) => index === which);
      if (what === "invoke") { for (let i = 0; i < count; i++) sent.push(fixture.invoke(`${sent.length}`)); }
      else if (what === "answer") worker?.answer(count);
      else if (what === "die") worker?.die({}, Math.min(1, worker.load));
      else if (what === "room" && worker !== undefined) {
        worker.room = count;
        worker.events.onRoom();
      } else fixture.clock.advance(count * 50);
      for (const each of alive()) if (!each.ready) each.becomeReady();
      assert.ok(fixture.pool.queued === 0 || !alive().some(({ hasRoom }) => hasRoom), "A worker idles while jobs wait");
      const names = alive().flatMap(({ jobs }) => jobs.map(({ body }) => text(body)));
      assert.equal(new Set(names).size, names.length, "A job is with two workers");
    }
    fixture.clock.advance(30_000);
    for (let round = 0; alive().some(({ load }) => load > 0) || fixture.pool.queued > 0; round++) {
      assert.ok(round < 1000, "Some are never answered");
      for (const each of alive()) {
        if (!each.ready) each.becomeReady();
        each.answer(10);
      }
    }
    await Promise.all(sent);
    assert.deepEqual(
      fixture.outcomes.map(([name]) => Number(name)).sort((a, b) => a - b),
      sent.map((_, i) => i),
    );
    assert.ok(fixture.outcomes.every(([, { kind }]) => kind === "result" || kind === "lost"));
  }));
});

/** A request with an id. */
const identified = (id: string) => ({ metadata: utf8("{}"), body: utf8(id), context: `{"id":"${id}"}` });

Deno.test("the log record of a worker's death names its requests, its memory and the pause before the restart", () => {
  using fixture = Fixture.ready();
  const requests = Array.from({ length: 22 }, (_, index) => `r-${index}`);
  fixture.workers[0]!.die({ cause: "exit code 3", requests, memory: { bytes: 2 * 2 ** 30, ageMs: 444 } });
  const { properties } = fixture.logs.records.at(-1)!;
  assert.deepEqual(properties, {
    worker: 1,
    cause: "exit code 3",
    pause: 0.1,
    requests: requests.slice(0, 20),
    request_count: 22,
    memory: 2 * 2 ** 30,
    memory_age: 0.4,
  });
  assert.equal(
    fixture.logs.lines.at(-1),
    `ERROR Worker 1 died (exit code 3); restarting in 0.1 s. It was executing ${
      requests.slice(0, 20).join(", ")
    } and 2 more. It used 2.0 GiB of memory 0.4 s before`,
  );
});

Deno.test("the death that fails the pool is logged with its requests", async () => {
  using fixture = Fixture.ready({ maxRestarts: 0 });
  fixture.workers[0]!.die({ cause: "exit code 3", requests: ["the-last"] });
  await assert.rejects(fixture.pool.failed, {
    name: "AimodellibError",
    message: "Giving up: workers died 1 time in 10 minutes (--max-restarts 0); last: exit code 3",
  });
  assert.equal(fixture.logs.lines.at(-1), "ERROR Worker 1 died (exit code 3). It was executing the-last");
});

Deno.test("the error about a first worker that dies while loading has its memory", async () => {
  using fixture = new Fixture();
  fixture.pool.start();
  fixture.workers[0]!.die({ cause: "signal SIGKILL", memory: { bytes: 300 * 2 ** 20, ageMs: 1000 } });
  await assert.rejects(fixture.pool.failed, {
    message: "The worker died while loading: signal SIGKILL. It used 300 MiB of memory 1 s before",
  });
});

Deno.test("refused requests are logged: the first at once, then their number", async () => {
  using fixture = Fixture.ready({ queueSize: 1, model: "m" });
  const said = () => fixture.logs.lines.filter((line) => line.includes("refused"));
  const full = "the queue is full (--queue-size 1)";
  void fixture.pool.invoke(identified("executed"));
  void fixture.pool.invoke(identified("waits"));
  for (let i = 0; i < 1000; i++) await fixture.pool.invoke(identified(`refused-${i}`));
  assert.deepEqual(said(), [`WARNING A request was refused: ${full}`]);
  const { properties } = fixture.logs.records.at(-1)!;
  assert.deepEqual(properties, { model: "m", cause: "full", limit: 1, request_id: "refused-0" });
  fixture.clock.advance(10_000);
  assert.deepEqual(said().slice(1), [`WARNING 999 more requests were refused: ${full}`]);
  fixture.clock.advance(30_000);
  assert.equal(said().filter((line) => line.includes("full")).length, 2, "there were no more");
  void fixture.pool.invoke(identified("waits, too"));
  await fixture.pool.invoke(identified("late"));
  await fixture.pool.invoke(identified("later"));
  const ended = fixture.pool.stop(AbortSignal.abort());
  fixture.workers[0]!.die({ stopped: true });
  await ended;
  assert.deepEqual(said().slice(-2), [
    `WARNING A request was refused: ${full}`,
    `WARNING Another request was refused: ${full}`,
  ]);
});

Deno.test("a request that has waited too long is logged", async () => {
  using fixture = Fixture.ready({ queueTimeoutMs: 5_000 });
  void fixture.pool.invoke(identified("executed"));
  const late = fixture.pool.invoke(identified("late"));
  fixture.clock.advance(5_100);
  assert.deepEqual(await late, refused("timeout"));
  assert.equal(
    fixture.logs.lines.at(-1),
    "WARNING A request was refused: no worker was free in time (--queue-timeout 5)",
  );
  assert.equal(fixture.logs.records.at(-1)!.properties["request_id"], "late");
});
