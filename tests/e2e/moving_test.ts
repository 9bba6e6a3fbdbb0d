/** The examples of docs/moving.md: scripts of other servers are recognized, and the migrated scripts answer. */

import assert from "node:assert/strict";
import { ROOT, type Sandbox, test } from "./support/sandbox.ts";

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

for (const { title, before, after, request, answer } of SECTIONS) {
  test(`serve and package recognize the script of docs/moving.md for ${title}`, async (box) => {
    for (const [i, script] of before.entries()) {
      const words = `it looks like ${LOOKS[title]![i]}`;
      const module = box.module({ "serve.py": script });
      for (const args of [["package", "-m", module], ["serve", "--port", "0", module, "serve.py", module]]) {
        const { code, stderr } = await box.run(args);
        assert.deepEqual([code !== 0, stderr.includes(words), /\(docs\/moving\.md shows how\)$/m.test(stderr)], [
          true,
          true,
          true,
        ], stderr);
      }
    }
  });

  test(`the migrated script of docs/moving.md for ${title} answers`, async (box) => {
    assert.deepEqual(await ask(box, after, request), [200, answer]);
  });
}

/** Serves a script with the model of the page, and sends it a request. */
async function ask(box: Sandbox, script: string, request: string): Promise<[number, string]> {
  box.write({ "model/model.json": '{"factor": 2}' });
  const server = await box.serve(script);
  const { status, text } = await server.invoke(request, { "Content-Type": "application/x-www-form-urlencoded" });
  await server.stop();
  return [status, text];
}
