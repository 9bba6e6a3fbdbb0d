/** The script for Hugging Face Accelerate in docs/running.md, with the real package, in ranks with the real PyTorch. */

import assert from "node:assert/strict";
import { imports } from "./support/needs.ts";
import { blocksOf } from "./support/pages.ts";
import { py, PYTHON, ROOT, test } from "./support/sandbox.ts";

/** Reads the numbers in a file of `torch.save`, without PyTorch: each tensor of one number is a file in a ZIP archive. */
const READ = py`
  import pickle, struct, sys, zipfile

  archive = zipfile.ZipFile(sys.argv[1])
  folder = archive.namelist()[0].split("/")[0]

  class Unpickler(pickle.Unpickler):
      def persistent_load(self, id):
          _, _, key, _, length = id
          return struct.unpack(f"{length}f", archive.read(f"{folder}/data/{key}"))

      def find_class(self, module, name):
          if name == "_rebuild_tensor_v2":
              return lambda numbers, *_: numbers[0]
          return super().find_class(module, name) if module == "collections" else name

  state = Unpickler(archive.open(f"{folder}/data.pkl")).load()
  print(*[(name, round(state[name], 1)) for name in sorted(state)])
`;

test("a script that uses Accelerate trains one model in two ranks under --launcher torchrun", async (box) => {
  const page = blocksOf(Deno.readTextFileSync(`${ROOT}/docs/running.md`));
  const { mark, text } = page.find(({ language, text }) => language === "python" && text.includes("Accelerator()"))!;
  box.write({ [mark!.value]: text });
  const words = ["train", "--launcher", "torchrun", "--nproc-per-node", "2", "accelerated", "train.py", "model"];
  const env = { ACCELERATE_USE_CPU: "true", PYTHONPATH: `${ROOT}/tests/e2e/support/light_launcher` };
  const { code, stdout, stderr } = await box.run(words, { env });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^\[rank 0\] 2 processes, loss 0\.0\d+$/m);
  assert.doesNotMatch(stdout, /^\[rank 1\] .* processes/m);
  const state = await box.run(["-c", READ, "model/model.pt"], { command: PYTHON });
  assert.equal(state.stdout, "('bias', 1.0) ('weight', 2.0)\n", state.stderr);
}, imports(PYTHON, "accelerate"));
