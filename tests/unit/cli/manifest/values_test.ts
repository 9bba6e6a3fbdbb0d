import assert from "node:assert/strict";
import { requiresTorch } from "../../../../src/cli/manifest/torch.ts";
import { checkImage, checkName, defaultName, parseModelUri } from "../../../../src/cli/manifest/values.ts";

Deno.test("defaultName() makes a name from an archive's path", () => {
  assert.deepEqual(["a/My_Model.v2.tar.gz", "digits.tgz", "--.tar.gz", "Größe.tar.gz"].map(defaultName), [
    "my-model-v2",
    "digits",
    "",
    "gr-e",
  ]);
});

Deno.test("checkName() accepts the names of Services, up to the given length", () => {
  for (const name of ["a", "a-1", "a".repeat(53)]) checkName(name, 53, undefined);
  for (const name of ["", "1a", "-a", "a-", "A", "a.b", "a_b", "ä", "a\n", "a".repeat(54)]) {
    assert.throws(() => checkName(name, 53, undefined), /^UsageError: --name must be at most 53/);
  }
});

Deno.test("checkImage() accepts references with registry, port, tag and digest", () => {
  const digest = `@sha256:${"a".repeat(64)}`;
  for (
    const image of [
      "model",
      "model:1",
      "r.example.com/a/b:1.0-x",
      "localhost:5000/a_b",
      `r.io/a${digest}`,
      `a:1${digest}`,
    ]
  ) {
    checkImage(image);
  }
  for (
    const image of [
      "",
      "Model",
      "a b",
      "a:",
      "a@sha256:1",
      "a:1:2",
      "http://r.io/a",
      "a\n",
      "../a",
      "a//b",
      "a:{{ tag }}",
    ]
  ) {
    assert.throws(() => checkImage(image), /^UsageError: --image must be a reference/, image);
  }
});

Deno.test("parseModelUri() finds the claim and the folder, and refuses paths that lead out of it", () => {
  assert.deepEqual(parseModelUri("pvc://models/a/b/"), {
    at: "claim",
    claim: "models",
    folder: "a/b",
    uri: "pvc://models/a/b/",
  });
  assert.deepEqual(parseModelUri("pvc://models"), {
    at: "claim",
    claim: "models",
    folder: undefined,
    uri: "pvc://models",
  });
  assert.deepEqual(parseModelUri("gs://b/f"), { at: "uri", uri: "gs://b/f" });
  for (
    const uri of [
      "pvc://",
      "pvc://A/b",
      "pvc://a/../b",
      "pvc://a//b",
      "gs://",
      "models/a",
      "gs://a,b",
      "gs://a b",
      "gs://a\n",
    ]
  ) {
    assert.throws(() => parseModelUri(uri), /^UsageError: --model-uri must/, uri);
  }
});

Deno.test("requiresTorch() recognizes PyTorch among requirements and wheels", () => {
  for (
    const line of [
      "torch",
      "Torch>=2",
      "numpy\r\ntorch==2.1 ; python_version > '3'",
      "pytorch_lightning",
      "torch @ https://a/b.whl",
    ]
  ) {
    assert.ok(requiresTorch(line, []), line);
  }
  for (const line of ["", "# torch", "torchlight", "numpy"]) assert.ok(!requiresTorch(line, []), line);
  assert.ok(requiresTorch("", ["torch-2.1.0-cp311-cp311-linux_x86_64.whl"]));
  assert.ok(!requiresTorch("", ["numpy-2.1.0-cp311-cp311-linux_x86_64.whl"]));
});
