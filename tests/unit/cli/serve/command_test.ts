import assert from "node:assert/strict";
import { resetSync } from "@logtape/logtape";
import { run } from "../../../../src/cli/program.ts";
import { settled, until } from "../../helper/deadline.ts";
import { FakeIo } from "../../helper/fake_io.ts";
import { fakePython, shellPython } from "../../helper/fake_python.ts";
import { TempDir } from "../../helper/temp_dir.ts";
import { VERSION } from "../../../../src/version.ts";

/** A module with a script, and a Python whose answers contain the request and the configuration of START. */
class Fixture implements Disposable {
  readonly directory = new TempDir();
  readonly modelDir = this.directory.folder("model");
  readonly python: string;
  readonly io: FakeIo;

  constructor(main: Parameters<typeof fakePython<null>>[1] = echo) {
    this.directory.write("module/serve.py");
    this.python = fakePython(this.directory, main, null);
    this.io = new FakeIo({ AIMODELLIB_PYTHON: this.python });
  }

  /** Starts `serve` with these arguments; returns its URL, and a promise for its exit code. */
  async serve(...words: string[]): Promise<{ url: string; code: Promise<number> }> {
    const code = settled(run(["serve", ...words], this.io), "the end of serve");
    const ready = / INFO Ready: POST (http:\S+)\/invocations\n/;
    await until(() => ready.test(this.io.err) || this.io.err.startsWith("Error"), "it is ready");
    const url = ready.exec(this.io.err)?.[1];
    assert.ok(url !== undefined, this.io.err);
    return { url, code };
  }

  [Symbol.dispose](): void {
    resetSync();
    this.directory[Symbol.dispose]();
  }
}

const echo: Parameters<typeof fakePython<null>>[1] = async (FakeBridge) => {
  const [bridge, config] = await FakeBridge.begin();
  console.log(`loading ${config["script"]}`);
  await bridge.send(bridge.kind.ready);
  for (let frame = await bridge.receive(); frame.kind !== bridge.kind.stop; frame = await bridge.receive()) {
    const answer = { ...config, asked: frame.metadata, body: new TextDecoder().decode(frame.body) };
    await bridge.send(bridge.kind.result, frame.id, { content_type: "application/json" }, JSON.stringify(answer));
  }
};

Deno.test("serve logs its URL and the script's output, answers, and returns 0 after SIGTERM", async () => {
  using fixture = new Fixture();
  const { directory, modelDir, io } = fixture;
  const { url, code } = await fixture.serve("--port", "0", `${directory.path}/module`, "serve.py", modelDir);
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal((await (await fetch(`${url}/ping`)).json()).status, "ready");
  const response = await fetch(`${url}/invocations`, { method: "POST", body: "one", headers: { accept: "x/y" } });
  assert.equal(response.headers.get("content-type"), "application/json");
  // Where the system shares memory, workers are told where.
  const { mark, memory = [], ...told } = await response.json();
  assert.match(mark, /^[0-9a-f]{32}$/);
  for (const [path] of memory) assert.match(path, /^\/proc\/\d+\/fd\/\d+$/);
  assert.deepEqual(told, {
    mode: "serve",
    module: `${directory.path}/module`,
    script: `${directory.path}/module/serve.py`,
    model_dir: modelDir,
    max_batch_size: 32,
    batch_timeout: 0,
    concurrency: 32,
    threads: 1,
    traced: false,
    max_body: 2 ** 32 - 1,
    max_answer: 2 ** 30,
    asked: { content_type: "text/plain;charset=UTF-8", accept: "x/y" },
    body: "one",
  });
  io.signal("SIGTERM");
  assert.equal(await code, 0);
  await assert.rejects(fetch(url), TypeError);
  assert.equal(io.out, "");
  assert.equal(io.listeners, 0);
  const lines = io.err.split("\n").map((line) => line.replace(/^\S+Z /, "").replace(/process \d+/, "process N"));
  const script = `${directory.path}/module/serve.py`;
  const python = `with Python 3.99.1 (${fixture.python})`;
  assert.equal(lines[0], `INFO Listening on ${url}; loading 'module', serve.py, ${python}; aimodellib ${VERSION}`);
  assert.deepEqual(lines.slice(1, 4).sort(), [
    "INFO Ready: POST " + url + "/invocations",
    "INFO Worker 1 is ready (process N)",
    `[worker 1] loading ${script}`,
  ]);
  assert.equal(lines[4], "INFO Stopping: requests in flight are finished first");
});

Deno.test("serve starts its Python once, which tells its version", async () => {
  using fixture = new Fixture();
  const { directory, modelDir, io } = fixture;
  const starts = `${directory.path}/starts`;
  const python = shellPython(directory, `echo "$@" >>'${starts}'\nexec '${fixture.python}' "$@"`);
  const { code } = await fixture.serve(
    "--python",
    python,
    "--port=0",
    `${directory.path}/module`,
    "serve.py",
    modelDir,
  );
  assert.match(io.err, / Listening on .* with Python 3\.99\.1 \(/);
  io.signal("SIGTERM");
  assert.equal(await code, 0);
  assert.equal(Deno.readTextFileSync(starts).trimEnd().split("\n").length, 1);
});

Deno.test("serve logs what it loads, and then why, when its Python does not start", async () => {
  using fixture = new Fixture();
  const { directory, modelDir, io } = fixture;
  const python = shellPython(directory, "echo broken >&2; exit 3");
  const words = ["serve", "--python", python, "--port=0", `${directory.path}/module`, "serve.py", modelDir];
  assert.equal(await settled(run(words, io), "the end of serve"), 1);
  const lines = io.err.trimEnd().split("\n").map((line) => line.replace(/^\S+Z /, ""));
  const listening = lines.findIndex((line) => line.startsWith("INFO Listening on "));
  assert.ok(listening >= 0 && lines[listening]!.includes(`with Python ${python}`), io.err);
  const reason = lines.findIndex((line) => line.includes("ended with exit code 3 before it was ready"));
  assert.ok(reason > listening, io.err);
});

Deno.test("serve accepts the port as its fourth argument and as --port", async () => {
  using fixture = new Fixture();
  const { directory, modelDir, io } = fixture;
  const words = [`${directory.path}/module`, "serve.py", modelDir];
  for (const all of [[...words, "0"], ["--port=0", ...words, "0"]]) {
    io.err = "";
    const { url, code } = await fixture.serve(...all);
    assert.notEqual(new URL(url).port, "8080");
    io.signal("SIGINT");
    assert.equal(await code, 0);
  }
  io.err = "";
  assert.equal(await run(["serve", "--port", "1", ...words, "2"], io), 2);
  assert.equal(io.err, "Error: Use either --port 1 or the argument 2 for the port, not both\n");
});

Deno.test("serve applies --max-body and --allow-uri-list", async () => {
  using fixture = new Fixture();
  const { directory, modelDir, io } = fixture;
  const { url, code } = await fixture.serve(
    "--max-body=10",
    "--allow-uri-list",
    "other.example",
    `${directory.path}/module`,
    "serve.py",
    modelDir,
    "0",
  );
  const post = async (body: string, type = "text/plain") => {
    const response = await fetch(`${url}/invocations`, { method: "POST", body, headers: { "content-type": type } });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await post("0123456789"), 200);
  assert.equal(await post("0123456789a"), 413);
  assert.equal(await post("http://a", "text/uri-list"), 400);
  io.signal("SIGTERM");
  assert.equal(await code, 0);
});

Deno.test("serve answers requests in flight after the first signal, and ends at once after the second", async () => {
  using fixture = new Fixture(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.ready);
    const { id } = await bridge.receive();
    bridge.note(id);
    console.log("one is in flight");
    await bridge.receive();
    await bridge.send(bridge.kind.result, id);
    Deno.exit(0);
  });
  const { directory, modelDir, io } = fixture;
  const { url, code } = await fixture.serve(`${directory.path}/module`, "serve.py", modelDir, "0");
  const answer = fetch(`${url}/invocations`, { method: "POST", body: "x" }).then(async (response) => {
    await response.body?.cancel();
    return response.status;
  });
  await until(() => io.err.includes("one is in flight"), "the request is in flight");
  io.signal("SIGTERM");
  await until(() => io.err.includes("Stopping"), "it stops");
  io.signal("SIGTERM");
  assert.equal(await code, 0);
  assert.equal(await answer, 502, "The worker was killed with the request");
});

Deno.test("serve returns 1 with the reason when the script can't be loaded", async () => {
  using fixture = new Fixture(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    console.log("Traceback (most recent call last):");
    await bridge.send(bridge.kind.failed, 0, { stage: "load", type: "OSError", message: "no weights" });
    Deno.exit(1);
  });
  const { directory, modelDir, io } = fixture;
  assert.equal(await run(["serve", `${directory.path}/module`, "serve.py", modelDir, "0"], io), 1);
  assert.ok(io.err.includes("[worker 1] Traceback (most recent call last):\n"), io.err);
  assert.ok(io.err.endsWith("Error: load() raised OSError: no weights\n"), io.err);
});

Deno.test("serve returns 2 when --max-body exceeds the limit of a frame", async () => {
  using fixture = new Fixture();
  const { directory, io } = fixture;
  const words = [`${directory.path}/missing`, "serve.py", `${directory.path}/model`];
  assert.equal(await run(["serve", "--max-body", "4GiB", ...words], io), 2);
  assert.equal(io.err, "Error: --max-body must be at most 4294967295 bytes, not 4294967296\n");
  io.err = "";
  assert.equal(await run(["serve", "--max-body", "4294967295", ...words], io), 2);
  assert.match(io.err, /^Error: The module directory/);
});

Deno.test("serve returns 2 and says what to do when the model directory is missing", async () => {
  using fixture = new Fixture();
  const { directory, io } = fixture;
  for (const modelDir of [`${directory.path}/missing`, `${directory.path}/module/serve.py`]) {
    io.err = "";
    assert.equal(await run(["serve", `${directory.path}/module`, "serve.py", modelDir], io), 2);
    assert.equal(io.err, `Error: The model directory '${modelDir}' does not exist; train a model into it first\n`);
  }
});

Deno.test("serve returns 2 without starting Python when the port is in use", async () => {
  using fixture = new Fixture();
  const { directory, modelDir, io } = fixture;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = `${listener.addr.port}`;
  assert.equal(await run(["serve", `${directory.path}/module`, "serve.py", modelDir, port], io), 2);
  assert.match(
    io.err,
    new RegExp(`^Error: Can't listen on 127\\.0\\.0\\.1:${port}: .*; choose another port with --port`),
  );
});
