/** Many concurrent starts of archives whose requirements look the same but name different packages. */

import assert from "node:assert/strict";
import { py, PYTHON, ROOT, Sandbox, test } from "./support/sandbox.ts";
import { tool } from "./support/tool.ts";
import { makeWheel } from "./support/wheels.ts";

/** An installer that takes a fraction of pip's time: what is tested is who installs, and where. */
const FAST = { PIP_CMD: `${PYTHON} ${ROOT}/tests/e2e/support/unpack_wheels.py` };

const STARTS = 20;
const KINDS = 3;

const TRAIN = py`
  import sys, fox, owl
  def train(model_dir):
      print(fox.V, owl.V, sys.prefix)
`;

/** Creates an archive whose wheels have the same names, versions and sizes as those of the others. */
function archive(box: Sandbox, value: number): string {
  const folder = box.module({
    "train.py": TRAIN,
    "manifest.json": `{"trainingScript": "train.py", "logNamingFormat": "%d.log"}`,
    // One package comes from the archive's wheels, the other from a path.
    "requirements.txt": "fox==1.0\nvendor/owl-1.0-py3-none-any.whl\n",
  }, `archive-${value}.d`);
  makeWheel(`${folder}/wheels`, "fox", "1.0", `V = ${value}`);
  makeWheel(`${folder}/vendor`, "owl", "1.0", `V = ${value}`);
  const args = ["-C", folder, "-czf", box.path(`archive-${value}.tar.gz`), "."];
  tool("tar", args);
  return `archive-${value}.tar.gz`;
}

test("20 concurrent starts of 3 archives with similar requirements run their own code, in one environment for each archive", async (box) => {
  const archives = Array.from({ length: KINDS }, (_, value) => archive(box, value));
  const programs = Array.from({ length: STARTS }, (_, i) => {
    const name = archives[i % KINDS]!;
    return box.start(["train", "--run-dir", `run-${i}`, name, `model-${i}`], { env: FAST });
  });
  const ended = await Promise.all(programs.map((program) => program.finished(300_000)));
  const prefixes = new Map<number, Set<string>>();
  let installed = 0;
  for (const [i, { code, stdout, stderr }] of ended.entries()) {
    assert.equal(code, 0, stderr);
    const [fox, owl, prefix] = stdout.trim().split(" ");
    const own = i % KINDS;
    assert.deepEqual([fox, owl], [`${own}`, `${own}`], `start ${i} ran the code of another archive`);
    prefixes.set(own, (prefixes.get(own) ?? new Set()).add(prefix!));
    if (/^Installing /m.test(stderr)) installed += 1;
  }
  assert.deepEqual([...prefixes.values()].map(({ size }) => size), [1, 1, 1], "one environment for each archive");
  assert.equal(new Set([...prefixes.values()].flatMap((found) => [...found])).size, KINDS, "and none for two");
  assert.equal(installed, KINDS, "each is made once");
});
