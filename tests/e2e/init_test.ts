/** `aimodellib init`: each template is written, tested, trained, packaged and served by the commands that it prints. */

import assert from "node:assert/strict";
import { imports } from "./support/needs.ts";
import { BIN, PYTHON, ROOT, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

/** More threads do not train these small models faster, but waste processor time on waiting. Packages do not import what the scripts do not use. */
const ENV = { OMP_NUM_THREADS: "1", PYTHONPATH: `${ROOT}/tests/e2e/support/lean_imports` };

/** The three commands that `init` printed. */
function commandsIn(stdout: string): [train: string, serve: string, ask: string] {
  const lines = stdout.split("\n").filter((line) => line.startsWith("  ")).map((line) => line.trim());
  assert.equal(lines.length, 3, stdout);
  return lines as [string, string, string];
}

/** Runs a command in a shell where the executable is on PATH. */
async function shell(box: Sandbox, command: string, cwd: string) {
  const bin = box.path("bin");
  Deno.mkdirSync(bin, { recursive: true });
  try {
    Deno.symlinkSync(BIN, `${bin}/aimodellib`);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const PATH = `${bin}:${box.env.PATH}`;
  return await box.run(["-c", command], { command: "/bin/sh", cwd, env: { PATH, ...ENV }, limit: 300_000 });
}

const TEMPLATES = [
  ["plain", ["train.py", "serve.py", "sample.json", "requirements.txt"], [], /^\["setosa","versicolor","virginica"\]$/],
  [
    "scikit-learn",
    ["train.py", "serve.py", "sample.json", "requirements.txt"],
    ["sklearn", "joblib"],
    /^\[\{"species":"setosa",/,
  ],
  ["pytorch", ["train.py", "serve.py", "network.py", "sample.json", "requirements.txt"], ["torch"], /^\[\{"spiral":0,/],
  ["stream", ["train.py", "serve.py", "text.txt", "sample.txt", "requirements.txt"], [], /^(\S+ ){40}$/],
] as const;

for (const [template, packed, needs, answer] of TEMPLATES) {
  test(
    `init --template ${template} writes a model that can be tested, trained, packaged and served unchanged`,
    async (box) => {
      const cwd = box.path("work");
      Deno.mkdirSync(cwd);
      const { code, stdout, stderr } = await box.run(["init", "flowers", "--template", template], { cwd });
      assert.equal(code, 0, stderr);
      const [train, serve, ask] = commandsIn(stdout);

      const tested = await box.run(["-B", "-m", "unittest"], {
        command: PYTHON,
        cwd: `${cwd}/flowers`,
        env: ENV,
        limit: 300_000,
      });
      assert.equal(tested.code, 0, tested.stderr);
      assert.match(tested.stderr, /Ran 2 tests/);

      const trained = await shell(box, train, cwd);
      assert.equal(trained.code, 0, trained.stderr);
      assert.match(trained.stdout, /Accuracy: (0\.9|1\.0)|different$/m);

      const archive = await box.run(["package", "-m", "flowers", "-o", "flowers.tar.gz"], { cwd });
      assert.equal(archive.code, 0, archive.stderr);
      const list = await box.run(["inspect", "--json", "flowers.tar.gz"], { cwd });
      const paths: string[] = JSON.parse(list.stdout).entries.map(({ path }: { path: string }) => path);
      const files = paths.filter((path) => path.startsWith("flowers/") && !path.endsWith("/"));
      assert.deepEqual(
        files.map((path) => path.slice("flowers/".length)).sort(),
        [".aimodellibignore", ...packed].sort(),
      );

      const words = serve.split(" ").slice(1);
      const server = await Server.attach(box.start([...words, "0"], { cwd, env: ENV }), true);
      const asked = await shell(box, ask.replace("http://127.0.0.1:8080", server.url), cwd);
      assert.equal(asked.code, 0, asked.stderr);
      assert.match(asked.stdout, answer);
      await server.stop();
    },
    needs.length === 0 ? true : imports(PYTHON, ...needs),
  );
}

test("init without arguments writes plain into the working directory, and overwrites nothing", async (box) => {
  const cwd = box.path("here");
  box.write({ "here/notes.txt": "mine" });
  const first = await box.run(["init"], { cwd });
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stdout,
    /^ {2}aimodellib train \. train\.py model\n {2}aimodellib serve \. serve\.py model\n {2}curl /m,
  );
  Deno.removeSync(`${cwd}/serve.py`);
  Deno.writeTextFileSync(`${cwd}/train.py`, "mine");
  const second = await box.run(["init", "--template", "stream"], { cwd });
  assert.equal(second.code, 2);
  assert.equal(second.stdout, "");
  assert.match(second.stderr, /^Error: 'train\.py', 'test_model\.py', .* exist already: nothing was written\./);
  assert.equal(Deno.readTextFileSync(`${cwd}/train.py`), "mine");
  assert.equal(Deno.readTextFileSync(`${cwd}/notes.txt`), "mine");
  const names = [...Deno.readDirSync(cwd)].map(({ name }) => name);
  assert.ok(!names.includes("serve.py") && !names.includes("text.txt"), names.join());
});

test("init lists the templates when it is given an unknown one", async (box) => {
  const { code, stderr } = await box.run(["init", "--template", "tensorflow"]);
  assert.equal(code, 2);
  for (const name of ["plain", "scikit-learn", "pytorch", "stream", "tensorflow"]) {
    assert.ok(stderr.includes(name), stderr);
  }
  assert.deepEqual([...Deno.readDirSync(box.root)].map(({ name }) => name).sort(), ["home", "tmp"]);
});

test("init prints commands that a shell parses correctly, whatever the folder's name", async (box) => {
  for (const folder of ["it's a $(model)", "-x", "a/b/"]) {
    const { code, stdout, stderr } = await box.run(["init", "--", folder]);
    assert.equal(code, 0, stderr);
    const trained = await shell(box, commandsIn(stdout)[0], box.root);
    assert.equal(trained.code, 0, trained.stderr);
    assert.ok(Deno.statSync(box.path(`${folder}/model/model.json`)).isFile);
  }
});
