/** `aimodellib.io`: a model that has only `load` and `predict` of its own, behind the executable. */

import assert from "node:assert/strict";
import { imports } from "./support/needs.ts";
import { py, PYTHON, test } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

const SCRIPT = py`
  from aimodellib.io import deserialize, serialize

  def load(model_dir):
      return 10

  def predict(data, model):
      if isinstance(data, dict) and "strange" in data:
          return {"found": object()}
      return [row["x"] * model if isinstance(row, dict) else row for row in data]
`;

const JSON_TYPE = { "content-type": "application/json" };

test("a script whose deserialize and serialize are aimodellib.io's follows Content-Type and Accept", async (box) => {
  const module = box.module({ "serve.py": SCRIPT });
  const packed = await box.run(["package", "-m", module, "-q"]);
  assert.equal(packed.code, 0, packed.stderr);
  const server = await box.serve({ module });
  const answer = await server.invoke('[{"x": 1}, {"x": 2}]', JSON_TYPE);
  assert.equal(answer.text, "[10,20]");
  assert.equal(answer.headers.get("content-type"), "application/json");
  const csv = await server.invoke('[{"x": 1}]', { ...JSON_TYPE, accept: "text/csv, application/json;q=0.5" });
  assert.equal(csv.text, "10\r\n");
  assert.equal(csv.headers.get("content-type"), "text/csv; charset=utf-8; header=absent");
  const lines = await server.invoke('{"x": 1}\n{"x": 2}\n', {
    "content-type": "application/x-ndjson",
    accept: "application/x-ndjson",
  });
  assert.equal(lines.text, "10\n20\n");
  await server.stop();
});

test("a script with these functions answers invalid requests with 400, 406 or 415, and lists the types that it accepts", async (box) => {
  const server = await box.serve(SCRIPT);
  const bad = await server.invoke("[1,", JSON_TYPE);
  assert.equal(bad.status, 400);
  assert.match(JSON.parse(bad.text).detail, /InputError: The body is not JSON: .* column 4/);
  const type = await server.invoke("<x/>", { "content-type": "application/xml" });
  assert.equal(type.status, 415);
  assert.match(problemOf(type).detail, /Cannot read 'application\/xml': send application\/json, /);
  assert.match(type.headers.get("accept")!, /^application\/json, /);
  // The content type that `curl -d` sends.
  const form = await server.invoke("[1]", { "content-type": "application/x-www-form-urlencoded" });
  assert.equal(form.status, 400);
  assert.match(problemOf(form).detail, /send Content-Type: application\/json/);
  const accept = await server.invoke("[]", { ...JSON_TYPE, accept: "image/png" });
  assert.equal(accept.status, 406);
  const strange = await server.invoke('{"strange": 1}', JSON_TYPE);
  assert.equal(strange.status, 500);
  assert.match(problemOf(strange).detail, /a value of the type 'object' at result\['found'\]/);
  assert.equal((await server.invoke("[1]", JSON_TYPE)).text, "[1]");
  await server.stop();
});

test("a generator's items are sent as text, JSON Lines or events, as the client requests", async (box) => {
  const server = await box.serve(py`
    from aimodellib.io import InputError, deserialize, serialize

    def load(model_dir):
        return None

    def predict(data, model):
        if not isinstance(data, str):
            raise InputError("Send text/plain")
        for word in data.split():
            yield word if word.islower() else {"word": word}
  `);
  const plain = { "content-type": "text/plain" };
  assert.equal((await server.invoke("a b", plain)).text, "ab");
  assert.equal(
    (await server.invoke("A B", { ...plain, accept: "application/x-ndjson" })).text,
    '{"word":"A"}\n{"word":"B"}\n',
  );
  assert.equal(
    (await server.invoke("a B", { ...plain, accept: "text/event-stream" })).text,
    'data: a\n\ndata: {"word":"B"}\n\nevent: end\ndata: \n\n',
  );
  const refused = await server.invoke("[]", JSON_TYPE);
  assert.equal(refused.status, 400);
  assert.equal(problemOf(refused).detail, "predict() raised InputError: Send text/plain");
  await server.stop();
});

test("NumPy arrays are received and sent as .npy files, also with the Open Inference Protocol", async (box) => {
  const server = await box.serve(py`
    from aimodellib.io import deserialize, serialize

    def load(model_dir):
        return 2

    def predict(data, model):
        import numpy
        return numpy.asarray(data) * model
  `);
  const npy = { "content-type": "application/x-npy" };
  const made = await box.run(["-c", "import numpy; numpy.save('a.npy', numpy.arange(3.))"], { command: PYTHON });
  assert.equal(made.code, 0, made.stderr);
  const body = Deno.readFileSync(box.path("a.npy"));
  assert.equal((await server.invoke(body, npy)).text, "[0.0,2.0,4.0]");
  const same = await server.invoke(body, { ...npy, accept: "application/x-npy" });
  assert.equal((await server.invoke(same.bytes, npy)).text, "[0.0,4.0,8.0]");
  const tensor = { name: "x", shape: [2], datatype: "FP64", data: [1, 2.5] };
  const models = await server.request("/v2/models/module-1/infer", {
    method: "POST",
    body: JSON.stringify({ inputs: [tensor] }),
    headers: JSON_TYPE,
  });
  assert.deepEqual(JSON.parse(models.text).outputs?.[0]?.data, [2, 5], models.text);
  await server.stop();
}, imports(PYTHON, "numpy"));
