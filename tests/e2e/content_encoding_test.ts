/** Compressed request bodies. */

import assert from "node:assert/strict";
import zlib from "node:zlib";
import { py, test } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

const SUM = py`
  import json
  def load(model_dir):
      return None
  def deserialize(data, content_type="application/octet-stream"):
      return json.loads(data)
  def predict(data, model):
      return [sum(data)]
  def serialize(data, accepted="*/*"):
      return json.dumps(data).encode(), "application/json"
`;

const gzip = (text: string) => new Uint8Array(zlib.gzipSync(text));
const deflate = (text: string) => new Uint8Array(zlib.deflateSync(text));

/** A body for each route. */
const ROUTES = {
  "/invocations": "[1, 2]",
  "/models/sum/invocations": "[1, 2]",
  "/v2/models/sum/infer": '{"inputs":[{"name":"input","datatype":"INT64","shape":[2],"data":[1,2]}]}',
};

for (const more of [[], ["--access-log"]]) {
  test(`compressed bodies are decoded on each route of a model ${more.join(" ")}`, async (box) => {
    const module = box.module({ "serve.py": SUM });
    const server = await box.serve({ module }, { args: ["--port", "0", "--max-body", "10k", ...more] });
    const name = (await server.request("/v2/models")).text.match(/\["(.*)"\]/)![1]!;
    for (const [route, plain] of Object.entries(ROUTES)) {
      const post = (body: BodyInit, coding: string) =>
        server.request(route.replace("sum", name), {
          method: "POST",
          body,
          headers: { "content-type": "application/json", "content-encoding": coding },
        });
      for (
        const [coding, body] of [
          ["gzip", gzip(plain)],
          ["x-gzip", gzip(plain)],
          ["deflate", deflate(plain)],
          ["deflate, gzip", new Uint8Array(zlib.gzipSync(deflate(plain)))],
          ["identity", plain],
        ] as const
      ) {
        const { status, text } = await post(body, coding);
        assert.equal(status, 200, `${route} ${coding}: ${text}`);
        assert.match(text, /^\[3\]$|"data":\[3\]/);
      }
      for (const coding of ["br", "zstd", "gzip, br"]) {
        const refused = await post(gzip(plain), coding);
        assert.equal(problemOf(refused).status, 415, `${route} ${coding}`);
        assert.equal(refused.headers.get("accept-encoding"), "gzip, deflate");
      }
      assert.equal(problemOf(await post(gzip(plain).slice(0, -1), "gzip")).status, 400);
      assert.equal(problemOf(await post(deflate(plain).slice(0, -1), "deflate")).status, 400);
      assert.equal(problemOf(await post(plain, "gzip")).status, 400);
      assert.equal(problemOf(await post(gzip("[1, 2]" + " ".repeat(10_240)), "gzip")).status, 413);
    }
    await server.stop();
  });
}

test("health checks are answered while bodies that expand a thousandfold are refused", async (box) => {
  const server = await box.serve(SUM, { args: ["--port", "0", "--max-body", "64m"] });
  const bomb = new Uint8Array(zlib.gzipSync(new Uint8Array(256 * 1024 * 1024)));
  let answered = 0;
  const bombs = Array.from({ length: 8 }, async () => {
    const { status } = await server.invoke(bomb, { "content-encoding": "gzip" });
    answered++;
    return status;
  });
  let before = 0;
  while (answered < bombs.length) {
    assert.equal((await server.request("/health/live")).status, 200);
    if (answered < bombs.length) before++;
  }
  assert.deepEqual(await Promise.all(bombs), bombs.map(() => 413));
  assert.ok(before > 0, "health was not asked while bodies were decoded");
  await server.stop();
});
