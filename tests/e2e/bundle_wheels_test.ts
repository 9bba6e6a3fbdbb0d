/** Archives with bundled wheels are installed without a network, whatever their requirements say. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Need, runs } from "./support/needs.ts";
import { projectFiles, writeProject, writeRepository, writeSdist } from "./support/projects.ts";
import { py, Sandbox, test } from "./support/sandbox.ts";
import { makeWheel } from "./support/wheels.ts";

const HAS_GIT: Need = runs("git", "--version") || "git is not installed";
/** Nothing listens at this address: a request to a registry fails. */
const NO_REGISTRY = { PIP_INDEX_URL: "http://127.0.0.1:9/", PIP_RETRIES: "0", PIP_TIMEOUT: "1" };

function registry(box: Sandbox): Record<string, string> {
  return { ...NO_REGISTRY, PIP_NO_INDEX: "1", PIP_FIND_LINKS: box.path("links") };
}

function trains(...modules: string[]): string {
  return `import ${modules.join(", ")}\ndef train(model_dir): print(${
    modules.map((name) => `${name}.V`).join(", ")
  })\n`;
}

/** Packages a module, removes its sources, and trains. */
async function packageAndTrain(box: Sandbox, module: string, ...options: string[]): Promise<string> {
  const packed = await box.run(["package", "-m", module, "--bundle-wheels", ...options], { env: registry(box) });
  assert.equal(packed.code, 0, packed.stderr);
  for (const name of ["links", "outside"]) {
    try {
      Deno.removeSync(box.path(name), { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const { code, stdout, stderr } = await box.run(["train", "model.tar.gz", "out"], { env: NO_REGISTRY });
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The list of the wheels in `model.tar.gz`, by their packages. */
async function resolved(box: Sandbox): Promise<string[]> {
  const list = await box.run(["-xzOf", "model.tar.gz", "wheels/resolved.txt"], { command: "tar" });
  return list.stdout.trimEnd().split("\n").map((line) => {
    const [, requirement] = /^(\S+==1\.0) --hash=sha256:[0-9a-f]{64}$/.exec(line) ?? [];
    return requirement ?? `a bad line: ${line}`;
  }).sort();
}

/** Each form of a requirement names a package of its own. */
const HAS_REPOSITORY = HAS_GIT === true;
const FORMS = [
  "./pkg/bat",
  "-e ./pkg/cat",
  ...(HAS_REPOSITORY ? ["git+file://ROOT/outside/dog#egg=dog"] : []),
  "elk @ file://ROOT/outside/elk-1.0-py3-none-any.whl",
  "-r more/list.txt",
  "-c more/limits.txt",
  "none-such ; python_version < '3'",
];
const PACKAGES = ["bat", "cat", ...(HAS_REPOSITORY ? ["dog"] : []), "elk", "fox"];

const WHAT = `folders, ${HAS_REPOSITORY ? "a repository, " : ""}an address, a nested file, a constraint and a marker`;

test(`package --bundle-wheels creates an archive of ${WHAT} that needs no network`, async (box) => {
  const module = box.module({
    "train.py": trains(...PACKAGES),
    "requirements.txt": `${FORMS.join("\n")}\n`.replaceAll("ROOT", box.root),
    "more/list.txt": "fox\n",
    "more/limits.txt": "fox<2\n",
  });
  for (const name of ["bat", "cat"]) writeProject(`${module}/pkg/${name}`, { name });
  if (HAS_REPOSITORY) writeRepository(box.path("outside/dog"), { name: "dog" });
  makeWheel(box.path("outside"), "elk", "1.0", 'V = "elk"');
  makeWheel(box.path("links"), "fox", "1.0", 'V = "fox"');
  makeWheel(box.path("links"), "fox", "2.0", 'V = "two"');
  assert.equal(await packageAndTrain(box, module), `${PACKAGES.join(" ")}\n`);
  assert.deepEqual(await resolved(box), PACKAGES.map((name) => `${name}==1.0`));
});

// Where one requirement has a hash, pip demands one of each.
test("package --bundle-wheels creates an archive of a source distribution with its hash that needs no network", async (box) => {
  const sdist = Deno.readFileSync(writeSdist(box.path("links"), { name: "fox" }));
  const hash = createHash("sha256").update(sdist).digest("hex");
  const module = box.module({ "train.py": trains("fox"), "requirements.txt": `fox==1.0 --hash=sha256:${hash}\n` });
  assert.equal(await packageAndTrain(box, module), "fox\n");
  assert.deepEqual(await resolved(box), ["fox==1.0"]);
});

test("package --bundle-wheels bundles extras, and dependencies from URLs", async (box) => {
  makeWheel(box.path("outside"), "owl", "1.0", 'V = "owl"');
  writeSdist(box.path("links"), { name: "elk" });
  const requires = [`owl @ file://${box.path("outside/owl-1.0-py3-none-any.whl")}`, 'elk ; extra == "more"'];
  const files = projectFiles({ name: "fox", requires });
  const named = Object.fromEntries(Object.entries(files).map(([name, text]) => [`pkg/${name}`, text]));
  const module = box.module({ ...named, "train.py": trains("fox", "owl", "elk"), "requirements.txt": "./pkg[more]\n" });
  assert.equal(await packageAndTrain(box, module), "fox owl elk\n");
});

test("package --bundle-wheels bundles wheels for another Python and machine, and builds local folders unless their wheels run here only", async (box) => {
  const files = (tag: string) =>
    Object.entries(projectFiles({ name: "fox", tag })).map(([name, text]) => [`pkg/${name}`, text]);
  const options = ["--python-version", "3.12", "--platform", "manylinux2014_aarch64"];
  const [other, here] = ["cp312-cp312-manylinux2014_aarch64", `py3-none-linux_${Deno.build.arch}`];
  for (const wheel of [other, here]) makeWheel(box.path("links"), "owl", "1.0", "V = 1", wheel);
  for (const tag of ["py3-none-any", "cp312-cp312-linux_x86_64"]) {
    const module = box.module({
      ...Object.fromEntries(files(tag)),
      "train.py": trains("fox"),
      "requirements.txt": "./pkg\nowl\n",
    });
    const { code, stderr } = await box.run(["package", "-q", "-m", module, "--bundle-wheels", ...options], {
      env: registry(box),
    });
    if (tag === "py3-none-any") {
      assert.deepEqual([code, stderr], [0, ""]);
      assert.deepEqual(await resolved(box), ["fox==1.0", "owl==1.0"]);
      const list = await box.run(["-tzf", "model.tar.gz"], { command: "tar" });
      assert.deepEqual(list.stdout.match(/owl.*\.whl/g), [`owl-1.0-${other}.whl`]);
    } else {
      assert.equal(code, 1);
      assert.match(stderr, /'fox' is built from .* for this machine only/);
    }
  }
});

test("package --bundle-wheels refuses wheels that can't be installed, and says which", async (box) => {
  // A wheel whose metadata has another version than its name, as broken build tools create.
  makeWheel(box.path("links"), "fox", "1.0", "V = 1");
  Deno.renameSync(box.path("links/fox-1.0-py3-none-any.whl"), box.path("links/fox-3.0-py3-none-any.whl"));
  const module = box.module({ "train.py": trains("fox"), "requirements.txt": "fox==3.0\n" });
  const { code, stderr } = await box.run(["package", "-q", "-m", module, "--bundle-wheels"], { env: registry(box) });
  assert.equal(code, 1);
  assert.match(stderr, /fox/);
  assert.throws(() => Deno.statSync(box.path("model.tar.gz")), Deno.errors.NotFound);
});

test("train refuses a bundled wheel that differs from the list, and names the wheels that another Python needs", async (box) => {
  makeWheel(box.path("links"), "fox", "1.0", "V = 1");
  const module = box.module({ "train.py": trains("fox"), "requirements.txt": "fox\n" });
  const packed = await box.run(["package", "-q", "-m", module, "--bundle-wheels"], { env: registry(box) });
  assert.equal(packed.code, 0, packed.stderr);
  assert.equal((await box.run(["unpack", "-q", "model.tar.gz", "folder"])).code, 0);
  makeWheel(box.path("folder/wheels"), "fox", "1.0", "V = 2");
  const changed = await box.run(["train", "folder", "out"], { env: NO_REGISTRY });
  assert.equal(changed.code, 1);
  assert.match(changed.stderr, /DO NOT MATCH THE HASHES/);

  // pip reads the first dependency, and the check of requirements can't: it has too many parentheses.
  const script = py`
    import hashlib, sys, zipfile
    path = sys.argv[1] + "/wheels/fox-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "a") as wheel:
        old = wheel.read("fox-1.0.dist-info/METADATA").decode()
        wheel.writestr("fox-1.0.dist-info/METADATA", old + "Requires-Dist: elk; " + "(" * 60 + "os_name == 'java'" + ")" * 60 + "\n" + "".join(sys.argv[2:]))
    digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
    open(sys.argv[1] + "/wheels/resolved.txt", "w").write("fox==1.0 --hash=sha256:" + digest + "\n")
  `;
  const trainWith = async (...lines: string[]) => {
    makeWheel(box.path("folder/wheels"), "fox", "1.0", "V = 1");
    const args = ["-W", "ignore", "-c", script, box.path("folder"), ...lines];
    const edited = await box.run(args, { command: "python3" });
    assert.equal(edited.code, 0, edited.stderr);
    return await box.run(["train", "folder", "out"], { env: NO_REGISTRY });
  };
  const sufficient = await trainWith();
  assert.equal(sufficient.code, 0, sufficient.stderr);
  const lacking = await trainWith("Requires-Dist: owl\n");
  assert.equal(lacking.code, 1);
  assert.match(lacking.stderr, /do not suffice for this Python: owl is not installed \(for fox\)/);
});
