/** `aimodellib dockerfile`: its output checked by a linter, and an image that is built from it. */

import assert from "node:assert/strict";
import { buildAndRun } from "./support/image.ts";
import { CAN_BUILD_IMAGES, has } from "./support/needs.ts";
import { type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import { GREET } from "./support/scripts.ts";

const HADOLINT = `${TOOLS}/hadolint`;

/** A module without requirements. */
const PLAIN = `EXTRA = None\n${GREET}`;

const TABULATES = `import tabulate\nEXTRA = f"{tabulate.__version__} {tabulate.__file__}"\n${GREET}`;

async function pack(box: Sandbox, name: string, ...more: string[]): Promise<void> {
  const { code, stderr } = await box.run(["package", "-m", "my module", "-o", name, ...more], {
    env: { AIMODELLIB_PYTHON: "/usr/bin/python3" },
  });
  assert.equal(code, 0, stderr);
}

test("an image is built, serves as an unprivileged user, passes its health check, and stops", async (box) => {
  box.write({
    "my module/serve.py": TABULATES,
    "my module/requirements.txt": "tabulate==0.9.0\n",
    "context/m/name": "Ada",
  });
  await pack(box, "context/a model.tar.gz", "--bundle-wheels");
  const { code, stdout, stderr } = await box.run(["dockerfile", "--model-dir", "m", "context/a model.tar.gz"]);
  assert.equal(code, 0, stderr);
  Deno.mkdirSync(box.path("images"));
  const post = "import urllib.request as u; " +
    "print(u.urlopen('http://127.0.0.1:8080/invocations', b'Hello').read().decode())";
  // What the environment has of pip, if the base has a pip.
  const pips = "if python3 -m pip --version > /dev/null 2>&1; then ls /opt/venv/bin; fi";
  box.write({ "build.sh": buildAndRun(stdout, box.path("context"), `python3 -c "${post}" && ${pips}`) });
  // The build needs no network: the wheels are in the archive.
  const built = await box.run(["--mount", "--net", "sh", "build.sh"], {
    command: "unshare",
    env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" },
    limit: 180_000,
  });
  const said = `${built.stdout}\n${built.stderr}`;
  assert.match(built.stdout, /^Ada Hello 10001 \/home\/app 0\.9\.0 \/opt\/venv\/lib\//m, said);
  assert.match(built.stdout, /^exit code 0$/m, said);
  assert.doesNotMatch(built.stdout, /^pip[\d.]*$/m, said);
}, CAN_BUILD_IMAGES);

test("hadolint finds no fault in a printed Dockerfile", async (box) => {
  box.write({
    "my module/serve.py": PLAIN,
    "my module/train.py": "def train(model_dir): pass",
  });
  await pack(box, "plain.tar.gz");
  Deno.removeSync(box.path("my module/serve.py"));
  await pack(box, "train.tar.gz");
  box.write({ "my module/serve.py": TABULATES, "my module/requirements.txt": "tabulate==0.9.0\n" });
  await pack(box, "required.tar.gz");
  await pack(box, "wheels.tar.gz", "--bundle-wheels");
  for (const name of ["plain", "train", "required", "wheels"]) {
    const { stdout } = await box.run(["dockerfile", `${name}.tar.gz`]);
    const { code, stdout: complaints } = await box.run(["-"], { command: HADOLINT, stdin: stdout });
    assert.deepEqual([code, complaints], [0, ""], name);
    assert.equal(stdout.includes("HEALTHCHECK"), name !== "train");
    assert.equal(stdout.includes("pip install"), name === "required" || name === "wheels");
    assert.equal(stdout.includes("--no-index"), name === "wheels");
  }
}, has(HADOLINT));

test("the base image has the Python of the archive's wheels, or the requested one", async (box) => {
  box.write({ "my module/serve.py": PLAIN });
  const from = async (...args: string[]) => {
    const { stdout } = await box.run(["dockerfile", ...args, "a.tar.gz"]);
    return [...stdout.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  };
  await pack(box, "a.tar.gz");
  assert.deepEqual(await from(), ["python:3.13-slim", "python:3.13-slim"]);
  assert.deepEqual(await from("--base-image", "pytorch/pytorch"), ["pytorch/pytorch", "pytorch/pytorch"]);
  box.write({
    "root/manifest.json": `{"module": "m", "servingScript": "serve.py", "trainingScript": null}`,
    "root/m/serve.py": PLAIN,
    "root/wheels/a-1-cp38-abi3-manylinux1_x86_64.whl": "",
    "root/wheels/b-1-cp311-cp311-manylinux1_x86_64.whl": "",
  });
  const packed = await box.run(["-czf", "a.tar.gz", "-C", "root", "."], { command: "tar" });
  assert.equal(packed.code, 0, packed.stderr);
  assert.deepEqual(await from(), ["python:3.11-slim", "python:3.11-slim"]);
});

test("dockerfile refuses an archive that can't become an image, and prints nothing", async (box) => {
  box.write({
    "junk.tar.gz": "junk",
    "none/manifest.json": `{"servingScript": null, "trainingScript": null}`,
    "quote/manifest.json": `{"module": "a'b"}`,
    "quote/a'b/serve.py": "",
    "quote/a'b/main.py": "",
  });
  for (const name of ["none", "quote"]) {
    const packed = await box.run(["-czf", `${name}.tar.gz`, "-C", name, "."], { command: "tar" });
    assert.equal(packed.code, 0, packed.stderr);
  }
  Deno.copyFileSync(box.path("none.tar.gz"), box.path("$HOME.tar.gz"));
  for (
    const [args, expected] of [
      [["-"], /^Error: An archive from standard input can't be copied into an image/],
      [["nowhere.tar.gz"], /^Error: .*'nowhere.tar.gz'/],
      [["junk.tar.gz"], /^Error: .*gzip/],
      [["none.tar.gz"], /^Error: 'none.tar.gz' can neither train nor serve/],
      [
        ["$HOME.tar.gz"],
        /^Error: '\$HOME\.tar\.gz' contains a character with a special meaning in a Dockerfile: rename it/,
      ],
      [["quote.tar.gz"], /^Error: 'a'b' contains a character with a special meaning/],
      [
        ["--model-dir", "../m", "none.tar.gz"],
        /^Error: --model-dir must be a relative path inside the build context, not '\.\.\/m'/,
      ],
      [["--key", "nokey", "none.tar.gz"], /^Error: The public key 'nokey' can't be read/],
    ] as const
  ) {
    const { code, stdout, stderr } = await box.run(["dockerfile", ...args]);
    assert.notEqual(code, 0);
    assert.equal(stdout, "");
    assert.match(stderr, expected);
  }
});
