import assert from "node:assert/strict";
import type { LogRecord } from "@logtape/logtape";
import { Histogram, type Metric, SECONDS } from "../../../src/observability/metrics.ts";
import { Measures } from "../../../src/supervisor/measures.ts";
import type { Death, Models } from "../../../src/supervisor/mod.ts";
import { STAY_MS } from "../../../src/recent/event_stream.ts";
import { MAX_READERS, Recent } from "../../../src/recent/mod.ts";
import type { Events } from "../../../src/web/wire.ts";

/** An event of a stream, as a browser parses it. */
interface Got {
  readonly name: keyof Events;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
  readonly id: string | undefined;
}

/** The recorded events of one model with a worker. */
class Fixture implements Disposable {
  readonly recent: Recent;
  readonly measures = new Measures();
  answered = 0;
  script: Metric[] = [];
  asked = 0;
  readonly worker = { worker: "1", pid: Deno.pid as number | undefined, ready: true, dead: false, load: 0 };

  constructor(name = "iris", now?: () => number) {
    this.recent = new Recent(now);
    const model = {
      name,
      figures: { measures: this.measures, queued: 0, ready: 1, workers: [this.worker] },
      askUsage: () => (this.asked++, Promise.resolve()),
      scriptMetrics: () => this.script,
    };
    const latency = new Histogram(SECONDS);
    this.recent.attach({ all: [model] } as unknown as Models, (_, into) => {
      into.addStatus(200, this.answered);
      into.addLatency(latency);
    });
  }

  log(text: string, properties: Record<string, unknown> = { worker: 1, line: text }, category = "worker"): void {
    const record = {
      category: ["aimodellib", category],
      level: "info",
      message: [text],
      rawMessage: text,
      timestamp: 5,
    };
    this.recent.log({ ...record, properties } as LogRecord);
  }

  follow(lastEventId?: string, logs = true): Follower {
    const stream = this.recent.follow({ lastEventId, logs });
    assert.ok(stream);
    return new Follower(stream);
  }

  [Symbol.dispose](): void {
    this.recent[Symbol.dispose]();
  }
}

/** Reads a stream, chunk by chunk. */
class Follower {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  id: string | undefined;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The events of the next chunk; undefined at the end. */
  async next(): Promise<Got[] | undefined> {
    const { value } = await this.#reader.read();
    if (value === undefined) return undefined;
    const blocks = new TextDecoder().decode(value).split("\n\n").filter(Boolean);
    return blocks.map((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      const id = field("id");
      this.id = id ?? this.id;
      return { name: field("event") as keyof Events, data: JSON.parse(field("data")!), id };
    });
  }

  /** All events of the next chunks. */
  async take(chunks: number): Promise<Got[]> {
    const all: Got[] = [];
    for (let i = 0; i < chunks; i++) all.push(...await this.next() ?? []);
    return all;
  }

  async leave(): Promise<void> {
    await this.#reader.cancel();
  }
}

const DEATH: Death = { cause: "signal SIGKILL", readyMs: 5, stopped: false, overran: false, requests: ["r-1"] };

Deno.test("a reader gets the history first, then each second and what happens", async () => {
  using fixture = new Fixture();
  const { recent, worker } = fixture;
  const life = recent.workers.start({ worker: "1", model: "iris", device: "GPU 3" });
  life.ready(worker.pid);
  fixture.log("before");
  fixture.answered = 3;
  recent.tick();
  recent.tick();
  const follower = fixture.follow();
  const [hello, seconds, workers, events, lines] = await follower.take(5);
  assert.equal(hello!.name, "hello");
  const { run, now, ...said } = hello!.data;
  assert.deepEqual(said, {
    models: ["iris"],
    latencyLimits: SECONDS,
    batchLimits: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    resumed: false,
    logs: true,
  });
  assert.ok(run.length > 0 && now > 0);
  assert.equal(seconds!.name, "seconds");
  assert.equal(seconds!.data.model, "iris");
  assert.deepEqual(seconds!.data.seconds.map(({ answers }: { answers?: unknown }) => answers), [
    [3, 0, 0, 0],
    undefined,
  ]);
  assert.equal(workers!.name, "workers");
  const [{ started, ready, memory, ...first }] = workers!.data;
  assert.deepEqual(first, {
    name: "1",
    model: "iris",
    state: "ready",
    pid: Deno.pid,
    busy: 0,
    device: "GPU 3",
    deaths: 0,
    replaced: 0,
  });
  assert.ok(started <= ready && memory > 1_000_000);
  assert.deepEqual([events!.name, events!.data.events.map(({ kind }: { kind: string }) => kind)], [
    "worker",
    ["started", "ready"],
  ]);
  assert.deepEqual([lines!.name, lines!.data], [
    "log",
    { lines: [{ t: 5, level: "info", logger: "worker", worker: "1", text: "before" }] },
  ]);

  fixture.answered = 4;
  recent.tick();
  assert.equal(fixture.asked, 1, "the workers are asked for their usage while somebody reads");
  const both = (await follower.next())!;
  assert.deepEqual(both.map(({ name }) => name), ["second", "workers"]);
  assert.deepEqual(both[0]!.data.models.iris.answers, [1, 0, 0, 0]);

  worker.ready = false;
  worker.dead = true;
  life.ended(DEATH);
  const [ended] = (await follower.next())!;
  const { t: _, ...about } = ended!.data.events[0];
  assert.deepEqual(about, {
    kind: "ended",
    expected: false,
    cause: "signal SIGKILL",
    requests: ["r-1"],
    requestCount: 1,
    worker: "1",
    model: "iris",
    pid: Deno.pid,
  });
  recent.tick();
  const [{ state, deaths }] = (await follower.next())![1]!.data;
  assert.deepEqual([state, deaths], ["restarting", 1]);
  await follower.leave();
});

Deno.test("a reader without the right to the log gets no line of it", async () => {
  using fixture = new Fixture();
  fixture.log("secret");
  const follower = fixture.follow(undefined, false);
  fixture.recent.tick();
  const all = await follower.take(3);
  assert.deepEqual(all.map(({ name }) => name), ["hello", "seconds", "workers"]);
  assert.equal(all[0]!.data.logs, false);
  fixture.log("secret");
  fixture.recent.tick();
  assert.deepEqual((await follower.next())!.map(({ name }) => name), ["second", "workers"]);
  await follower.leave();
});

Deno.test("a reader that comes back with the id of its last event gets what came after", async () => {
  using fixture = new Fixture();
  fixture.recent.tick();
  fixture.log("one");
  const first = fixture.follow();
  await first.take(4);
  await first.leave();
  fixture.log("two");
  for (let i = 0; i < 3; i++) fixture.recent.tick();
  const second = fixture.follow(first.id);
  const [hello, seconds, workers, lines] = await second.take(4);
  assert.equal(hello!.data.resumed, true);
  assert.equal(seconds!.data.seconds.length, 3);
  assert.equal(workers!.name, "workers");
  assert.deepEqual(lines!.data.lines.map(({ text }: { text: string }) => text), ["two"]);
  await second.leave();
  for (const id of ["other.1.0.1", first.id!.replace(/\.\d+$/, ".999"), "x", `${first.id}.1`]) {
    const fresh = fixture.follow(id);
    assert.equal((await fresh.next())![0]!.data.resumed, false, id);
    await fresh.leave();
  }
});

Deno.test("a slow reader misses the oldest lines, is told how many, and goes on with the newest second", async () => {
  using fixture = new Fixture();
  const follower = fixture.follow();
  await follower.take(2);
  for (let i = 1; i <= 5_000; i++) fixture.log(`line ${i}`);
  for (let i = 0; i < 2_000; i++) fixture.recent.tick();
  const [seconds] = (await follower.next())!;
  assert.equal(seconds!.data.seconds.length, 900);
  const [lines] = (await follower.next())!;
  assert.deepEqual([lines!.data.skipped, lines!.data.lines.length, lines!.data.lines[0].text], [
    3000,
    200,
    "line 3001",
  ]);
  fixture.recent.tick();
  assert.equal((await follower.next())![0]!.name, "second");
  await follower.leave();
});

Deno.test("what is kept has a fixed size, however long the server runs", () => {
  using fixture = new Fixture();
  const { recent } = fixture;
  for (let i = 0; i < 30_000; i++) recent.tick();
  for (let i = 0; i < 100_000; i++) fixture.log(`line ${i} ${"x".repeat(i % 300)}`);
  assert.equal(recent.lines.held.count, 2_000);
  for (let i = 0; i < 2_000; i++) fixture.log("y".repeat(100_000));
  const { size } = recent.lines.held;
  assert.ok(size <= 4 * 2 ** 20, `${size} characters`);
  for (let i = 0; i < 10_000; i++) {
    recent.workers.start({ worker: "1", model: "iris" }).ended({ ...DEATH, requests: Array(5_000).fill("r") });
  }
  const events = recent.workers.events.after(0, Infinity)!.items;
  assert.equal(events.length, 500);
  assert.ok(events.every(({ requests = [] }) => requests.length <= 20));
});

Deno.test("there is a limit on readers, and a place is free again when one has left", async () => {
  using fixture = new Fixture();
  const followers = Array.from({ length: MAX_READERS }, () => fixture.follow());
  assert.equal(fixture.recent.follow({ logs: true }), undefined);
  await followers[0]!.next();
  await followers[0]!.leave();
  await followers[1]!.leave();
  for (const [i, follower] of [fixture.follow(), fixture.follow()].entries()) followers[i] = follower;
  assert.equal(fixture.recent.follow({ logs: true }), undefined);
  for (const follower of followers) await follower.leave();
});

Deno.test("the stream that is open for longest ends if there is no place for a new reader", async () => {
  let now = 0;
  using fixture = new Fixture("iris", () => now);
  // A reader that takes nothing, as the others.
  const followers = [];
  for (; followers.length < MAX_READERS; now += 100) followers.push(fixture.follow());
  await followers[0]!.next();
  now = STAY_MS - 1;
  assert.equal(fixture.recent.follow({ logs: true }), undefined, "it has not been there for long");
  now = STAY_MS;
  assert.equal((await fixture.follow().next())![0]!.name, "hello");
  assert.equal(await followers[0]!.next(), undefined, "it ends");
  assert.equal(fixture.recent.follow({ logs: true }), undefined, "the second one is younger");
  now += 100;
  fixture.follow();
  assert.equal(await followers[1]!.next(), undefined, "even before it has taken anything");
  assert.ok(await followers[2]!.next());
});

Deno.test("a reader gets the metrics of scripts at first and every five seconds, and no more than it can show", async () => {
  using fixture = new Fixture();
  const lengths = new Histogram([1, 10]);
  for (const value of [1, 5]) lengths.observe(value);
  const words = Array.from({ length: 500 }, (_, i) => [{ language: `l${i}` }, i] as const);
  fixture.script = [
    { name: "length", help: "How long.", type: "histogram", values: [[{}, lengths]] },
    { name: "words_total", help: "Words.", type: "counter", values: words },
  ];
  const follower = fixture.follow();
  const [, scripts, workers] = await follower.take(2);
  assert.deepEqual([scripts!.name, workers!.name], ["scripts", "workers"]);
  const { models: { iris }, more } = scripts!.data;
  assert.deepEqual(iris.slice(0, 2), [
    { name: "length", help: "How long.", type: "histogram", labels: {}, value: 6, count: 2 },
    { name: "words_total", help: "Words.", type: "counter", labels: { language: "l0" }, value: 0 },
  ]);
  assert.deepEqual([iris.length, more], [200, 301]);
  const names: string[] = [];
  for (let i = 0; i < 10; i++) {
    fixture.recent.tick();
    names.push(...(await follower.next())!.map(({ name }) => name));
  }
  assert.equal(names.filter((name) => name === "scripts").length, 2);
  await follower.leave();
});

Deno.test("a reader gets values of scripts that JSON can't have as texts, whatever the model's name", async () => {
  using fixture = new Fixture("constructor");
  fixture.script = [{
    name: "loss",
    help: "",
    type: "gauge",
    values: [[{ of: "a" }, NaN], [{ of: "b" }, Infinity], [{ of: "c" }, -Infinity], [{ of: "d" }, 0.5]],
  }];
  const follower = fixture.follow();
  const [, scripts] = await follower.take(2);
  const values = scripts!.data.models.constructor.map(({ value }: { value: unknown }) => value);
  assert.deepEqual(values, ["NaN", "Infinity", "-Infinity", 0.5]);
  await follower.leave();
});

Deno.test("endStreams() ends the streams that are open, whose readers may come back", async () => {
  using fixture = new Fixture();
  const follower = fixture.follow();
  await follower.take(2);
  const end = follower.next();
  fixture.recent.endStreams();
  assert.equal(await end, undefined);
  const again = fixture.follow(follower.id);
  assert.equal((await again.next())![0]!.data.resumed, true);
  await again.leave();
});

Deno.test("the streams end with the server", async () => {
  using fixture = new Fixture();
  const follower = fixture.follow();
  await follower.take(2);
  const end = follower.next();
  fixture.recent[Symbol.dispose]();
  assert.equal(await end, undefined);
  assert.equal(fixture.recent.follow({ logs: true }), undefined);
});

Deno.test("log lines hide secrets as the log does, have no control sequences, and keep the end of a traceback", async () => {
  using fixture = new Fixture();
  fixture.log("fetching https://me:secret@example.com/x", {}, "serve");
  fixture.log("\x1b[31mred\x1b[0m", { line: "\x1b[31mred\x1b[0m", worker: "a/1", request_id: "r-1" });
  fixture.log("failed", { traceback: `${"x".repeat(20_000)}ValueError: the end`, worker: 1 }, "supervisor");
  const follower = fixture.follow();
  const [, , log] = await follower.take(3);
  const [first, second, third] = log!.data.lines;
  assert.equal(first.text, "fetching https://****@example.com/x");
  assert.deepEqual([second.text, second.worker, second.request], ["red", "a/1", "r-1"]);
  assert.ok(third.traceback.length < 10_000 && third.traceback.endsWith("ValueError: the end"));
  await follower.leave();
});
