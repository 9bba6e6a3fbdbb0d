import assert from "node:assert/strict";
import { Model, type ModelEvents } from "../../../src/supervisor/model.ts";
import { Models } from "../../../src/supervisor/models.ts";
import { Pool } from "../../../src/supervisor/pool.ts";
import { utf8 } from "../helper/bytes.ts";
import { FakeClock } from "../helper/fake_clock.ts";
import { FakeWorker } from "../helper/fake_worker.ts";
import { CapturedLogs } from "../helper/logs.ts";

/** Makes models on a fake clock, and keeps their pools and events. */
class Source implements Disposable {
  readonly clock = new FakeClock();
  readonly logs = new CapturedLogs();
  readonly pools: FakeWorker[][] = [];
  opened = 0;
  disposed = 0;
  /** Ends the current opening. */
  finishOpening: (() => void) | undefined;
  readonly events: string[] = [];
  readonly modelEvents: ModelEvents = {
    onReady: ({ name }) => this.events.push(`${name} ready`),
    onFailed: ({ name }, error) => this.events.push(`${name} failed: ${(error as Error).message}`),
  };

  /** @param slow whether an opening waits for {@linkcode finishOpening} */
  constructor(
    readonly options: { readonly size?: number; readonly maxRestarts?: number; readonly slow?: boolean } = {},
  ) {}

  named(name: string) {
    const files = { python: "python3", module: "/module", script: "/module/serve.py", modelDir: "/model" };
    return {
      name,
      label: files.script,
      open: async () => {
        this.opened++;
        if (this.options.slow) await new Promise<void>((resolve) => this.finishOpening = resolve);
        const facts = () => ({ script: "serve.py" });
        return { ...files, facts, [Symbol.dispose]: () => this.disposed++ };
      },
    };
  }

  /** A model that was started. */
  async model(): Promise<Model> {
    const model = new Model(this.named("m"), this.createPool, this.modelEvents);
    model.start();
    await turn();
    return model;
  }

  readonly createPool = (): Pool => {
    const workers: FakeWorker[] = [];
    this.pools.push(workers);
    const { size = 1, maxRestarts = 20 } = this.options;
    return new Pool({
      size,
      maxRestarts,
      createWorker: (index, events) => {
        const worker = new FakeWorker(index, events, 1);
        workers.push(worker);
        return worker;
      },
    });
  };

  [Symbol.dispose](): void {
    this.clock[Symbol.dispose]();
    this.logs[Symbol.dispose]();
  }
}

/** Lets pending promises continue. */
const turn = async () => {
  for (let i = 0; i < 30; i++) await Promise.resolve();
};

const call = { metadata: utf8("{}"), body: utf8("x") };

Deno.test("reload() creates one pool, however often it is called while a failed model is opened again", async () => {
  using source = new Source({ slow: true });
  const model = await source.model();
  source.finishOpening!();
  await turn();
  source.pools[0]![0]!.die({ cause: "exit code 1" });
  await turn();
  assert.equal(model.state, "failed");
  void model.reload();
  await turn();
  const later = [model.reload(), model.reload(), model.reload()];
  source.finishOpening!();
  await turn();
  assert.deepEqual([source.opened, source.pools.length], [2, 2]);
  const [second] = source.pools[1]!;
  second!.becomeReady();
  await turn();
  assert.deepEqual(source.events, ["m failed: The worker died while loading: exit code 1", "m ready"]);
  assert.equal(source.pools[1]!.length, 2, "The reloads that came meanwhile are one, of the pool that is there");
  source.pools[1]![1]!.becomeReady();
  await Promise.all(later);
  assert.deepEqual([source.opened, source.pools.length, source.pools[1]!.length], [2, 2, 2]);
});

Deno.test("a worker that becomes ready after its pool has failed does not make the model ready", async () => {
  using source = new Source({ size: 2 });
  const model = await source.model();
  const [one, other] = source.pools[0]!;
  one!.die({ cause: "exit code 1" });
  await turn();
  other!.becomeReady();
  await turn();
  assert.equal(model.state, "failed");
  assert.deepEqual(source.events, ["m failed: The worker died while loading: exit code 1"]);
  assert.deepEqual(await model.invoke(call), { kind: "refused", cause: "failed" });
});

Deno.test("a failed pool is opened again only after it has ended", async () => {
  using source = new Source({ size: 2, maxRestarts: 0 });
  const model = await source.model();
  const [one, other] = source.pools[0]!;
  one!.becomeReady();
  other!.becomeReady();
  await turn();
  one!.die();
  await turn();
  assert.equal(model.state, "failed");
  const reloaded = model.reload();
  await turn();
  assert.deepEqual([source.opened, source.disposed], [1, 0]);
  other!.die({ stopped: true });
  await turn();
  assert.deepEqual([source.opened, source.disposed], [2, 1]);
  source.pools[1]!.forEach((worker) => worker.becomeReady());
  await reloaded;
  assert.equal(model.state, "ready");
});

Deno.test("a reload during the first load follows it, and gives up a load that hangs", async () => {
  using source = new Source();
  const model = await source.model();
  source.clock.advance(59_000);
  const reloaded = model.reload();
  await turn();
  assert.equal(source.pools.length, 1);
  source.clock.advance(1000);
  await turn();
  const [hung] = source.pools[0]!;
  assert.ok(hung!.stopSignal?.aborted);
  assert.equal(model.state, "loading");
  hung!.die({ stopped: true });
  await turn();
  source.pools[1]![0]!.becomeReady();
  await reloaded;
  assert.deepEqual(source.events, ["m ready"]);
  assert.deepEqual(source.logs.lines.slice(0, 1), [
    "WARNING Loading the model 'm' again: it was not ready within 60 s, and a reload waits",
  ]);
  assert.deepEqual(source.clock.pending, []);
});

Deno.test("stop() ends a model in each state, and opens nothing more", async () => {
  using source = new Source({ size: 2 });
  const model = await source.model();
  void model.reload();
  const stopped = model.stop(new AbortController().signal);
  void model.reload();
  for (const worker of source.pools[0]!) worker.die({ stopped: true });
  await stopped;
  assert.deepEqual([source.opened, source.disposed, source.pools.length], [1, 1, 1]);
  assert.equal(model.state, "stopping");
  assert.deepEqual(source.clock.pending, []);
});

Deno.test("models are reloaded at the same time", async () => {
  using source = new Source();
  const models = new Models([source.named("a"), source.named("b")], source.createPool, () => {});
  models.start();
  await turn();
  for (const [worker] of source.pools) worker!.becomeReady();
  await turn();
  const reloaded = models.reload();
  await turn();
  assert.deepEqual(source.pools.map((workers) => workers.length), [2, 2]);
  for (const [, worker] of source.pools) worker!.becomeReady();
  await reloaded;
});
