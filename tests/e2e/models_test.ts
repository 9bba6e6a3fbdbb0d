/** Several models in one process. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { echo, py, type Sandbox, test } from "./support/sandbox.ts";
import { problemOf, Server } from "./support/server.ts";

/** Starts a server with a `--model` for each of these, and waits until it listens. */
async function serve(box: Sandbox, models: readonly string[], args: readonly string[] = []): Promise<Server> {
  const words = models.flatMap((model) => ["--model", model]);
  return await Server.attach(box.start(["serve", "--port", "0", ...args, ...words]), false);
}

/** Creates a model directory, and modules that answer with a word. */
function modules(box: Sandbox, ...words: readonly string[]): string[] {
  Deno.mkdirSync(box.path("model"), { recursive: true });
  return words.map((word) => {
    const module = box.module({
      "serve.py": echo(py`
        def serialize(data, accepted):
            return b"${word} " + data, "text/plain"
      `),
    });
    return `${word}=${module},serve.py,${box.path("model")}`;
  });
}

async function state(server: Server): Promise<{ status?: string; state?: string; models?: Record<string, string> }> {
  return JSON.parse((await server.request("/ping")).text);
}

const post = (server: Server, model: string, body = "x") =>
  server.request(`/models/${model}/invocations`, { method: "POST", body });

test("several models have workers, routes and metrics of their own", async (box) => {
  const [one] = modules(box, "one");
  const packed = box.module({ "serve.py": echo() }, "packed");
  const made = await box.run(["package", "-m", packed, "-o", "two.tar.gz"]);
  assert.equal(made.code, 0, made.stderr);
  const server = await serve(box, [one!, `two=two.tar.gz,${box.path("model")}`], [
    "--workers",
    "2",
    "--route",
    "/score=one",
  ]);
  await until("all are ready", async () => (await state(server)).status === "ready");
  assert.deepEqual((await state(server)).models, { one: "ready", two: "ready" });
  assert.equal((await post(server, "one")).text, "one x");
  assert.equal((await post(server, "two")).text, "x");
  assert.equal((await server.request("/score", { method: "POST", body: "y" })).text, "one y");
  assert.equal((await server.request("/score")).headers.get("allow"), "POST");
  assert.match(server.log, /Worker one\/2 is ready/);
  const nowhere = problemOf(await server.invoke("x"));
  assert.equal(
    nowhere.detail,
    "There are several models: POST to /models/NAME/invocations; NAME is one of 'one', 'two'",
  );
  assert.equal(
    problemOf(await post(server, "three")).detail,
    "The model 'three' does not exist; known models: 'one', 'two'",
  );
  const metrics = (await server.request("/metrics")).text;
  for (const name of ["one", "two"]) {
    const route = `{route="/models/{name}/invocations",model="${name}",status="200"}`;
    assert.ok(metrics.includes(`aimodellib_requests_total${route} 1\n`), metrics);
    assert.ok(metrics.includes(`aimodellib_workers{model="${name}",state="ready"} 2\n`), metrics);
  }
  assert.equal(metrics.match(/# TYPE aimodellib_workers /g)?.length, 1);
  await server.stop();
});

test("a script sees the path of each request, however it executes requests", async (box) => {
  const ways = {
    plain: "def predict(data, model, logger=None): return [data, path(logger)]",
    async: "async def predict(data, model, logger=None): return [data, path(logger)]",
    parts: "def predict(data, model, logger=None): yield [data, path(logger)]",
    batch:
      "def predict(data, model): return [data]\ndef predict_batch(inputs, model): return [[data] for data in inputs]",
  };
  Deno.mkdirSync(box.path("model"));
  const names = Object.keys(ways);
  const models = Object.entries(ways).map(([name, predict]) => {
    const script = py`
      def path(logger): return logger.request.path
      def load(model_dir): return None
      def deserialize(data, content_type, logger=None): return path(logger)
      def serialize(data, accepted, logger=None): return "\\n".join({*data, path(logger)}).encode(), "text/plain"
    `;
    return `${name}=${box.module({ "serve.py": `${script}\n${predict}\n` }, name)},serve.py,${box.path("model")}`;
  });
  const routes = names.flatMap((name) => ["--route", `/${name}/a:b=${name}`, "--route", `/${name}=${name}`]);
  const server = await serve(box, models, ["--threads", "2", ...routes]);
  await until("all are ready", async () => (await state(server)).status === "ready");
  const paths = names.flatMap((name) => [
    ...[`/${name}/a:b`, `/${name}`, `/models/${name}/invocations`],
    ...[`/v1/models/${name}:predict`, `/endpoints/${name}/invocations`],
  ]);
  const answers = await Promise.all([...paths, ...paths].map(async (path) => {
    return (await server.request(`${path}?x=/other`, { method: "POST", body: "" })).text;
  }));
  assert.deepEqual(answers, [...paths, ...paths]);
  await server.stop();
});

test("the workers of all models share the processors", async (box) => {
  const module = box.module({
    "serve.py": echo(py`
      import os
      def predict(data, model):
          return os.environ.get(data.decode(), "unset").encode()
    `),
  });
  Deno.mkdirSync(box.path("model"));
  const server = await serve(box, ["a", "b"].map((name) => `${name}=${module},serve.py,${box.path("model")}`));
  await until("both are ready", async () => (await state(server)).status === "ready");
  const share = `${Math.max(1, Math.floor(navigator.hardwareConcurrency / 2))}`;
  for (const name of ["OMP_NUM_THREADS", "POLARS_MAX_THREADS"]) {
    assert.equal((await post(server, "a", name)).text, share);
  }
  await server.stop();
});

test("a model that can't be loaded does not affect the others, and SIGHUP loads it once it can be loaded", async (box) => {
  const [good] = modules(box, "good");
  const server = await serve(box, [good!, `bad=later,serve.py,${box.path("model")}`]);
  await until("one is ready", async () => (await state(server)).status === "degraded");
  assert.match(
    server.log,
    /The model 'bad' failed: The module directory 'later' does not exist; the others stay in service/,
  );
  assert.deepEqual((await state(server)).models, { good: "ready", bad: "failed" });
  assert.equal((await post(server, "good")).text, "good x");
  assert.equal(problemOf(await post(server, "bad")).detail, "The model has failed; the server's log says why");
  assert.equal((await server.request("/models/good/ping")).status, 200);
  assert.equal((await server.request("/models/bad/ping")).status, 503);
  box.module({ "serve.py": "raise ValueError('not yet')\n" }, "later");
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(/The model 'bad' failed: the script raised ValueError: not yet/);
  box.module({ "serve.py": echo() }, "later");
  server.program.kill("SIGHUP");
  await until("both are ready", async () => (await state(server)).status === "ready");
  assert.equal((await post(server, "bad")).text, "x");
  await server.stop();
});

test("two SIGHUPs during the reload of a failed model result in one pool of workers", async (box) => {
  const [good] = modules(box, "good");
  const slow = box.module({
    "serve.py": echo(py`
      import os, time
      def load(model_dir):
          if not os.path.exists("${box.path("mended")}"):
              raise ValueError("not yet")
          time.sleep(1)
    `),
  });
  const server = await serve(box, [good!, `slow=${slow},serve.py,${box.path("model")}`]);
  await until("one is ready", async () => (await state(server)).status === "degraded");
  Deno.writeTextFileSync(box.path("mended"), "");
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(/Reloaded 'good'/);
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(/Reloaded 'slow'/);
  assert.equal((await post(server, "slow")).text, "x");
  const workers = () => box.processes().filter(({ parent }) => parent === server.program.pid);
  await until("one worker of each is left", () => workers().length === 2, 10_000, () => JSON.stringify(workers()));
  await server.stop();
});

test("models are reloaded at the same time", async (box) => {
  const folder = box.path("loading");
  Deno.mkdirSync(folder);
  // During the reload, each waits for the other.
  const module = (name: string, other: string) =>
    box.module({
      "serve.py": echo(py`
        import os, time
        def load(model_dir):
            mine, theirs = (os.path.join("${folder}", name) for name in ("${name}", "${other}"))
            if os.path.exists(mine):
                open(mine + "2", "w").close()
                while not os.path.exists(theirs + "2"):
                    time.sleep(0.01)
            open(mine, "w").close()
      `),
    });
  Deno.mkdirSync(box.path("model"));
  const named = (name: string, other: string) => `${name}=${module(name, other)},serve.py,${box.path("model")}`;
  const server = await serve(box, [named("a", "b"), named("b", "a")]);
  await until("both are ready", async () => (await state(server)).status === "ready");
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(/Reloaded 'a'/);
  await server.program.stderr.waitFor(/Reloaded 'b'/);
  await server.stop();
});

test("a model whose workers keep dying fails alone", async (box) => {
  const [good] = modules(box, "good");
  const bad = box.module({ "serve.py": echo("import os\ndef predict(data, model):\n    os._exit(3)\n") });
  const server = await serve(box, [good!, `bad=${bad},serve.py,${box.path("model")}`], ["--max-restarts", "0"]);
  await until("both are ready", async () => (await state(server)).status === "ready");
  assert.equal((await post(server, "bad")).status, 502);
  await until("it has failed", async () => (await state(server)).models?.["bad"] === "failed");
  assert.equal((await post(server, "good")).text, "good x");
  await server.stop();
});

test("serve ends with the error of the first model when all models fail", async (box) => {
  const { code, stderr } = await box.run(["serve", "--port", "0", "--model", "a=x,serve.py,m", "--model", "b=y.tgz,m"]);
  assert.equal(code, 2);
  assert.match(stderr, /Error: The module directory 'x' does not exist\n$/);
});
