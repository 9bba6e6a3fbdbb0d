/** Facts about served models: name, origin and versions. */

import assert from "node:assert/strict";
import { recordsOf } from "./support/json_log.ts";
import { echo, py, PYTHON, type RunOptions, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const NUMBERS = echo(py`
  def v2_metadata(model):
      return {"inputs": [], "outputs": []}
`);

/** Packs the module `src/iris` as `build/x.tar.gz`, and returns its digest. */
async function pack(box: Sandbox): Promise<string> {
  box.module({ "deep/serve.py": NUMBERS }, "src/iris");
  box.write({ "model/x": "", "build/x": "" });
  const words = ["-m", "src/iris", "-s", "deep/serve.py", "-o", "build/x.tar.gz"];
  const { code, stderr } = await box.run(["package", ...words]);
  assert.equal(code, 0, stderr);
  const bytes = await crypto.subtle.digest("SHA-256", Deno.readFileSync(box.path("build/x.tar.gz")));
  return new Uint8Array(bytes).toHex();
}

async function serve(box: Sandbox, words: readonly string[], options: RunOptions = {}): Promise<Server> {
  const program = box.start(["serve", "--port", "0", "--log-format", "json", ...words], options);
  await program.stderr.waitFor(/Ready: POST /);
  return Server.at(program, /Listening on (http:[^;"]+);/.exec(program.stderr.text)![1]!);
}

const json = async (server: Server, path: string, init: RequestInit = {}) =>
  JSON.parse((await server.request(path, init)).text);
const version = async (box: Sandbox, args: string[], command?: string) =>
  (await box.run(args, command === undefined ? {} : { command })).stdout.split("\n")[0]!.replace(/^Python /, "");

test("metadata and metrics contain an archive's name, digest, script, Python and versions", async (box) => {
  const sha256 = await pack(box);
  const python = await version(box, ["--version"], PYTHON);
  const aimodellib = await version(box, ["--version"]);
  const server = await serve(box, ["build/x.tar.gz", "model"]);
  const facts = { archive: "x.tar.gz", sha256, script: "deep/serve.py", python };

  const first = recordsOf(server.program).find(({ logger }) => logger !== "setup")!;
  const { url: _, time: __, script_path, what, message, ...record } = first;
  assert.deepEqual(record, {
    level: "info",
    logger: "serve",
    version: aimodellib,
    model: "iris",
    ...facts,
    python_path: PYTHON,
  });
  assert.match(script_path, /^\/.*\/iris\/deep\/serve\.py$/);
  assert.ok(message.includes(what));
  for (const part of ["'iris'", "deep/serve.py of x.tar.gz", sha256, `Python ${python} (${PYTHON})`]) {
    assert.ok(what.includes(part), what);
  }

  assert.deepEqual(await json(server, "/v2/models"), { models: ["iris"] });
  assert.deepEqual((await json(server, "/v2/models/iris")).parameters, facts);
  assert.deepEqual((await json(server, "/v2")).version, aimodellib);
  const health = await json(server, "/health/ready");
  assert.deepEqual([health.served, health.version], [{ iris: facts }, aimodellib]);
  const metrics = (await server.request("/metrics")).text;
  const labels = Object.entries({ model: "iris", ...facts }).map(([name, value]) => `${name}="${value}"`);
  assert.ok(metrics.includes(`aimodellib_model_info{${labels.join(",")}} 1\n`), metrics);
  const described = await json(server, "/openapi.json");
  assert.equal(described.info.title, "iris");
  for (
    const path of ["/openapi.json", "/health/ready", "/ping", "/metrics", "/v2", "/v2/models/iris", "/", "/nothing"]
  ) {
    const { text } = await server.request(path);
    for (const secret of [box.root, "/archives/", PYTHON]) assert.ok(!text.includes(secret), `${path}: ${text}`);
  }
  await server.stop();
});

test("the name of a module's model is that of its folder, however the command line spells it", async (box) => {
  const module = box.module({ "serve.py": NUMBERS }, "iris");
  box.write({ "iris/deep/x": "" });
  for (
    const [cwd, words] of [
      [box.root, ["iris/", "serve.py"]],
      [module, [".", "serve.py"]],
      [box.path("iris/deep"), ["..", "serve.py"]],
    ] as const
  ) {
    const server = await serve(box, [...words, box.root], { cwd });
    const { served } = await json(server, "/health/ready");
    assert.deepEqual(Object.keys(served), ["iris"]);
    assert.deepEqual([served.iris.script, served.iris.archive, served.iris.sha256], ["serve.py", undefined, undefined]);
    await server.stop();
  }
});

test("a single --model changes only the name; routes, log and record stay the same", async (box) => {
  const sha256 = await pack(box);
  const server = await serve(box, ["--model", "other=build/x.tar.gz,model"]);
  assert.deepEqual((await json(server, "/health/ready")).served.other.sha256, sha256);
  for (const path of ["/invocations", "/models/other/invocations"]) {
    const answer = await server.request(path, { method: "POST", body: "a" });
    assert.deepEqual([answer.status, answer.text], [200, "a"], path);
  }
  for (const path of ["/ping", "/models/other/ping", "/v2/models/other"]) {
    assert.equal((await server.request(path)).status, 200, path);
  }
  assert.equal((await server.request("/v2/models/iris")).status, 404);
  assert.match(server.log, /Ready: POST http:\S+\/invocations"/);
  await server.stop();
  const record = JSON.parse(box.read("logs/run.json"));
  assert.deepEqual([record.archive, record.outcome], [{ name: "build/x.tar.gz", sha256 }, { code: 0 }]);
  assert.match(Deno.readTextFileSync(record.log), /"Worker 1 is ready/);

  const missing = await box.run(["serve", "--model", "other=missing.tar.gz,model"]);
  assert.deepEqual([missing.code, missing.stdout], [2, ""]);
});

test("each of several models reports its facts once it is open", async (box) => {
  const sha256 = await pack(box);
  box.module({ "serve.py": NUMBERS }, "plain");
  const server = await serve(box, ["--model", "a=build/x.tar.gz,model", "--model", "b=plain,serve.py,model"]);
  await Server.untilReady(server.program, "a", "b");
  const loading = recordsOf(server.program).filter(({ message }) => message.startsWith("Loading "));
  assert.deepEqual(Object.fromEntries(loading.map(({ model, sha256 }) => [model, sha256])), {
    a: sha256,
    b: undefined,
  });
  const { served } = await json(server, "/health/ready");
  assert.deepEqual([served.a.sha256, served.b.script], [sha256, "serve.py"]);
  await server.stop();
});

test("with authentication on, facts about models need a token", async (box) => {
  await pack(box);
  const token = "0123456789abcdef";
  const server = await serve(box, ["build/x.tar.gz", "model"], { env: { AIMODELLIB_TOKEN: token } });
  for (const path of ["/health/ready", "/ping"]) {
    assert.deepEqual(Object.keys(await json(server, path)), ["status", "workers"]);
    const { served } = await json(server, path, { headers: { authorization: `Bearer ${token}` } });
    assert.deepEqual(Object.keys(served), ["iris"]);
  }
  await server.stop();
});

test("an unpacked archive reports the archive's digest as long as its content is unchanged", async (box) => {
  const sha256 = await pack(box);
  assert.equal((await box.run(["unpack", "build/x.tar.gz", "out"])).code, 0);
  const served = async (server: Server) => (await json(server, "/health/ready")).served.iris;
  const server = await serve(box, ["out", "model"]);
  assert.deepEqual([(await served(server)).archive, (await served(server)).sha256], ["x.tar.gz", sha256]);
  assert.ok(server.log.split("\n")[0]!.includes(sha256));
  // While the folder is served and loaded again.
  Deno.writeTextFileSync(box.path("out/iris/deep/serve.py"), `${NUMBERS}\n# edited\n`);
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(/"message":"Reloaded/);
  await server.program.stderr.waitFor(/'out' has changed since it was unpacked from x\.tar\.gz/);
  assert.deepEqual([(await served(server)).archive, (await served(server)).sha256], ["out", undefined]);
  await server.stop();
  const records = recordsOf(server.program).filter(({ message }) => message.includes("has changed since"));
  assert.deepEqual(records.map(({ level }) => level), ["warning"]);

  const again = await serve(box, ["out", "model"]);
  assert.equal((await served(again)).sha256, undefined);
  await again.stop();
  assert.ok(!again.log.includes(sha256), again.log);
});

test("run.json and inspect contain the digest of an unpacked archive, and package excludes its note", async (box) => {
  box.module({ "train.py": "def train(d): pass\n" }, "src/iris");
  await box.run(["package", "-m", "src/iris", "-o", "x.tar.gz"]);
  await box.run(["unpack", "x.tar.gz", "out"]);
  const { sha256 } = JSON.parse((await box.run(["inspect", "--json", "x.tar.gz"])).stdout);
  assert.match(sha256, /^[0-9a-f]{64}$/);
  const recorded = async () => {
    const { code, stderr } = await box.run(["train", "out", "model"]);
    assert.equal(code, 0, stderr);
    return JSON.parse(box.read("model/run.json")).archive;
  };
  const inspected = async () => JSON.parse((await box.run(["inspect", "--json", "out"])).stdout).origin;
  assert.deepEqual(await recorded(), { name: "out", sha256 });
  assert.deepEqual(await recorded(), { name: "out", sha256 }, "what a run leaves is no change");
  assert.deepEqual(await inspected(), { archive: "x.tar.gz", sha256, holds: true });
  assert.match(
    (await box.run(["inspect", "out"])).stdout,
    new RegExp(`^Unpacked from x.tar.gz, sha256:${sha256}$`, "m"),
  );

  for (const [module, script] of [["out/iris", "train.py"], ["out", "iris/train.py"]] as const) {
    const packed = await box.run(["package", "-m", module, "-t", script, "-o", "again.tar.gz"]);
    assert.equal(packed.code, 0, packed.stderr);
    const { entries } = JSON.parse((await box.run(["inspect", "--json", "again.tar.gz"])).stdout);
    assert.ok(entries.every(({ path }: { path: string }) => !path.includes("origin")), JSON.stringify(entries));
    if (module === "out/iris") assert.deepEqual(box.read("again.tar.gz"), box.read("x.tar.gz"), "the same bytes");
  }
  // An archive of another program may contain the note, which still does not count as content.
  await box.run(["czf", "tarred.tar.gz", "-C", "out", "."], { command: "tar" });
  assert.equal((await box.run(["verify", "tarred.tar.gz"])).code, 0);
  await box.run(["unpack", "tarred.tar.gz", "other"]);
  const note = JSON.parse(box.read("other/.aimodellib-origin.json"));
  assert.equal(note.archive, "tarred.tar.gz");
  assert.notEqual(note.sha256, sha256);

  box.write({ "out/iris/train.py": "def train(d): print(1)\n" });
  assert.deepEqual(await recorded(), { name: "out" });
  assert.equal((await inspected()).holds, false);
});
