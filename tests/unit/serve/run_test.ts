import assert from "node:assert/strict";
import { serve, type ServeConfig } from "../../../src/serve/mod.ts";
import { settled, until } from "../helper/deadline.ts";
import { fakeEnv } from "../helper/env.ts";
import { fakePython, noAssets } from "../helper/fake_python.ts";
import { CapturedLogs } from "../helper/logs.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** A serving run whose workers run `main` with the path of a directory. */
class Fixture implements Disposable {
  readonly directory = new TempDir();
  readonly logs = new CapturedLogs();
  readonly stop = new AbortController();
  readonly force = new AbortController();
  readonly ended: Promise<void>;
  /** Reloads, as SIGHUP does. */
  reload: (() => void) | undefined;

  constructor(main: Parameters<typeof fakePython<string>>[1], config: Partial<ServeConfig> = {}) {
    const python = fakePython(this.directory, main, this.directory.path);
    const files = { python, module: "/module", script: "/module/serve.py", modelDir: "/model" };
    const running = serve({
      models: [{
        name: "module",
        label: files.script,
        open: () => Promise.resolve({ ...files, facts: () => ({ script: "serve.py" }) }),
      }],
      host: "127.0.0.1",
      port: 0,
      maxBody: 1000,
      maxAnswer: 2000,
      uriListHosts: [],
      allowHosts: [],
      cors: [],
      drainTimeoutMs: 60_000,
      workers: [{}],
      queueSize: 100,
      queueTimeoutMs: 30_000,
      maxRestarts: 20,
      reload: false,
      maxBatchSize: 32,
      concurrency: 32,
      threads: 1,
      readTimeoutMs: 60_000,
      ...config,
    }, {
      assets: noAssets,
      env: fakeEnv(),
      stop: this.stop.signal,
      force: this.force.signal,
      onReload: (handler) => {
        this.reload = handler;
        return { [Symbol.dispose]: () => this.reload = undefined };
      },
    });
    this.ended = settled(running, "the end of serve()");
    this.ended.catch(() => {});
  }

  /** Waits for a line of the log. */
  async logged(pattern: RegExp): Promise<RegExpExecArray> {
    await until(() => this.logs.lines.some((line) => pattern.test(line)), `${pattern} is logged`);
    return pattern.exec(this.logs.lines.find((line) => pattern.test(line))!)!;
  }

  async url(): Promise<string> {
    return (await this.logged(/^INFO Listening on (\S+);/))[1]!;
  }

  [Symbol.dispose](): void {
    this.logs[Symbol.dispose]();
    this.directory[Symbol.dispose]();
  }
}

/** Returns the status of an answer. */
async function statusOf(url: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
}

Deno.test("serve() answers /ping with 503 while the model is loading, and then with 200", async () => {
  using fixture = new Fixture(async (FakeBridge, path) => {
    const [bridge] = await FakeBridge.begin();
    while (![...Deno.readDirSync(path)].some(({ name }) => name === "go")) await new Promise((go) => setTimeout(go, 1));
    await bridge.send(bridge.kind.ready);
    await bridge.receive();
  });
  const url = await fixture.url();
  assert.equal(await statusOf(`${url}/ping`), 503);
  assert.equal(await statusOf(`${url}/health/live`), 200);
  assert.equal(await statusOf(`${url}/invocations`, { method: "POST", body: "x" }), 503);
  fixture.directory.write("go");
  await fixture.logged(/^INFO Ready: POST/);
  assert.equal(await statusOf(`${url}/ping`), 200);
  fixture.stop.abort();
  await fixture.ended;
});

Deno.test("serve() replaces a worker that dies, and logs its last output", async () => {
  using fixture = new Fixture(async (FakeBridge, path) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const { id, kind } = await bridge.receive();
    if (kind === bridge.kind.stop) return;
    bridge.note(id);
    if (![...Deno.readDirSync(path)].some(({ name }) => name === "died")) {
      Deno.writeTextFileSync(`${path}/died`, "");
      Deno.stdout.writeSync(new TextEncoder().encode("last words"));
      await bridge.die();
    }
    await bridge.send(bridge.kind.result, id);
    await bridge.receive();
  });
  const url = await fixture.url();
  await fixture.logged(/^INFO Ready/);
  const post = () => statusOf(`${url}/invocations`, { method: "POST", body: "x" });
  assert.equal(await post(), 502);
  assert.equal(await post(), 200);
  fixture.stop.abort();
  await fixture.ended;
  const { lines } = fixture.logs;
  const words = lines.indexOf("[worker 1] last words");
  const end = lines.findIndex((line) => /^ERROR Worker 1 died \(signal SIGKILL \(.*\)\); restarting in /.test(line));
  assert.ok(words >= 0 && words < end, lines.join("\n"));
});

Deno.test("serve() kills workers that take longer than the limit to stop", async () => {
  using fixture = new Fixture(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }, { drainTimeoutMs: 1 });
  await fixture.logged(/^INFO Ready/);
  fixture.stop.abort();
  await fixture.ended;
});

Deno.test("serve() ends when it is stopped before the model is loaded", async () => {
  using fixture = new Fixture(async (FakeBridge) => {
    await FakeBridge.begin();
    console.log("loading");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  await fixture.logged(/^\[worker 1\] loading$/);
  fixture.stop.abort();
  await fixture.ended;
});

Deno.test("serve() throws a ScriptError and stops listening when the script can't be loaded", async () => {
  using fixture = new Fixture(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.failed, 0, { stage: "check", type: "ScriptError", message: "It lacks predict()" });
    Deno.exit(1);
  });
  const url = await fixture.url();
  await assert.rejects(fixture.ended, { name: "ScriptError", message: "It lacks predict()" });
  await assert.rejects(fetch(url), TypeError);
});

Deno.test("serve() throws a UsageError without starting a worker when the port is in use", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using fixture = new Fixture(async (_, path) => await Deno.writeTextFile(`${path}/started`, ""), {
    port: listener.addr.port,
  });
  await assert.rejects(fixture.ended, { name: "UsageError" });
  assert.ok(!fixture.directory.list().includes("started"));
});
