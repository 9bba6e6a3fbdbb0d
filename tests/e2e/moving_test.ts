/** The examples of docs/moving.md: scripts of other servers are recognized, and the migrated scripts answer. */

import assert from "node:assert/strict";
import { ROOT, Sandbox, test } from "./support/sandbox.ts";
import { type Answer, Server } from "./support/server.ts";

/** A section of the page. */
interface Section {
  readonly title: string;
  /** Scripts of another server. */
  readonly before: readonly string[];
  readonly after: string;
  readonly request: string;
  readonly answer: string;
}

/** The names of the servers in messages. */
const LOOKS: Readonly<Record<string, readonly string[]>> = {
  SageMaker: ["a SageMaker script: model_fn(model_dir), line 5, becomes load(model_dir); input_fn("],
  TorchServe: ["a TorchServe handler: initialize(context), line 8, becomes load(model_dir); preprocess(data)"],
  mlflow: [
    "a pyfunc model of mlflow: load_context(context), line 7, becomes load(model_dir); predict(context, model_input,",
  ],
  LitServe: ["a LitAPI of LitServe: setup(device), line 7, becomes load(model_dir); decode_request(request)"],
  Cog: ["a Cog predictor: setup(), line 7, becomes load(model_dir); predict(x), line 11, becomes predict(data, model)"],
  BentoML: ["a BentoML service: __init__(), line 8, becomes load(model_dir); predict(x), line 13, becomes predict("],
  "Vertex AI": ["a predictor of Vertex AI: load(artifacts_uri), line 8, becomes load(model_dir); preprocess("],
  KServe: ["a KServe model: load(), line 7, becomes load(model_dir); preprocess(payload, headers), line 12, becomes"],
  MLServer: [
    "a model of MLServer: load(), line 8, becomes load(model_dir); predict(payload), line 13, becomes predict(",
  ],
  Triton: ["a Python model of Triton: initialize(args), line 8, becomes load(model_dir); execute(requests), line 12,"],
  "Hugging Face": [
    "a handler of Hugging Face: __init__(path), line 6, becomes load(model_dir); __call__(data), line 10,",
  ],
  "Ray Serve": ["a deployment of Ray Serve: __init__(), line 8, becomes load(model_dir); __call__(request), line 12,"],
  "Azure ML": [
    "a scoring script of Azure ML: init(), line 5, becomes load(model_dir); run(raw_data), line 11, becomes",
  ],
  "FastAPI and Flask": [
    "a FastAPI app: lifespan(app), line 15, becomes load(model_dir); predict(item), line 31, becomes predict(data, model)",
    "a Flask app: answer(), line 11, becomes predict(data, model)",
  ],
};

/** Reads the page. */
function sections(): Section[] {
  const text = Deno.readTextFileSync(`${ROOT}/docs/moving.md`);
  return text.split(/^## /m).slice(1).map((section) => {
    const blocks = [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));
    const scripts = blocks.filter(({ language }) => language === "python").map(({ code }) => code!);
    const call = /^curl -d '([^']*)' http:\/\/127\.0\.0\.1:8080\/invocations\n(.*)\n$/.exec(blocks.at(-1)?.code ?? "");
    assert.ok(call !== null && scripts.length >= 2, section);
    return {
      title: section.slice(0, section.indexOf("\n")),
      before: scripts.slice(0, -1),
      after: scripts.at(-1)!,
      request: call[1]!,
      answer: call[2]!,
    };
  });
}

const SECTIONS = sections();

test("docs/moving.md covers each server whose scripts are recognized", () => {
  assert.deepEqual(SECTIONS.map(({ title }) => title).sort(), Object.keys(LOOKS).sort());
});

/** What a server with all scripts of the page does, by the names of its models. */
interface Served {
  readonly answers: ReadonlyMap<string, Answer>;
  /** The messages about the models that failed. */
  readonly failures: ReadonlyMap<string, string>;
}

let served: Promise<Served> | undefined;

/** Serves all scripts of the page, once: a start for each would take most of the time of these tests. */
function serveAll(): Promise<Served> {
  return served ??= (async () => {
    await using box = new Sandbox();
    box.write({ "model/model.json": '{"factor": 2}' });
    const models = SECTIONS.flatMap(({ title, before, after }) => {
      const scripts = [[title, after], ...before.map((script, i) => [`${title} ${i}`, script])] as const;
      return scripts.flatMap(([name, script]) => {
        return ["--model", `${nameOf(name)}=${box.module({ "serve.py": script })},serve.py,${box.path("model")}`];
      });
    });
    const server = await Server.attach(box.start(["serve", "--port", "0", ...models]), false);
    const answers = new Map<string, Answer>();
    const failures = new Map<string, string>();
    for (const { title, before, request } of SECTIONS) {
      const name = nameOf(title);
      await Server.untilReady(server.program, name);
      const init = { method: "POST", body: request, headers: { "Content-Type": "application/x-www-form-urlencoded" } };
      answers.set(title, await server.request(`/models/${name}/invocations`, init));
      for (const i of before.keys()) {
        const [message] = await server.program.stderr.waitFor(new RegExp(`The model '${name}-${i}' failed: .*`));
        failures.set(`${title} ${i}`, message);
      }
    }
    await server.stop();
    await box.assertClean();
    return { answers, failures };
  })();
}

function nameOf(text: string): string {
  return text.replaceAll(" ", "-");
}

for (const { title, before, answer } of SECTIONS) {
  test(`serve and package recognize the script of docs/moving.md for ${title}`, async (box) => {
    const { failures } = await serveAll();
    for (const [i, script] of before.entries()) {
      const words = `it looks like ${LOOKS[title]![i]}`;
      const packed = await box.run(["package", "-m", box.module({ "serve.py": script })]);
      assert.deepEqual([packed.code !== 0, packed.stderr.includes(words)], [true, true], packed.stderr);
      assert.match(packed.stderr, /\(docs\/moving\.md shows how\)$/m);
      const failure = failures.get(`${title} ${i}`)!;
      assert.ok(failure.includes(words), failure);
      assert.match(failure, /\(docs\/moving\.md shows how\); the others stay in service/);
    }
  });

  test(`the migrated script of docs/moving.md for ${title} answers`, async () => {
    const { status, text } = (await serveAll()).answers.get(title)!;
    assert.deepEqual([status, text], [200, answer]);
  });
}

test("serve ends, and says what docs/moving.md shows, when its only script is one of another server", async (box) => {
  const { title, before } = SECTIONS[0]!;
  const module = box.module({ "serve.py": before[0]! });
  const { code, stderr } = await box.run(["serve", "--port", "0", module, "serve.py", module]);
  assert.notEqual(code, 0);
  assert.ok(stderr.includes(`it looks like ${LOOKS[title]![0]}`), stderr);
  assert.match(stderr, /\(docs\/moving\.md shows how\)$/m);
});
