import assert from "node:assert/strict";
import { tensorBoardFolder, trainingFolder, vertexTraining } from "../../../src/platform/vertex.ts";
import { fakeEnv } from "../helper/env.ts";
import { TempDir } from "../helper/temp_dir.ts";

Deno.test("trainingFolder() is the mounted folder of a bucket, and any local one", () => {
  using mount = new TempDir();
  mount.folder("bucket");
  const cases = {
    "gs://bucket/a/b/": `${mount.path}/bucket/a/b`,
    "gs://bucket": `${mount.path}/bucket`,
    "model": "model",
    "/srv/model": "/srv/model",
  };
  for (const [word, path] of Object.entries(cases)) assert.equal(trainingFolder(word, mount.path), path);
});

for (
  const [word, message] of [
    ["gs://other/a", /^The model directory 'gs:\/\/other\/a' is not a local folder, .*, or mount the bucket at \//],
    ["s3://bucket/a", /^The model directory 's3:\/\/bucket\/a' is not a local folder, .* copy it afterwards$/],
    ["gs://bucket/../../etc", /^'gs:\/\/bucket\/\.\.\/\.\.\/etc' must not contain '\.\.'$/],
    ["gs://../etc", /^'gs:\/\/\.\.\/etc' must not contain '\.\.'$/],
  ] as const
) {
  Deno.test(`trainingFolder() refuses '${word}'`, () => {
    using mount = new TempDir();
    mount.folder("bucket");
    assert.throws(() => trainingFolder(word, mount.path), { name: "UsageError", message });
  });
}

Deno.test("tensorBoardFolder() is where Vertex AI reads logs", () => {
  using mount = new TempDir();
  mount.folder("bucket");
  const folder = (value: string) => tensorBoardFolder(fakeEnv({ AIP_TENSORBOARD_LOG_DIR: value }), mount.path);
  assert.equal(folder("gs://bucket/logs"), `${mount.path}/bucket/logs`);
  assert.equal(folder("gs://elsewhere/logs"), "gs://elsewhere/logs");
  assert.equal(folder(""), undefined);
});

Deno.test("vertexTraining() is the image's archive, if Vertex AI names a model directory", () => {
  using image = new TempDir();
  const env = fakeEnv({ AIP_MODEL_DIR: "gs://bucket/model" });
  assert.equal(vertexTraining(env, image.path), undefined);
  image.write("manifest.json", "{}");
  assert.equal(vertexTraining(fakeEnv({}), image.path), undefined);
  assert.deepEqual(vertexTraining(env, image.path), {
    module: image.path,
    script: undefined,
    modelDir: "gs://bucket/model",
  });
});
