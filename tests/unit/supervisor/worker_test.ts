import assert from "node:assert/strict";
import type { OutputSink } from "../../../src/bridge/mod.ts";
import type { Job, Outcome } from "../../../src/supervisor/job.ts";
import type { ScriptMetric } from "../../../src/supervisor/script_report.ts";
import { Worker, type WorkerOptions } from "../../../src/supervisor/worker.ts";
import type { Death, WorkerEvents } from "../../../src/supervisor/worker_events.ts";
import { text, utf8 } from "../helper/bytes.ts";
import { settled, until } from "../helper/deadline.ts";
import { fakeEnv } from "../helper/env.ts";
import { fakePython, noAssets, shellPython } from "../helper/fake_python.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** A worker, and the events that it reported. */
class Fixture implements Disposable {
  readonly directory: TempDir;
  readonly worker: Worker;
  readonly outcomes: [name: string, outcome: Outcome][] = [];
  /** The reported output, with `null` for its end. */
  readonly output: (string | null)[] = [];
  rooms = 0;
  /** The names of the jobs that were taken back. */
  readonly returned: string[] = [];
  readonly worn: string[] = [];
  readonly metrics: ScriptMetric[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #dead = Promise.withResolvers<{ death: Death; orphans: string[] }>();
  readonly #running: Promise<void>;

  constructor(directory: TempDir, python: string, options: Partial<WorkerOptions> = {}) {
    this.directory = directory;
    const events: WorkerEvents = {
      onReady: () => this.#ready.resolve(),
      onRoom: () => void this.rooms++,
      onWorn: (reason) => void this.worn.push(reason),
      onUsage: () => {},
      onScriptMetrics: (metrics) => void this.metrics.push(...metrics),
      onTakenBack: (jobs) => void this.returned.push(...jobs.map(({ body }) => text(body))),
      onDead: (death, orphans) => this.#dead.resolve({ death, orphans: orphans.map(({ body }) => text(body)) }),
    };
    const sink: OutputSink = Object.assign((bytes: Uint8Array) => void this.output.push(text(bytes)), {
      flush: () => void this.output.push(null),
    });
    this.worker = new Worker({
      python,
      assets: noAssets,
      env: fakeEnv(),
      maxBody: 1000,
      output: sink,
      config: { mode: "serve", script: "serve.py" },
      ...options,
    }, events);
    this.#running = this.worker.run();
  }

  /** Resolves when the worker is ready. */
  get ready(): Promise<void> {
    return settled(this.#ready.promise, "the worker to be ready");
  }

  /** Resolves when the worker is dead and `run()` has ended. */
  async dead(): Promise<{ death: Death; orphans: string[] }> {
    const end = await settled(this.#dead.promise, "the worker to be dead");
    await settled(this.#running, "run() to end");
    assert.equal(this.worker.dead, true);
    assert.equal(this.worker.ready, false);
    assert.equal(this.worker.load, 0);
    return end;
  }

  /** Dispatches jobs with these names; resolves when all have their outcomes. */
  dispatch(...names: string[]): Promise<unknown> {
    return Promise.all(names.map((name) =>
      new Promise<void>((resolve) => {
        const job: Job = {
          metadata: utf8('{"content_type":"a/b","accept":"*/*"}'),
          body: utf8(name),
          acceptedAt: 0,
          settle: (outcome) => {
            this.outcomes.push([name, outcome]);
            resolve();
          },
        };
        this.worker.dispatch(job);
      })
    ));
  }

  /** The same for jobs that get their outcomes while the worker lives. */
  async answered(...names: string[]): Promise<void> {
    await settled(this.dispatch(...names), "the outcomes");
  }

  [Symbol.dispose](): void {
    this.directory[Symbol.dispose]();
  }
}

/** A worker whose process runs `main`. */
function start<Data>(
  main: Parameters<typeof fakePython<Data>>[1],
  data?: Data,
  options?: Partial<WorkerOptions>,
): Fixture {
  const directory = new TempDir();
  return new Fixture(directory, fakePython(directory, main, data), options);
}

const lost = (cause: string): Outcome => ({ kind: "lost", cause });
const KILLED = "signal SIGKILL (by the system when memory runs out, or by somebody)";
const FORCED = "it did not end in time, and was killed";

for (
  const [what, ready, length, told] of [
    ["in the metadata when its script can ask", { head: true }, 40_000, ["5: 40000"]],
    ["in a frame of its own when it is longer than metadata", { head: true, window: 2 }, 65_534, ["14: 65534", "5: 0"]],
    ["not at all when its script can't ask", {}, 40_000, ["5: 0"]],
  ] as const
) {
  Deno.test(`a worker gets the head of a request ${what}`, async () => {
    using fixture = start(async (FakeBridge, ready) => {
      const [bridge] = await FakeBridge.begin();
      await bridge.send(bridge.kind.ready, 0, ready);
      const told: string[] = [];
      for (;;) {
        const { kind, id, body, lines } = await bridge.receive();
        // A HEAD frame has the head as its body; INVOKE has it from the third line of its metadata on.
        told.push(`${kind}: ${kind === 14 ? body.length : lines[2]?.length ?? 0}`);
        if (kind === bridge.kind.invoke) await bridge.send(bridge.kind.result, id, {}, told.splice(0).join());
      }
    }, ready);
    await fixture.ready;
    let asked = 0;
    const head = () => {
      asked++;
      return new Uint8Array(length).fill(65);
    };
    await settled(
      new Promise<void>((resolve) =>
        fixture.worker.dispatch({
          metadata: utf8("{}"),
          context: "{}",
          head,
          body: utf8("body"),
          acceptedAt: 0,
          settle: (outcome) => {
            fixture.outcomes.push(["", outcome]);
            resolve();
          },
        })
      ),
      "the outcome",
    );
    const [[, outcome]] = fixture.outcomes as [[string, Outcome & { kind: "result" }]];
    assert.equal(text(outcome.body), told.join());
    assert.equal(asked, "head" in ready ? 1 : 0);
    fixture.worker.stop(AbortSignal.abort());
    await fixture.dead();
  });
}

/** The outcome of a request with a whole answer. */
function whole(body: string, contentType: string): Outcome {
  return { kind: "result", contentType, body: utf8(body), lease: undefined, times: undefined };
}

Deno.test("a worker returns results with their content types, and stops when asked", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge, config] = await FakeBridge.begin();
    if (config["script"] !== "serve.py") Deno.exit(9);
    await bridge.send(bridge.kind.ready);
    const types = [{ content_type: "text/csv" }, { content_type: "text/csv" }, {}, { content_type: "image/png" }];
    for (let frame = await bridge.receive(); frame.kind !== bridge.kind.stop; frame = await bridge.receive()) {
      const body = `${new TextDecoder().decode(frame.body)} of ${frame.metadata["content_type"]}`;
      await bridge.send(bridge.kind.result, frame.id, types.shift(), body);
    }
    console.log("stopped");
  });
  const { worker } = fixture;
  assert.equal(worker.hasRoom, false);
  await fixture.ready;
  assert.ok(worker.pid! > 0);
  assert.equal(worker.hasRoom, true);
  for (const name of ["one", "two", "three", "four"]) {
    const outcome = fixture.answered(name);
    assert.equal(worker.load, 1);
    await outcome;
  }
  assert.deepEqual(
    fixture.outcomes.map(([, outcome]) => outcome.kind === "result" && [outcome.contentType, text(outcome.body)]),
    [
      ["text/csv", "one of a/b"],
      ["text/csv", "two of a/b"],
      ["application/octet-stream", "three of a/b"],
      ["image/png", "four of a/b"],
    ],
  );
  assert.equal(worker.load, 0);
  worker.stop(new AbortController().signal);
  assert.equal(worker.hasRoom, false);
  const { death, orphans } = await fixture.dead();
  assert.equal(death.stopped, true);
  assert.equal(death.cause, "exit code 0");
  assert.equal(death.loadError, undefined);
  assert.ok(death.readyMs > 0);
  assert.deepEqual(orphans, []);
  assert.deepEqual(fixture.output, ["stopped\n", null]);
  worker.stop(new AbortController().signal);
});

Deno.test("a job has the script's error as its outcome", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const { id } = await bridge.receive();
    await bridge.send(bridge.kind.error, id, {
      reason: "exception",
      stage: "predict",
      type: "KeyError",
      message: "'x'",
    });
    await bridge.receive();
  });
  await fixture.ready;
  await fixture.answered("a");
  assert.deepEqual(fixture.outcomes, [[
    "a",
    { kind: "error", error: { reason: "exception", stage: "predict", type: "KeyError", message: "'x'" } },
  ]]);
  fixture.worker.stop(AbortSignal.abort());
  assert.equal((await fixture.dead()).death.cause, FORCED);
});

Deno.test("a worker that can't execute anything more ends, and gives back what it has not begun", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const { id } = await bridge.receive();
    await bridge.send(bridge.kind.error, id, {
      reason: "exception",
      stage: "predict",
      type: "RuntimeError",
      message: "CUDA error",
      broken: "its device is lost",
    });
    for (let frame = await bridge.receive(); frame.kind !== bridge.kind.stop; frame = await bridge.receive()) {
      await bridge.send(bridge.kind.error, frame.id, { reason: "recalled", message: "" });
    }
    Deno.exit(3);
  });
  await fixture.ready;
  await fixture.answered("a");
  assert.equal(fixture.worker.ready, false);
  assert.equal(fixture.worker.hasRoom, false);
  const [[, outcome]] = fixture.outcomes as [[string, Outcome]];
  assert.equal(outcome.kind, "error");
  const { death } = await fixture.dead();
  assert.equal(death.cause, "its device is lost");
  assert.equal(death.stopped, false);
  assert.equal(death.overran, false);
  assert.equal(death.exit?.code, 3);
});

Deno.test("a worker that refuses a job because it can't execute anything does not get it again", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const { id } = await bridge.receive();
    await bridge.send(bridge.kind.error, id, { reason: "recalled", message: "", broken: "its device is lost" });
    while ((await bridge.receive()).kind !== bridge.kind.stop);
    Deno.exit(3);
  });
  await fixture.ready;
  void fixture.dispatch("a");
  const { death } = await fixture.dead();
  assert.equal(death.cause, "its device is lost");
  assert.deepEqual(fixture.outcomes, []);
});

Deno.test("a worker reports room when it has answered", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const { id } = await bridge.receive();
    await bridge.send(bridge.kind.result, id);
    await bridge.receive();
    Deno.exit(0);
  });
  await fixture.ready;
  assert.equal(fixture.rooms, 0);
  await fixture.answered("a");
  await Promise.resolve();
  assert.equal(fixture.worker.hasRoom, true);
  assert.equal(fixture.rooms, 1);
  fixture.worker.stop(new AbortController().signal);
  await fixture.dead();
});

for (
  const [metadata, message] of [
    [{ stage: "check", type: "ScriptError", message: "The script lacks predict()" }, "The script lacks predict()"],
    [{ stage: "load", type: "OSError", message: "no weights" }, "load() raised OSError: no weights"],
    [{ stage: "import", type: "NameError", message: "x" }, "the script raised NameError: x"],
  ] as const
) {
  Deno.test(`a death has a loadError after FAILED at the stage ${metadata.stage}`, async () => {
    using fixture = start(async (FakeBridge, metadata) => {
      const [bridge] = await FakeBridge.begin();
      console.log("Traceback");
      await bridge.send(bridge.kind.failed, 0, metadata);
      Deno.exit(1);
    }, metadata);
    const { death } = await fixture.dead();
    assert.equal(death.loadError?.name, "ScriptError");
    assert.equal(death.loadError.message, message);
    assert.equal(death.cause, message);
    assert.equal(death.readyMs, 0);
    assert.deepEqual(fixture.output, ["Traceback\n", null], "What it printed was told before its end");
  });
}

Deno.test("a death has the exit code of a process that ends before it is ready", async () => {
  using fixture = start(async (FakeBridge) => {
    await FakeBridge.begin();
    Deno.exit(5);
  });
  const { death } = await fixture.dead();
  const { exit, ...rest } = death;
  assert.deepEqual(rest, { cause: "exit code 5", readyMs: 0, stopped: false, overran: false, requests: [] });
  assert.deepEqual([exit?.code, exit?.signal], [5, null]);
});

Deno.test("a death has the reason why Python can't be started", async () => {
  const directory = new TempDir();
  using fixture = new Fixture(directory, `${directory.path}/missing`);
  const { death } = await fixture.dead();
  assert.match(death.cause, /^Can't start the Python '.*\/missing': /);
  assert.equal(fixture.worker.pid, undefined);
});

Deno.test("all output of a Python that exits before it connects is shown", async () => {
  const directory = new TempDir();
  using fixture = new Fixture(directory, shellPython(directory, "echo 'No module named encodings' >&2; exit 1"));
  const { death } = await fixture.dead();
  assert.match(death.cause, /ended with exit code 1 before it was ready$/);
  assert.deepEqual(fixture.output, ["No module named encodings\n", null]);
});

Deno.test("the jobs of a killed worker are answered, finished, begun or never begun", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    for (let i = 0; i < 6; i++) await bridge.receive();
    await bridge.send(bridge.kind.result, 1, { content_type: "text/plain" }, "answered");
    bridge.note(4, [
      bridge.encode(bridge.kind.result, 1, { content_type: "text/plain" }, "answered"),
      bridge.encode(bridge.kind.result, 2, { content_type: "text/csv" }, "finished"),
      bridge.encode(bridge.kind.error, 3, { reason: "not_acceptable", message: "no" }),
    ]);
    await bridge.die();
  });
  await fixture.ready;
  void fixture.dispatch("a", "b", "c", "d", "e", "f");
  const { death, orphans } = await fixture.dead();
  assert.equal(death.cause, KILLED);
  assert.equal(death.stopped, false);
  assert.deepEqual(fixture.outcomes, [
    ["a", whole("answered", "text/plain")],
    ["b", whole("finished", "text/csv")],
    ["c", { kind: "error", error: { reason: "not_acceptable", message: "no" } }],
    ["d", lost(KILLED)],
  ]);
  // On a busy machine, the jobs may have been taken back before.
  assert.deepEqual([...fixture.returned, ...orphans], ["e", "f"]);
});

Deno.test("a large body is freed when its request is answered, and kept for another worker", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    for (let i = 0; i < 2; i++) await bridge.receive();
    bridge.note(1);
    await bridge.send(bridge.kind.result, 1);
    await bridge.die();
  });
  await fixture.ready;
  const bodies = ["a", "b"].map((name) => utf8(name.repeat(100_000)));
  for (const body of bodies) {
    fixture.worker.dispatch({ metadata: utf8("{}"), body, acceptedAt: 0, settle: () => {} });
  }
  const { orphans } = await fixture.dead();
  assert.equal(bodies[0]!.length, 0);
  assert.deepEqual(orphans, ["b".repeat(100_000)]);
});

Deno.test("finished requests of a worker that is held up are answered, and those not begun are taken back", async () => {
  using fixture = start(async (FakeBridge) => {
    const { bridge, early, recalled } = await FakeBridge.heldUp();
    if (recalled !== 5) Deno.exit(9);
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const answer of early) await bridge.write(answer);
    await bridge.send(bridge.kind.result, 3, { content_type: "text/plain" }, "3");
    for (const id of [4, 5]) await bridge.send(bridge.kind.error, id, { reason: "recalled", message: "" });
    const { id, body } = await bridge.receive();
    await bridge.send(bridge.kind.result, id, {}, body);
    await bridge.receive();
  });
  await fixture.ready;
  void fixture.dispatch("a", "b", "c", "d", "e");
  await until(() => fixture.returned.length > 0, "jobs to come back");
  assert.deepEqual(fixture.outcomes.map(([name]) => name), ["a", "b"]);
  assert.deepEqual(fixture.returned, ["d", "e"]);
  assert.deepEqual([fixture.worker.load, fixture.worker.hasRoom], [1, false]);
  await until(() => fixture.worker.hasRoom, "the worker to have room again");
  assert.deepEqual(fixture.outcomes.map(([name]) => name), ["a", "b", "c"]);
  assert.ok(fixture.rooms > 0);
  await fixture.answered("f");
  fixture.worker.stop(new AbortController().signal);
  assert.deepEqual((await fixture.dead()).orphans, []);
  assert.deepEqual(fixture.returned, ["d", "e"], "once");
});

Deno.test("a request that seemed to be begun is handed back when its worker answers that it was recalled", async () => {
  using fixture = start(async (FakeBridge) => {
    const { bridge, early } = await FakeBridge.heldUp();
    for (const answer of early) await bridge.write(answer);
    await bridge.send(bridge.kind.result, 3, { content_type: "text/plain" }, "3");
    // The worker has recorded that it begins the fourth one, and then found that it is recalled.
    bridge.note(4);
    for (const id of [4, 5]) await bridge.send(bridge.kind.error, id, { reason: "recalled", message: "" });
    await bridge.receive();
  });
  await fixture.ready;
  void fixture.dispatch("a", "b", "c", "d", "e");
  await until(() => fixture.returned.length === 2 && fixture.outcomes.length === 3, "jobs to come back, and answers");
  assert.deepEqual(fixture.returned, ["d", "e"]);
  assert.deepEqual(fixture.outcomes.map(([name]) => name), ["a", "b", "c"]);
  assert.equal(fixture.worker.load, 0);
  fixture.worker.stop(AbortSignal.abort());
  await fixture.dead();
});

Deno.test("a request that a dead worker had found recalled counts as never begun", async () => {
  using fixture = start(async (FakeBridge) => {
    const { bridge, early } = await FakeBridge.heldUp();
    const result = bridge.encode(bridge.kind.result, 3, {}, "3");
    bridge.note(4, [...early, result, bridge.encode(bridge.kind.error, 4, { reason: "recalled", message: "" })]);
    await bridge.die();
  });
  await fixture.ready;
  void fixture.dispatch("a", "b", "c", "d", "e");
  const { orphans } = await fixture.dead();
  // There may have been another check before.
  assert.deepEqual([...fixture.returned, ...orphans].sort(), ["d", "e"]);
  assert.deepEqual(fixture.outcomes.map(([name, { kind }]) => `${name} ${kind}`), ["a result", "b result", "c result"]);
});

Deno.test("a recalled request is handed back even if its worker then breaks the protocol", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    for (let i = 0; i < 3; i++) await bridge.receive();
    // No check takes the second one back, since it seems to have begun.
    bridge.note(2);
    await bridge.recalled();
    const result = bridge.encode(bridge.kind.result, 1, {}, "1");
    const recalled = bridge.encode(bridge.kind.error, 2, { reason: "recalled", message: "" });
    // One write, which the supervisor reads at once.
    await bridge.write(new Uint8Array([result, recalled, bridge.encode(99)].flatMap((frame) => [...frame])));
    await bridge.receive();
  });
  await fixture.ready;
  void fixture.dispatch("a", "b", "c");
  const { death, orphans } = await fixture.dead();
  assert.match(death.cause, /broke the protocol/);
  assert.deepEqual([...fixture.returned, ...orphans].sort(), ["b", "c"]);
  assert.deepEqual(fixture.outcomes.map(([name, { kind }]) => `${name} ${kind}`), ["a result"]);
});

/** Returns all parts of an outcome, followed by the failure if there was one. */
async function partsOf(outcome: Outcome): Promise<(string | Outcome)[]> {
  assert.ok(outcome.kind === "parts");
  const all: (string | Outcome)[] = [];
  for (let part = await outcome.parts.next(); part !== undefined; part = await outcome.parts.next()) {
    if (!(part instanceof Uint8Array)) return [...all, part];
    all.push(text(part));
  }
  return all;
}

Deno.test("an answer in parts follows its parts when the worker is held up after it", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    for (let i = 0; i < 3; i++) await bridge.receive();
    const end = bridge.encode(bridge.kind.result, 1, { parts: 2 });
    // The end is visible in the ledger while the parts are on their way. All three have begun, and none can be taken back.
    bridge.note(3, [end]);
    await bridge.recalled();
    for (const part of ["a", "b"]) await bridge.send(bridge.kind.part, 1, { content_type: "text/plain" }, part);
    await bridge.write(end);
    for (const id of [2, 3]) await bridge.send(bridge.kind.result, id);
    while ((await bridge.receive()).kind !== bridge.kind.stop);
  });
  await fixture.ready;
  await fixture.answered("a", "b", "c");
  assert.deepEqual(await settled(partsOf(fixture.outcomes.find(([name]) => name === "a")![1]), "the parts"), [
    "a",
    "b",
  ]);
  fixture.worker.stop(new AbortController().signal);
  assert.equal((await fixture.dead()).death.cause, "exit code 0");
});

for (
  const [what, sent, parts, dies] of [
    ["fewer parts came than its answer says", 1, 2, false],
    ["more parts came than its answer says", 3, 2, false],
    ["no parts came, and its answer says that there are some", 0, 2, false],
    ["its answer does not say that it has parts", 2, undefined, false],
    ["it died before its parts came, and its answer is in the ledger", 1, 2, true],
    ["it died before any of its parts came, and its answer is in the ledger", 0, 2, true],
  ] as const
) {
  Deno.test(`a worker's request is lost when ${what}`, async () => {
    using fixture = start(async (FakeBridge, { sent, parts, dies }) => {
      const [bridge] = await FakeBridge.begin();
      await bridge.send(bridge.kind.ready);
      const { id } = await bridge.receive();
      for (let i = 0; i < sent; i++) await bridge.send(bridge.kind.part, id, {}, `${i}`);
      const end = bridge.encode(bridge.kind.result, id, parts === undefined ? {} : { parts });
      bridge.note(id, dies ? [end] : []);
      if (dies) await bridge.die();
      await bridge.write(end);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }, { sent, parts, dies });
    await fixture.ready;
    void fixture.dispatch("a");
    const { death } = await fixture.dead();
    if (dies) assert.equal(death.cause, KILLED);
    else assert.match(death.cause, /^it broke the protocol: An answer announced .* parts, but \d arrived$/);
    const [[, outcome]] = fixture.outcomes as [[string, Outcome]];
    const last = outcome.kind === "parts" ? (await partsOf(outcome)).at(-1) : outcome;
    assert.deepEqual(last, lost("its answer could not be read"));
  });
}

Deno.test("no job counts as begun when the one that the worker began last is answered", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    for (let i = 0; i < 3; i++) await bridge.receive();
    bridge.note(1);
    await bridge.send(bridge.kind.result, 1);
    Deno.exit(3);
  });
  await fixture.ready;
  void fixture.dispatch("a", "b", "c");
  const { death, orphans } = await fixture.dead();
  assert.equal(death.cause, "exit code 3");
  assert.deepEqual(fixture.outcomes.map(([name, { kind }]) => [name, kind]), [["a", "result"]]);
  // On a busy machine, the jobs may have been taken back before.
  assert.deepEqual([...fixture.returned, ...orphans], ["b", "c"]);
});

Deno.test("all jobs have outcomes when an answer in a dead worker's ledger is damaged", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    for (let i = 0; i < 3; i++) await bridge.receive();
    bridge.note(2, [
      bridge.encode(bridge.kind.result, 1, "not JSON"),
      bridge.encode(bridge.kind.result, 2, {}, "good"),
    ]);
    await bridge.die();
  });
  await fixture.ready;
  void fixture.dispatch("a", "b", "c");
  const { death, orphans } = await fixture.dead();
  assert.equal(death.cause, KILLED);
  // On a busy machine, the intact answers may have been delivered, and the other jobs taken back, before.
  assert.deepEqual(fixture.outcomes.toSorted(([a], [b]) => a < b ? -1 : 1), [
    ["a", lost("its answer could not be read")],
    ["b", whole("good", "application/octet-stream")],
  ]);
  assert.deepEqual([...fixture.returned, ...orphans], ["c"]);
});

Deno.test("a worker that is killed within a frame counts as killed by the signal", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const { id } = await bridge.receive();
    bridge.note(id);
    await bridge.write(bridge.encode(bridge.kind.result, id, {}, "half of it is missing").subarray(0, 20));
    await bridge.die();
  });
  await fixture.ready;
  void fixture.dispatch("a", "b");
  const { death, orphans } = await fixture.dead();
  assert.equal(death.cause, KILLED);
  assert.deepEqual(fixture.outcomes, [["a", lost(KILLED)]]);
  // On a busy machine, the job may have been taken back before.
  assert.deepEqual([...fixture.returned, ...orphans], ["b"]);
});

for (
  const [what, kind, id, metadata, message] of [
    ["answers what it was not asked", 6, 99, "", "An answer to request 99, which the worker does not have"],
    ["answers twice", 6, 1, "", "An answer to request 1, which the worker does not have"],
    ["sends a frame that is not for it to send", 5, 0, "", "A serving worker does not send frames of kind 5"],
    ["sends no kind of frame", 77, 0, "", "A frame has the unknown kind 77"],
    ["sends metadata that does not parse", 6, 2, "{", "The metadata of a frame does not parse as JSON"],
  ] as const
) {
  Deno.test(`a worker is killed, with the reason as its cause of death, when it ${what}`, async () => {
    using fixture = start(async (FakeBridge, { kind, id, metadata }) => {
      const [bridge] = await FakeBridge.begin();
      await bridge.send(bridge.kind.ready);
      await bridge.receive();
      await bridge.receive();
      await bridge.send(bridge.kind.result, 1);
      bridge.note(2);
      await bridge.send(kind, id, metadata);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }, { kind, id, metadata });
    await fixture.ready;
    const outcomes = fixture.answered("a", "b");
    const { death } = await fixture.dead();
    await outcomes;
    assert.equal(death.cause, `it broke the protocol: ${message}`);
    assert.equal(fixture.outcomes[0]![1].kind, "result");
    assert.equal(fixture.outcomes[1]![1].kind, "lost");
  });
}

Deno.test("a worker that closes its connection within a frame and lives on is killed", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const { id } = await bridge.receive();
    bridge.note(id);
    await bridge.write(bridge.encode(bridge.kind.result, id, {}, "half").subarray(0, 14));
    bridge.close();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  await fixture.ready;
  await fixture.answered("a");
  const { death } = await fixture.dead();
  assert.equal(death.cause, "it broke the protocol: The stream of a worker ended within a frame");
});

Deno.test("a worker that closes its connection between two frames and lives on is killed", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    bridge.note((await bridge.receive()).id);
    bridge.close();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  await fixture.ready;
  await fixture.answered("a");
  const { death } = await fixture.dead();
  assert.equal(death.cause, "it broke the protocol: The worker closed its connection and did not end");
});

Deno.test("stop() lets a worker answer its jobs, and kills it when the signal is aborted", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const first = await bridge.receive();
    await bridge.receive();
    while ((await bridge.receive()).kind !== bridge.kind.stop);
    bridge.note(2);
    await bridge.send(bridge.kind.result, first.id);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  await fixture.ready;
  const aborter = new AbortController();
  const first = fixture.answered("a");
  void fixture.dispatch("b");
  fixture.worker.stop(aborter.signal);
  await first;
  aborter.abort();
  const { death } = await fixture.dead();
  assert.equal(death.stopped, false);
  assert.equal(death.cause, FORCED);
  assert.deepEqual(fixture.outcomes.map(([name, { kind }]) => [name, kind]), [["a", "result"], ["b", "lost"]]);
});

Deno.test("stop() ends a worker at once while it is loading", async () => {
  using fixture = start(async (FakeBridge) => {
    await FakeBridge.begin();
    console.log("loading");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  while (!fixture.output.includes("loading\n")) await new Promise((resolve) => setTimeout(resolve, 1));
  fixture.worker.stop(new AbortController().signal);
  const { death } = await fixture.dead();
  assert.equal(death.stopped, true);
});

Deno.test("stop() ends a worker that has not connected yet", async () => {
  using fixture = start(async (FakeBridge) => {
    await FakeBridge.begin();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  fixture.worker.stop(new AbortController().signal);
  const { death } = await fixture.dead();
  assert.equal(death.stopped, true);
});

Deno.test("a dead worker gets no signal when the signal of stop() is aborted later", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    await bridge.receive();
  });
  await fixture.ready;
  const aborter = new AbortController();
  fixture.worker.stop(aborter.signal);
  await fixture.dead();
  const sent: number[] = [];
  const { kill } = Deno;
  Deno.kill = (pid) => void sent.push(pid);
  try {
    aborter.abort();
  } finally {
    Deno.kill = kill;
  }
  assert.deepEqual(sent, []);
});

for (
  const [what, startupTimeoutMs, end, cause] of [
    [
      "stop()",
      60_000,
      (worker: Worker) => worker.stop(new AbortController().signal),
      "It was stopped before it had started",
    ],
    ["--startup-timeout", 500, () => {}, "it was not ready within --startup-timeout 0.5"],
  ] as const
) {
  Deno.test(`${what} ends a worker whose Python does not connect`, async () => {
    const directory = new TempDir();
    const python = shellPython(directory, `touch '${directory.path}/started'; exec sleep 60`);
    using fixture = new Fixture(directory, python, { startupTimeoutMs });
    await until(() => directory.list().includes("started"), "it has started");
    end(fixture.worker);
    assert.equal((await fixture.dead()).death.cause, cause);
  });
}

Deno.test("a worker is given up when SIGKILL does not end it", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  await fixture.ready;
  void fixture.dispatch("a");
  const pid = fixture.worker.pid!;
  const { kill } = Deno;
  Deno.kill = () => {
    throw new Deno.errors.PermissionDenied("Operation not permitted (os error 1)");
  };
  try {
    fixture.worker.stop(AbortSignal.abort());
    const { death, orphans } = await fixture.dead();
    assert.equal(death.cause, "SIGKILL did not end it");
    // The worker may still begin the job: no other worker may execute it.
    assert.deepEqual(orphans, []);
    assert.deepEqual(fixture.outcomes, [["a", lost("SIGKILL did not end it")]]);
  } finally {
    Deno.kill = kill;
    kill(-pid, "SIGKILL");
  }
  await until(() => !exists(`/proc/${pid}`), "it is gone");
});

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a worker is killed when it is not ready in time", async () => {
  using fixture = start(
    async (FakeBridge) => {
      await FakeBridge.begin();
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    },
    null,
    { startupTimeoutMs: 200 },
  );
  const { death } = await fixture.dead();
  assert.equal(death.cause, "it was not ready within --startup-timeout 0.2");
  assert.equal(death.overran, false);
});

Deno.test("a worker is killed when a request takes too long, and jobs that it had not begun are handed back", async () => {
  using fixture = start(
    async (FakeBridge) => {
      const [bridge] = await FakeBridge.begin();
      await bridge.send(bridge.kind.ready);
      for (let id = 1; id <= 2; id++) {
        await bridge.receive();
        bridge.note(id);
        // Together they take longer than the limit for one, but each of them does not.
        await new Promise((resolve) => setTimeout(resolve, 200));
        await bridge.send(bridge.kind.result, id);
      }
      bridge.note(3);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    },
    null,
    { requestTimeoutMs: 300, startupTimeoutMs: 60_000 },
  );
  await fixture.ready;
  await fixture.answered("a");
  await fixture.answered("b");
  void fixture.dispatch("c", "d");
  const { death, orphans } = await fixture.dead();
  assert.equal(death.cause, "a request overran --request-timeout 0.3");
  assert.equal(death.overran, true);
  assert.deepEqual(fixture.outcomes.map(([name, { kind }]) => [name, kind]), [
    ["a", "result"],
    ["b", "result"],
    ["c", "overran"],
  ]);
  assert.deepEqual(fixture.outcomes[2]![1], { kind: "overran", limitMs: 300 });
  assert.deepEqual([...fixture.returned, ...orphans], ["d"]);
});

Deno.test("a busy worker is asked for its usage once, however often askUsage() is called", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const asked: number[] = [];
    for (let frame = await bridge.receive(); frame.kind !== bridge.kind.stop; frame = await bridge.receive()) {
      asked.push(frame.kind);
      if (frame.kind === bridge.kind.invoke) await bridge.send(bridge.kind.stats, 0, { rss: 1, cpu: asked.length });
    }
    console.log(asked.join());
  });
  await fixture.ready;
  const asking = Array.from({ length: 100 }, () => fixture.worker.askUsage());
  void fixture.dispatch("a");
  await settled(Promise.all(asking), "its usage");
  void fixture.worker.askUsage();
  fixture.worker.stop(new AbortController().signal);
  await fixture.dead();
  assert.deepEqual(fixture.output, ["10,5,10\n", null]);
});

Deno.test("a worker is worn when it has answered enough requests, or uses too much memory", async () => {
  using fixture = start(
    async (FakeBridge) => {
      const [bridge] = await FakeBridge.begin();
      await bridge.send(bridge.kind.ready);
      await bridge.send(bridge.kind.stats, 0, { rss: 50 * 2 ** 20, cpu: 1.5 });
      for (let id = 1; id <= 3; id++) await bridge.send(bridge.kind.result, (await bridge.receive()).id);
      await bridge.send(bridge.kind.stats, 0, { rss: 150.4 * 2 ** 20, cpu: 2.5 });
      await bridge.receive();
      Deno.exit(0);
    },
    null,
    { maxRequests: 2, maxMemory: 100 * 2 ** 20 },
  );
  await fixture.ready;
  await fixture.answered("a");
  assert.deepEqual(fixture.worn, []);
  assert.deepEqual(fixture.worker.usage, { rss: 50 * 2 ** 20, cpu: 1.5, times: {} });
  await fixture.answered("b");
  await fixture.answered("c");
  await until(() => fixture.worn.length >= 3, "it says so three times");
  // Answers are counted after all frames of the same read were handled.
  assert.deepEqual(fixture.worn.toSorted(), [
    "it has answered 2 requests",
    "it has answered 3 requests",
    "it uses 150 MiB of memory",
  ]);
  assert.equal(fixture.worker.usage?.cpu, 2.5);
  fixture.worker.stop(new AbortController().signal);
  await fixture.dead();
});
