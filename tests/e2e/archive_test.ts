/** `aimodellib package`, `inspect`, `verify` and `unpack`, with the executable and other programs' archives. */

import assert from "node:assert/strict";
import { openArchive, scan } from "../../src/archive/mod.ts";
import { CAN_MOUNT, runs } from "./support/needs.ts";
import { BIN, PYTHON, type Sandbox, test } from "./support/sandbox.ts";
import { runTool, sh } from "./support/tool.ts";

const TRAIN = "def train(model_dir, *args, **kwargs): print('trained')\n";
const SERVE = "def load(d): ...\ndef deserialize(d, c): ...\ndef predict(d, m): ...\ndef serialize(d, a): ...\n";

/** A module in the sandbox with files of all kinds. */
function module(box: Sandbox): string {
  const path = box.module({ "train.py": TRAIN, "data/ünï.txt": "é", [`${"deep/".repeat(30)}file.txt`]: "x" });
  Deno.chmodSync(`${path}/train.py`, 0o755);
  return path;
}

/**
 * Writes `count` files with the same 64 MiB of random bytes, which need the disk once. Deflate looks back 32 KiB, so it does not notice
 * that they repeat.
 */
function largeWeights(folder: string, count: number): void {
  sh(
    folder,
    `head -c 67108864 /dev/urandom > 0.bin; i=1; while [ $i -lt ${count} ]; do ln 0.bin $i.bin; i=$((i+1)); done`,
  );
}

test("package creates an archive that tar and unpack read; a script trained from it behaves the same", async (box) => {
  const path = module(box);
  const { code, stdout, stderr } = await box.run(["package", "-m", path]);
  assert.deepEqual([code, stdout], [0, ""]);
  assert.match(
    stderr,
    /^The module has no serve.py: servingScript is null \(name another file with --serve-script\)\nWrote model.tar.gz: /,
  );
  Deno.mkdirSync(box.path("tar"));
  sh(box.path("tar"), "tar -xzf ../model.tar.gz");
  const unpacked = await box.run(["unpack", "model.tar.gz", "out"]);
  assert.deepEqual([unpacked.code, unpacked.stdout], [0, ""]);
  sh(box.root, "diff -r -x .aimodellib-origin.json tar out");
  const name = path.split("/").at(-1)!;
  assert.deepEqual(JSON.parse(Deno.readTextFileSync(box.path("out/manifest.json"))), {
    module: name,
    trainingScript: "train.py",
    servingScript: null,
    logDirectory: "logs",
    logNamingFormat: "%Y-%m-%dT%H-%M-%S.log",
    enableTensorboard: false,
    tensorboardDirectory: "tb_logs",
  });
  const trained = await box.run(["train", box.path(`out/${name}`), "train.py", "model"]);
  assert.equal(trained.stdout, "trained\n");
});

test("package accepts every option in its long and short form", async (box) => {
  const path = box.module({ "a.py": TRAIN, "b.py": SERVE });
  const expected = {
    module: path.split("/").at(-1)!,
    trainingScript: "a.py",
    servingScript: "b.py",
    logDirectory: "l",
    logNamingFormat: "%H.log",
    enableTensorboard: true,
    tensorboardDirectory: "tb",
  };
  const long = [
    "--module-dir",
    path,
    "--train-script",
    "a.py",
    "--serve-script",
    "./b.py",
    "--log-name-format",
    "%H.log",
  ];
  const short = ["-m", path, "-t", "a.py", "-s", "b.py", "-l", "%H.log", "-L", "l", "--enable-tensorboard", "-T", "tb"];
  const rest = ["--log-dir", "l", "--enable-tensorboard", "--tensorboard-dir", "tb", "--output", "long.tar.gz"];
  for (const words of [[...long, ...rest], [...short, "-o", "short.tar.gz"]]) {
    const { code, stdout, stderr } = await box.run(["package", "--json", ...words]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout).manifest, expected);
  }
  sh(box.root, "cmp long.tar.gz short.tar.gz");
  assert.equal(
    sh(box.root, "sha256sum < long.tar.gz").slice(0, 64),
    JSON.parse(
      (await box.run([
        "package",
        "--json",
        ...short,
        "-o",
        "again.tar.gz",
      ])).stdout,
    ).sha256,
  );
});

test("package refuses an unknown option with a suggestion", async (box) => {
  const { code, stderr } = await box.run(["package", "--tain-script", "x"]);
  assert.equal(code, 2);
  assert.match(stderr, /--train-script/);
});

for (
  const [what, words, message] of [
    [
      "a named script that is missing",
      ["-t", "no.py"],
      /--train-script names 'no.py', which is not in the module .*\(it contains 'train.py'\)/,
    ],
    [
      "a script outside of the module",
      ["-s", "../x.py"],
      /--serve-script must stay inside the root, but "\.\.\/x.py" leads out/,
    ],
    ["a module that is not there", ["-m", "missing"], /The module directory 'missing' can't be read: No such file/],
    ["a manifest of another name", ["-M", "train.json"], /The manifest 'train.json' must be named manifest.json/],
    ["a manifest that is not there", ["-M", "no/manifest.json"], /can't be read: No such file/],
    [
      "a manifest and an option that is in it",
      ["-M", "manifest.json", "-l", "x"],
      /--manifest-file can't be combined with --log-name-format/,
    ],
    [
      "an output that can't be written",
      ["-o", "no/such/model.tar.gz"],
      /'no\/such\/model.tar.gz' can't be written: No such file/,
    ],
    [
      "an absolute log directory",
      ["-L", "/var/log"],
      /--log-dir must be a relative path, not "\/var\/log"/,
    ],
  ] as const
) {
  test(`package refuses ${what}, and leaves no file`, async (box) => {
    const path = box.module({ "train.py": TRAIN });
    const list = "find . -path ./home -prune -o -print | sort";
    const before = sh(box.root, list);
    const module = (words as readonly string[]).includes("-m") ? [] : ["-m", path];
    const { code, stdout, stderr } = await box.run(["package", ...module, ...words]);
    assert.deepEqual([code, stdout], [what.startsWith("an output") ? 1 : 2, ""], stderr);
    assert.match(stderr, message);
    assert.equal(sh(box.root, list), before);
  });
}

test("package refuses a script that lacks a function, with file and line, and accepts it with --no-check", async (box) => {
  const path = box.module({ "train.py": TRAIN, "sub/main.py": `\n${SERVE.replace("predict(d, m)", "predict(d)")}` });
  const words = ["package", "-m", path, "-s", "sub/main.py"];
  const refused = await box.run(words);
  assert.deepEqual([refused.code, refused.stdout], [1, ""]);
  assert.equal(
    refused.stderr,
    "Error: 'sub/main.py', line 4: predict(d) must be callable as predict(data, model, logger=None)\n" +
      "(--no-check packs it nevertheless)\n",
  );
  assert.throws(() => Deno.statSync(box.path("model.tar.gz")), Deno.errors.NotFound);
  assert.equal((await box.run([...words, "--no-check"])).code, 0);
  const verified = await box.run(["verify", "model.tar.gz"]);
  assert.deepEqual([verified.code, verified.stdout], [1, ""]);
  assert.match(verified.stderr, /'module-1\/sub\/main.py', line 4: predict\(d\) must be callable as /);
  const unchecked = await box.run(["verify", "--no-check", "model.tar.gz"]);
  assert.deepEqual([unchecked.code, unchecked.stderr], [0, ""]);
});

test("package refuses a train.py without train(), and one that does not parse", async (box) => {
  for (
    const [source, message] of [
      ["def fit(model_dir): ...\n", /^Error: 'train.py' must define train\(\)\n/],
      ["\ndef train(:\n", /^Error: 'train.py', line 2: invalid syntax \(as Python 3\.\d+ reads it\)\n/],
    ] as const
  ) {
    const { code, stderr } = await box.run(["package", "-m", box.module({ "train.py": source })]);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
});

test("package does not name a serve.py without the functions of a model in the manifest", async (box) => {
  const path = box.module({ "train.py": TRAIN, "serve.py": "import http.server\n" });
  const { code, stderr } = await box.run(["package", "-m", path]);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^serve.py is not a serving script: .*; servingScript is null \(--serve-script serve.py keeps it\)/,
  );
  assert.equal(JSON.parse((await box.run(["inspect", "--manifest", "model.tar.gz"])).stdout).servingScript, null);
  const named = await box.run(["package", "-m", path, "-s", "serve.py"]);
  assert.equal(named.code, 1);
  assert.match(named.stderr, /'serve.py' must define load\(\), deserialize\(\), predict\(\), serialize\(\)/);
});

test("package reports that nothing was checked when there is no Python", async (box) => {
  const path = box.module({ "train.py": "def fit(): ...\n" });
  const env = { PATH: box.path("nothing"), AIMODELLIB_PYTHON: "" };
  const { code, stderr } = await box.run(["package", "-m", path], { env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^The module has no serve.py.*\nThe scripts were not checked: no Python was found\nWrote /);
  const verified = await box.run(["verify", "model.tar.gz"], { env });
  assert.deepEqual([verified.code, verified.stderr], [
    0,
    "The scripts of 'model.tar.gz' were not checked: no Python was found\n",
  ]);
  const named = await box.run(["package", "-m", path, "--python", "no-such-python"], { env });
  assert.equal(named.code, 2);
  assert.match(named.stderr, /--python names the Python 'no-such-python'/);
});

test("package --bundle-wheels puts the wheels of requirements.txt and their dependencies into the archive", async (box) => {
  const path = box.module({ "train.py": TRAIN, "requirements.txt": "python-dateutil==2.9.0.post0\n" });
  const { code, stderr } = await box.run(["package", "-m", path, "--bundle-wheels"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Saved .*python_dateutil-2.9.0.post0-py2.py3-none-any.whl/);
  const { entries } = JSON.parse((await box.run(["inspect", "--json", "model.tar.gz"])).stdout);
  const wheels = entries.map(({ path }: { path: string }) => path).filter((path: string) => path.endsWith(".whl"));
  assert.match(
    wheels.join(" "),
    /^wheels\/python_dateutil-2.9.0.post0-py2.py3-none-any.whl wheels\/six-[\d.]+-py2.py3-none-any.whl$/,
  );
  assert.equal((await box.run(["verify", "model.tar.gz"])).code, 0);
});

for (
  const [what, files, words, exit, message] of [
    [
      "there is no such package",
      { "requirements.txt": "six==0.0.0.dev0\n" },
      ["-q"],
      1,
      /No matching distribution found/,
    ],
    ["there are no requirements", {}, [], 2, /--bundle-wheels needs a requirements.txt in the module/],
    [
      "the module is where they are to be",
      { "requirements.txt": "", "manifest.json": '{"trainingScript": "train.py"}', "wheels/x": "" },
      ["-M", "module-1/manifest.json"],
      2,
      /--bundle-wheels needs the archive's folder 'wheels', which the module uses already/,
    ],
  ] as const
) {
  test(`package --bundle-wheels fails with the reason, and leaves no file, when ${what}`, async (box) => {
    const path = box.module({ "train.py": TRAIN, ...files });
    const { code, stderr } = await box.run(["package", "-m", path, "--bundle-wheels", ...words]);
    assert.equal(code, exit, stderr);
    assert.match(stderr, message);
    assert.throws(() => Deno.statSync(box.path("model.tar.gz")), Deno.errors.NotFound);
  });
}

test("package warns of requirements outside of the module, unless their wheels are added", async (box) => {
  const path = box.module({ "train.py": TRAIN, "requirements.txt": "-r ../base.txt\n" });
  box.write({ "base.txt": "" });
  const { code, stderr } = await box.run(["package", "-m", path]);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^requirements\.txt names '\.\.\/base\.txt', which is outside of the module and not in the archive: /m,
  );
  const bundled = await box.run(["package", "--json", "-m", path, "--bundle-wheels"]);
  assert.doesNotMatch(JSON.parse(bundled.stdout).notices.join("\n"), /outside/, bundled.stderr);
});

test("package --bundle-wheels ends the command of PIP_CMD, and leaves no file, on SIGTERM", async (box) => {
  const path = box.module({ "train.py": TRAIN, "requirements.txt": "" });
  Deno.writeTextFileSync(box.path("pip"), '#!/bin/sh\necho "begun with $*"\nexec sleep 60\n', { mode: 0o755 });
  const program = box.start(["package", "-m", path, "--bundle-wheels"], { env: { PIP_CMD: `${box.path("pip")} -v` } });
  await program.stderr.waitFor(/begun with -v wheel --wheel-dir/);
  program.kill("SIGTERM");
  const { code } = await program.finished();
  assert.equal(code, 1);
  assert.match(program.stderr.text, /Error: 'model.tar.gz' was not packed: stopped by SIGTERM/);
});

test("package creates the same bytes as another user, in another folder, and at another time", async (box) => {
  const one = box.path("one/model");
  const other = box.path("other/model");
  for (const folder of [one, other]) {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(`${folder}/train.py`, TRAIN);
    Deno.writeTextFileSync(`${folder}/b.txt`, "b".repeat(1e6));
  }
  sh(other, "touch -d 2001-01-01 train.py; chmod 640 b.txt; chown 1234:1234 . b.txt || true");
  for (const [folder, name] of [[one, "one"], [other, "other"]] as const) {
    assert.equal((await box.run(["package", "-q", "-m", folder, "-o", `${name}.tar.gz`])).code, 0);
  }
  sh(box.root, "cmp one.tar.gz other.tar.gz");
  const dated = await box.run(["package", "-q", "-m", one, "-o", "dated.tar.gz"], {
    env: { SOURCE_DATE_EPOCH: "1000000000" },
  });
  assert.equal(dated.code, 0);
  assert.match(sh(box.root, "TZ=UTC tar -tvzf dated.tar.gz"), /2001-09-09 01:46/);
  const wrong = await box.run(["package", "-m", one], { env: { SOURCE_DATE_EPOCH: "today" } });
  assert.match(wrong.stderr, /SOURCE_DATE_EPOCH must be a number of seconds since 1970, not 'today'/);
});

test("package excludes its own output, replaces the old archive, and does so again", async (box) => {
  const path = box.module({ "train.py": TRAIN });
  for (let i = 0; i < 3; i++) {
    const { code, stdout } = await box.run(["package", "--json", "-o", "model.tar.gz"], { cwd: path });
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout).entries, 3);
    assert.equal(JSON.parse(stdout).leftOut.length, Math.min(i, 1));
  }
  assert.deepEqual([...Deno.readDirSync(path)].map(({ name }) => name).sort(), ["model.tar.gz", "train.py"]);
});

test("package and the commands that read work through pipes", (box) => {
  const path = module(box);
  const line = sh(box.root, `'${BIN}' package -q -m '${path}' -o - | '${BIN}' verify -`);
  assert.match(line, /^standard input is good: \d+ entries/);
  assert.match(
    sh(box.root, `'${BIN}' package -q -m '${path}' -o - | '${BIN}' inspect --manifest -`),
    /"trainingScript"/,
  );
  sh(box.root, `'${BIN}' package -q -m '${path}' -o - | '${BIN}' unpack -q - piped`);
  assert.equal(Deno.readTextFileSync(box.path(`piped/${path.split("/").at(-1)}/train.py`)), TRAIN);
});

test("package with a manifest puts the module where the manifest says, and keeps unknown keys", async (box) => {
  box.write({ "manifest.json": '// comment\n{"module": "a/b", "trainingScript": "train.py", "extra": [1]}' });
  const path = box.module({ "train.py": TRAIN });
  const { code, stderr } = await box.run(["package", "-m", path, "-M", "manifest.json"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /The manifest 'manifest.json' has the unknown key 'extra', which the archive keeps/);
  const { stdout } = await box.run(["inspect", "--json", "model.tar.gz"]);
  const { unknown, entries } = JSON.parse(stdout);
  assert.deepEqual(unknown, { extra: [1] });
  assert.deepEqual(entries.map(({ path }: { path: string }) => path), ["manifest.json", "a", "a/b", "a/b/train.py"]);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`package keeps the old archive and leaves no unfinished file when ${signal} interrupts it`, async (box) => {
    const path = box.module({ "train.py": TRAIN });
    largeWeights(path, 5);
    box.write({ "model.tar.gz": "the old one" });
    const program = box.start(["package", "-m", path]);
    while (![...Deno.readDirSync(box.root)].some(({ name }) => name.endsWith(".tmp"))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    Deno.kill(program.pid, signal);
    const { code, stderr } = await program.finished();
    assert.equal(code, 1, stderr);
    assert.match(stderr, new RegExp(`Error: 'model.tar.gz' was not packed: stopped by ${signal}`));
    assert.equal(Deno.readTextFileSync(box.path("model.tar.gz")), "the old one");
    assert.ok(![...Deno.readDirSync(box.root)].some(({ name }) => name.endsWith(".tmp")));
  });
}

test("package and unpack keep existing files, and leave no unfinished ones, when the disk is full", async (box) => {
  const path = box.module({ "train.py": TRAIN });
  sh(path, "head -c 3000000 /dev/urandom > weights.bin");
  assert.equal((await box.run(["package", "-q", "-m", path])).code, 0);
  const script = `mount -t tmpfs -o size=1m tmpfs small && echo old > small/model.tar.gz &&
    { '${BIN}' package -q -m '${path}' -o small/model.tar.gz; echo "code $?"
      '${BIN}' unpack -q model.tar.gz small/out; echo "code $?"
      ls -A small; cat small/model.tar.gz; } 2>&1`;
  Deno.mkdirSync(box.path("small"));
  const { text } = await runTool("unshare", ["--mount", "sh", "-c", script], { cwd: box.root });
  assert.match(text, /^Error: 'small\/model.tar.gz' can't be written: No space left on device.*\ncode 1\n/);
  assert.match(
    text,
    /\nError: 'model.tar.gz' can't be unpacked: '.*weights.bin' can't be written: No space left on device.*\ncode 1\nmodel.tar.gz\nold\n$/,
  );
}, CAN_MOUNT);

test("unpack names the file, and leaves nothing, when thousands of small files fill the disk", async (box) => {
  const path = box.module({ "train.py": TRAIN });
  Deno.mkdirSync(`${path}/d`);
  for (let i = 0; i < 1000; i++) Deno.writeTextFileSync(`${path}/d/${i}.txt`, `${i}\n`);
  assert.equal((await box.run(["package", "-q", "-m", path])).code, 0);
  // One disk is too small for the bytes, the other for the number of files.
  for (const limit of ["size=1m", "nr_inodes=500"]) {
    const script = `mount -t tmpfs -o ${limit} tmpfs small &&
      { '${BIN}' unpack -q model.tar.gz small/out; echo "code $?"; ls -A small; } 2>&1`;
    Deno.mkdirSync(box.path("small"), { recursive: true });
    const { stdout } = new Deno.Command("unshare", { args: ["--mount", "sh", "-c", script], cwd: box.root })
      .outputSync();
    assert.match(
      new TextDecoder().decode(stdout),
      /^Error: '.*d\/\d+\.txt' can't be written: No space left on device.*\ncode 1\n$/,
    );
  }
}, CAN_MOUNT);

test("unpack fills an empty volume in a root that can't be written to, and the working directory", async (box) => {
  assert.equal((await box.run(["package", "-q", "-m", box.module({ "train.py": TRAIN }, "m")])).code, 0);
  const script = `mount -t tmpfs root root && mkdir root/volume && mount -t tmpfs volume root/volume &&
    mount -o remount,ro root && '${BIN}' unpack -q model.tar.gz root/volume && ls root/volume &&
    cd here && '${BIN}' unpack -q ../model.tar.gz . && ls && ls -A ..`;
  Deno.mkdirSync(box.path("root"));
  Deno.mkdirSync(box.path("here"));
  const { success, text } = await runTool("unshare", ["--mount", "sh", "-c", script], { cwd: box.root });
  assert.ok(success, text);
  assert.match(text, /^m\nmanifest\.json\nm\nmanifest\.json\n/);
  assert.doesNotMatch(text, /\.tmp\n/);
}, CAN_MOUNT);

/** Programs that make archives. Each packs `m` and `manifest.json`; paths may begin with `./`. */
const MAKERS: readonly (readonly [name: string, command: string, needs?: true | string])[] = [
  ...["v7", "oldgnu", "gnu", "ustar", "posix"].map((format) =>
    [`GNU tar, ${format}`, `tar --format=${format} -czf a.tar.gz -C in .`] as const
  ),
  ["GNU tar, incremental", "tar --listed-incremental=state -czf a.tar.gz -C in ."],
  ["GNU tar, a label", "tar -V label -czf a.tar.gz -C in manifest.json m"],
  ...["pax", "ustar", "gnutar", "v7"].map((format) =>
    [
      `bsdtar, ${format}`,
      `bsdtar --format ${format} -czf a.tar.gz -C in .`,
      runs("bsdtar", "--version") || "bsdtar is not here",
    ] as const
  ),
  ["7z", "(cd in && 7z a -ttar ../a.tar .) && 7z a -tgzip a.tar.gz a.tar", runs("7z", "i") || "7z is not here"],
  ...["USTAR", "GNU", "PAX"].map((format) =>
    [
      `Python's tarfile, ${format}`,
      `'${PYTHON}' -c "import tarfile; t = tarfile.open('a.tar.gz', 'w:gz', format=tarfile.${format}_FORMAT); t.add('in', '.'); t.close()"`,
    ] as const
  ),
  [
    "several gzip members",
    "tar -cf a.tar -C in . && head -c 700 a.tar | gzip > a.tar.gz && tail -c +701 a.tar | gzip >> a.tar.gz",
  ],
];

for (const [name, command, needs = true] of MAKERS) {
  test(`unpack reads an archive of ${name}`, async (box) => {
    // Paths that fit into the 100 bytes of the oldest format.
    const isShort = /v7/.test(name);
    const files: Record<string, string> = {
      "in/m/train.py": TRAIN,
      "in/m/a b/c.txt": "x".repeat(3000),
      "in/manifest.json": '\ufeff{"module": "m", "trainingScript": "train.py"}',
      ...(!isShort && { [`in/m/${"long-name/".repeat(9)}${"n".repeat(60)}`]: "long" }),
      ...(!isShort && !/USTAR|ustar/.test(name) && { "in/m/ünï.txt": "é" }),
    };
    box.write(files);
    Deno.chmodSync(box.path("in/m/train.py"), 0o755);
    if (name !== "7z") {
      Deno.symlinkSync("train.py", box.path("in/m/link"));
      Deno.linkSync(box.path("in/m/train.py"), box.path("in/m/hard"));
    }
    sh(box.root, command);
    const { code, stderr } = await box.run(["unpack", "a.tar.gz", "out"]);
    assert.equal(code, 0, stderr);
    sh(box.root, "diff -r --no-dereference -x .aimodellib-origin.json in out");
    if (name !== "7z") assert.equal(Deno.statSync(box.path("out/m/train.py")).mode! & 0o777, 0o755);
    // As `inspect` and `verify` read it.
    using source = openArchive(box.path("a.tar.gz"));
    const { manifest } = await scan(source.read);
    assert.deepEqual([manifest.module, manifest.trainingScript, manifest.servingScript], ["m", "train.py", null]);
  }, needs);
}

test(
  "bsdtar, 7z, Python and DecompressionStream read an archive of package",
  async (box) => {
    const path = module(box);
    sh(path, "head -c 2000000 /dev/urandom > random.bin; seq 300000 > text.txt");
    assert.equal((await box.run(["package", "-q", "-m", path, "-o", "a.tar.gz"])).code, 0);
    for (
      const command of [
        "bsdtar -xzf a.tar.gz -C out",
        "7z x -so a.tar.gz > a.tar && 7z x -oout a.tar",
        `'${PYTHON}' -c "import tarfile; tarfile.open('a.tar.gz').extractall('out')"`,
      ]
    ) {
      sh(box.root, `rm -rf out && mkdir out && ${command} && diff -r out/${path.split("/").at(-1)} '${path}'`);
    }
    const stream = new Blob([Deno.readFileSync(box.path("a.tar.gz"))]).stream().pipeThrough(
      new DecompressionStream("gzip"),
    );
    const tar = new Uint8Array(await new Response(stream).arrayBuffer());
    assert.equal(sh(box.root, "gzip -dc a.tar.gz | wc -c").trim(), String(tar.length));
  },
  runs("bsdtar", "--version") || "bsdtar is not here",
  runs("7z", "i") || "7z is not here",
);

test("verify reports what is wrong with an archive, and compares its checksum", async (box) => {
  const path = box.module({ "train.py": TRAIN });
  const { sha256 } = JSON.parse((await box.run(["package", "--json", "-m", path])).stdout);
  const good = await box.run(["verify", "--checksum", `sha256:${sha256}`, "model.tar.gz"]);
  assert.deepEqual([good.code, good.stderr], [0, ""]);
  assert.match(good.stdout, new RegExp(`^model.tar.gz is good: 3 entries, .*sha256:${sha256}\n$`));
  const other = await box.run(["verify", "--checksum", `sha256:${"0".repeat(64)}`, "model.tar.gz"]);
  assert.deepEqual([other.code, other.stdout], [1, ""]);
  assert.match(other.stderr, new RegExp(`has the checksum sha256:${sha256}, not sha256:0000`));
  assert.equal((await box.run(["verify", "--checksum", "md5:1", "model.tar.gz"])).code, 2);
  sh(box.root, "head -c 200 model.tar.gz > cut.tar.gz");
  const cut = await box.run(["verify", "cut.tar.gz"]);
  assert.deepEqual([cut.code, cut.stderr], [1, "Error: 'cut.tar.gz' is truncated: the gzip stream ends early\n"]);
  const missing = await box.run(["verify", "no.tar.gz"]);
  assert.deepEqual([missing.code, missing.stderr], [
    2,
    "Error: 'no.tar.gz' can't be read: No such file or directory (os error 2)\n",
  ]);
});

test("inspect, verify and dockerfile follow links to the script and the requirements", async (box) => {
  const path = box.module({ "impl/fit.py": "def fit(d): ...\n", "lists/prod.txt": "six==1.17.0\n" });
  Deno.symlinkSync("impl/fit.py", `${path}/train.py`);
  Deno.symlinkSync("lists/prod.txt", `${path}/requirements.txt`);
  assert.equal((await box.run(["package", "-q", "--no-check", "-m", path])).code, 0);
  assert.match((await box.run(["inspect", "model.tar.gz"])).stdout, /\nRequirements\n {2}six==1.17.0\n/);
  const verified = await box.run(["verify", "model.tar.gz"]);
  assert.equal(verified.code, 1);
  assert.match(verified.stderr, /train\.py' must define train\(\)/);
  assert.match((await box.run(["dockerfile", "model.tar.gz"])).stdout, / install .*--requirement requirements\.txt\n/);
});

test("inspect shows a folder with a manifest, and reports that the manifest is missing in another", async (box) => {
  const path = box.module({ "train.py": TRAIN, "requirements.txt": "numpy  # fast\n\n-r more.txt\n" });
  assert.equal((await box.run(["package", "-q", "-m", path])).code, 0);
  assert.equal((await box.run(["unpack", "-q", "model.tar.gz", "out"])).code, 0);
  for (const what of ["model.tar.gz", "out"]) {
    const { code, stdout } = await box.run(["inspect", what]);
    assert.equal(code, 0);
    assert.match(stdout, /Can train: yes, with train.py\nCan serve: no\n/);
    assert.match(stdout, /Requirements\n {2}numpy\n {2}-r more.txt\n\nContent: /);
    assert.match(stdout, /└─ train.py {2}56 B\n/);
  }
  const none = await box.run(["inspect", path]);
  assert.equal(none.code, 2);
  assert.match(
    none.stderr,
    /The manifest '.*manifest.json' can't be read: No such file .*; the folder is not an unpacked Model Archive/,
  );
});

test("package takes less than 200 MiB of memory for 256 MiB of weights", (box) => {
  const path = box.module({ "train.py": TRAIN });
  largeWeights(path, 4);
  const command = `/usr/bin/time -f %M '${BIN}' package -q -m '${path}' -o - 2>peak | wc -c`;
  assert.ok(Number(sh(box.root, command)) > 2 ** 28);
  const peak = Number(Deno.readTextFileSync(box.path("peak"))) / 1024;
  assert.ok(peak < 200, `${peak} MiB`);
}, runs("/usr/bin/time", "true") || "/usr/bin/time is not here");
