/** The script for Hugging Face Accelerate in docs/running.md, with the real package. */

import assert from "node:assert/strict";
import { imports } from "./support/needs.ts";
import { blocksOf } from "./support/pages.ts";
import { PYTHON, ROOT, test } from "./support/sandbox.ts";

const READ = `
import sys, torch
state = torch.load(sys.argv[1])
print(sorted(state), round(state["weight"].item(), 1), round(state["bias"].item(), 1))
`;

test("a script that uses Accelerate trains one model in two ranks under --launcher torchrun", async (box) => {
  const page = blocksOf(Deno.readTextFileSync(`${ROOT}/docs/running.md`));
  const { mark, text } = page.find(({ language, text }) => language === "python" && text.includes("Accelerator()"))!;
  box.write({ [mark!.value]: text });
  const words = ["train", "--launcher", "torchrun", "--nproc-per-node", "2", "accelerated", "train.py", "model"];
  const env = { ACCELERATE_USE_CPU: "true" };
  const { code, stdout, stderr } = await box.run(words, { env });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^\[rank 0\] 2 processes, loss 0\.0\d+$/m);
  assert.doesNotMatch(stdout, /^\[rank 1\] .* processes/m);
  const state = await box.run(["-c", READ, "model/model.pt"], { command: PYTHON });
  assert.equal(state.stdout, "['bias', 'weight'] 2.0 1.0\n", state.stderr);
}, imports(PYTHON, "accelerate"));
