/** Names of scripts: pickles, child processes, and advice in messages. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { imports } from "./support/needs.ts";
import { echo, py, PYTHON, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

/** Serves a script of a module that is not `serve.py`. */
async function serve(box: Sandbox, module: string, script: string): Promise<Server> {
  return await Server.attach(box.start(["serve", "--port", "0", module, script, box.path("model")]), true);
}

const SAVES = py`
  import os, pickle
  class Mean:
      def __init__(self, offset): self.offset = offset
      def __call__(self, numbers): return self.offset + sum(numbers) / len(numbers)
  def square(number): return number * number
  def train(model_dir, *args):
      with open(os.path.join(model_dir, "mean.pkl"), "wb") as file:
          pickle.dump(Mean(1), file)
      import multiprocessing
      for method in args:
          with multiprocessing.get_context(method).Pool(1) as pool:
              print(method, pool.map(square, range(4)))
`;

const LOADS = py`
  import json, multiprocessing, os, pickle
  def square(number): return number * number
  def load(model_dir):
      with open(os.path.join(model_dir, "mean.pkl"), "rb") as file:
          return pickle.load(file)
  def deserialize(data, content_type): return json.loads(data)
  def predict(data, model):
      with multiprocessing.get_context("spawn").Pool(1) as pool:
          return [model(data), *pool.map(square, data)]
  def serialize(data, accepted): return json.dumps(data).encode(), "application/json"
`;

for (const name of ["train-model.py", "01_train.py", "json.py", "code/train.py"]) {
  test(`train and serve import a script under the same name when it is ${name}`, async (box) => {
    const module = box.module({ [name]: SAVES, "serve-pool.py": LOADS });
    const { code, stdout, stderr } = await box.run(["train", module, name, "model", "spawn", "forkserver"]);
    const lines = ["spawn", "forkserver"].map((method) => `${method} [0, 1, 4, 9]\n`).join("");
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: lines, stderr: "" });
    const server = await serve(box, module, "serve-pool.py");
    const answer = await server.invoke("[1, 2]");
    assert.deepEqual([answer.status, answer.text], [200, "[2.5, 1, 4]"]);
    await server.stop();
  });
}

test("a script in a subfolder can use hydra with a relative config_path in train", async (box) => {
  const files = Object.fromEntries(["train-net.py", "sub/train.py"].flatMap((name) => [
    [
      name,
      py`
        import hydra
        @hydra.main(version_base=None, config_path="conf", config_name="config")
        def app(cfg): print("main", dict(cfg))
        def train(model_dir, *args):
            app()
            with hydra.initialize(version_base=None, config_path="conf"):
                print("compose", dict(hydra.compose("config")))
      `,
    ],
    [`${name.slice(0, name.lastIndexOf("/") + 1)}conf/config.yaml`, `lr: 0.1\nplace: ${name}\n`],
  ]));
  const module = box.module(files);
  for (const name of ["train-net.py", "sub/train.py"]) {
    const { code, stdout } = await box.run(["train", module, name, "model", "lr=0.5"]);
    const expected = `main {'lr': 0.5, 'place': '${name}'}\ncompose {'lr': 0.1, 'place': '${name}'}\n`;
    assert.deepEqual({ code, stdout }, { code: 0, stdout: expected });
  }
}, imports(PYTHON, "hydra"));

test("package, verify, serve and train suggest a correct import when a relative one leads out of the module", async (box) => {
  const script = `from .near import X\ndef train(model_dir): ...\n${LOADS}`;
  const module = box.module({ "serve.py": script, "train.py": script, "near.py": "X = 1\n" }, "module");
  const words = /line 1: `from \.near import X` can't work: .*; write `from near import X`, or .* 'module\/serve\.py'/;
  const refused = await box.run(["package", "-m", module]);
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, words);
  assert.match(refused.stderr, /'train.py', line 1: /);
  assert.equal((await box.run(["package", "-m", module, "--no-check"])).code, 0);
  const verified = await box.run(["verify", "model.tar.gz"]);
  assert.deepEqual([verified.code === 0, words.test(verified.stderr)], [false, true], verified.stderr);
  const served = await box.run(["serve", "--port", "0", module, "serve.py", module]);
  assert.match(served.stderr, words);
  assert.ok(served.stderr.includes(`(aimodellib serve ${box.root} module/serve.py)`), served.stderr);
  const trained = await box.run(["train", module, "train.py", "model"]);
  assert.match(trained.stderr, /Training raised ImportError: .*`from \.near import X` can't work: .* write `from near/);
});

test("serve says what to do when an artifact was pickled with a class of __main__", async (box) => {
  box.write({ "model/mean.pkl": "c__main__\nMean\n." });
  const { code, stderr } = await box.run([
    "serve",
    "--port",
    "0",
    box.module({ "serve.py": LOADS }),
    "serve.py",
    "model",
  ]);
  assert.notEqual(code, 0);
  assert.match(stderr, /The artifact was pickled where Mean was defined by the main program.*`import __main__; /);
});

/** Unpickles a class of the main program in the function that the body names. */
const UNPICKLES = py`
  def parts(data):
      yield data
      pickle.loads(NET)
  def deserialize(data, content_type): return pickle.loads(NET) if data == b"deserialize" else data
  def predict(data, model):
      if data == b"part":
          return parts(data)
      return pickle.loads(NET) if data == b"predict" else data
  def serialize(data, accepted): return (pickle.loads(NET) if data == b"serialize" else data), "x/y"
`;

for (
  const [functions, script, args] of [
    [["deserialize", "predict", "serialize", "part"], UNPICKLES, []],
    [["predict in threads"], "def predict(data, model): return pickle.loads(NET)", ["--threads", "2"]],
    [["async predict"], "async def predict(data, model): return pickle.loads(NET)", ["--concurrency", "2"]],
    [["predict_batch"], "def predict_batch(data, model): return [pickle.loads(NET)]", ["--max-batch-size", "2"]],
  ] as const
) {
  test(`the log says what to do when ${functions.join(" or ")} unpickles a class of __main__, and clients see no path`, async (box) => {
    const server = await box.serve(echo(`import pickle\nNET = b"c__main__\\nNet\\n."\n${script}\n`), {
      more: [...args],
    });
    const advice = /^ {2}The artifact was pickled where Net was defined by the main program.*__main__; /;
    const advised = () => server.program.stderr.lines.filter((line) => advice.test(line)).length;
    for (const [index, what] of functions.entries()) {
      // A streamed answer ends early.
      const { text } = await server.invoke(what).catch(() => ({ text: "" }));
      await until(`the advice for ${what} is logged`, () => advised() === index + 1, undefined, () => server.log);
      assert.ok(!text.includes("serve.py"), text);
    }
    await server.stop();
  });
}

test("package, train and serve warn of a list of packages that they ignore when requirements.txt is missing", async (box) => {
  const script = `def train(model_dir): ...\n${LOADS}`;
  const files = { "serve.py": script, "train.py": script, "environment.yml": "dependencies:\n  - numpy\n" };
  const module = box.module(files, "module");
  const words = (name: string) => `'${name}' lists packages in environment.yml, which aimodellib does not read; `;
  const packed = await box.run(["package", "-m", module]);
  assert.deepEqual([packed.code, packed.stderr.includes(words(module))], [0, true], packed.stderr);
  assert.ok((await box.run(["train", module, "train.py", "model"])).stderr.startsWith(words(module)));
  assert.ok((await box.run(["train", "model.tar.gz", "model"])).stderr.includes(words("model.tar.gz")));
  assert.ok((await box.run(["serve", "--port", "0", module, "serve.py", "model"])).stderr.includes(words(module)));
  assert.equal((await box.run(["train", "--install", "never", module, "train.py", "model"])).stderr, "");
  box.write({ "module/requirements.txt": "" });
  assert.equal((await box.run(["train", module, "train.py", "model"])).stderr, "");
});

test("package and verify report an import of a neighbour that a script in a subfolder can't find", async (box) => {
  const module = box.module({ "src/serve.py": `import prep\n${LOADS}`, "src/prep.py": "" }, "module");
  const words = "line 1: 'prep' lies beside the script, in 'src', but modules are looked for in the module directory";
  for (const args of [["package", "-m", module, "-s", "src/serve.py"], ["verify", "model.tar.gz"]]) {
    const { code, stderr } = await box.run(args);
    assert.deepEqual([code, stderr.includes(words)], [0, true], stderr);
  }
  const { stderr } = await box.run(["serve", "--port", "0", module, "src/serve.py", module]);
  assert.match(
    stderr,
    /raised ModuleNotFoundError: .*'prep'\. 'prep' lies beside the script, in 'src', .*`from \. import prep`/,
  );
});
