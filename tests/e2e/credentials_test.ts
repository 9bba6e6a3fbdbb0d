/** Passwords in URLs and keys in arguments must not be shown. */

import assert from "node:assert/strict";
import { BIN, echo, py, PYTHON, type Sandbox, test } from "./support/sandbox.ts";

const SECRET = "S3cretT0ken";
const URL_WITH_PASSWORD = `https://bot:${SECRET}@pypi.example.invalid/simple`;
const REQUIREMENTS = `--extra-index-url ${URL_WITH_PASSWORD}\nfox==1.0\n`;
const TRAIN = "def train(model_dir, *args): print('trains')\n";
const MANIFEST = `{"trainingScript": "train.py", "servingScript": "serve.py", "logNamingFormat": "x.log"}`;

/** An installer that prints the password on both streams, in a line that arrives in pieces, and exits with this code. */
function installer(box: Sandbox, code: number): string {
  const program = py`
    #!${PYTHON}
    import sys, time
    for stream in (sys.stdout, sys.stderr):
        for piece in ("Looking in https://bot:S3cr", "etT0k", "en@pypi.example.invalid/simple", " for fox\n"):
            stream.write(piece)
            stream.flush()
            time.sleep(0.05)
    sys.stdout.write("no newline: ${URL_WITH_PASSWORD}")
    sys.exit(${code})
  `;
  box.write({ pip: program });
  Deno.chmodSync(box.path("pip"), 0o755);
  return box.path("pip");
}

async function archive(box: Sandbox): Promise<string> {
  const files = { "train.py": TRAIN, "serve.py": echo(), "manifest.json": MANIFEST, "requirements.txt": REQUIREMENTS };
  const folder = box.module(files);
  const { code, stderr } = await box.run(["-C", folder, "-czf", box.path("x.tar.gz"), "."], { command: "tar" });
  assert.equal(code, 0, stderr);
  return "x.tar.gz";
}

/** Returns all text that a run has left in its folder and in the model directory. */
function written(box: Sandbox): string {
  return ["logs/x.log", "logs/run.json", "model/run.json"].map((name) => {
    try {
      return box.read(name);
    } catch {
      return "";
    }
  }).join("\n");
}

for (const code of [0, 1]) {
  test(`train does not show the password of a package index when the installer exits with ${code}`, async (box) => {
    const env = { PIP_CMD: `${installer(box, code)} --index-url ${URL_WITH_PASSWORD}` };
    const run = await box.run(["train", await archive(box), "model"], { env });
    assert.equal(run.code, code, run.stderr);
    const all = run.stdout + run.stderr + written(box);
    assert.ok(!all.includes(SECRET), all);
    assert.match(
      box.read("logs/x.log"),
      /Installing .*--extra-index-url https:\/\/\*\*\*\*@pypi\.example\.invalid\/simple/,
    );
    assert.equal(
      run.stderr.match(/^Looking in https:\/\/\*\*\*\*@pypi\.example\.invalid\/simple for fox$/gm)?.length,
      2,
    );
    assert.match(run.stderr, /no newline: https:\/\/\*\*\*\*@pypi/);
    if (code === 1) assert.match(run.stderr, /--index-url https:\/\/\*\*\*\*@pypi\S* install .*ended with exit code 1/);
  });

  for (const format of ["text", "json"]) {
    test(`serve does not show the password of a package index when the installer exits with ${code} (${format})`, async (box) => {
      Deno.mkdirSync(box.path("model"));
      const env = {
        PIP_CMD: `${installer(box, code)} --index-url ${URL_WITH_PASSWORD}`,
        AIMODELLIB_LOG_FORMAT: format,
      };
      const program = box.start(["serve", "--port", "0", await archive(box), "model"], { env });
      if (code === 0) {
        await program.stderr.waitFor(/Ready: POST /);
        program.kill("SIGTERM");
      }
      const { stdout, stderr } = await program.finished();
      const all = stdout + stderr + written(box);
      assert.ok(!all.includes(SECRET), all);
      assert.match(all, /Looking in https:\/\/\*\*\*\*@pypi\.example\.invalid\/simple for fox/);
    });
  }
}

test("a model whose installation fails shows no password to clients", async (box) => {
  const env = { PIP_CMD: `${installer(box, 1)} --index-url ${URL_WITH_PASSWORD}` };
  const program = box.start(
    ["serve", "--port", "0", "--model", `a=${await archive(box)},.`, "--model", "b=x.tar.gz,."],
    {
      env,
    },
  );
  const [, url] = await program.stderr.waitFor(/Listening on (http:[^;"]+);/);
  await program.stderr.waitFor(/ended with exit code 1/);
  for (const path of ["/models", "/models/a", "/v2/models/a", "/health", "/ping"]) {
    const text = await (await fetch(`${url}${path}`)).text();
    assert.ok(!text.includes(SECRET), text);
  }
  program.kill("SIGTERM");
  const { stderr } = await program.finished();
  assert.ok(!stderr.includes(SECRET), stderr);
});

test("inspect shows requirements without passwords, decoded as pip does", async (box) => {
  const folder = box.module({ "train.py": TRAIN, "serve.py": echo(), "manifest.json": MANIFEST });
  const text = `\ufeff# comment\n${REQUIREMENTS}owl \\\n==1.0\n`;
  Deno.writeFileSync(
    `${folder}/requirements.txt`,
    new Uint8Array(new Uint16Array([...text].map((character) => character.charCodeAt(0))).buffer),
  );
  await box.run(["-C", folder, "-czf", box.path("x.tar.gz"), "."], { command: "tar" });
  const expected = ["--extra-index-url https://****@pypi.example.invalid/simple", "fox==1.0", "owl ==1.0"];
  for (const name of ["x.tar.gz", folder]) {
    const json = await box.run(["inspect", "--json", name]);
    assert.deepEqual(JSON.parse(json.stdout).requirements, expected, json.stderr);
    const shown = await box.run(["inspect", name]);
    assert.ok(shown.stdout.includes(`Requirements\n  ${expected.join("\n  ")}\n`), shown.stdout);
  }
});

test("package warns that requirements.txt contains a password, and suggests a variable", async (box) => {
  const folder = box.module({ "train.py": TRAIN, "requirements.txt": `tqdm\n${REQUIREMENTS}` });
  const { code, stdout, stderr } = await box.run(["package", "-m", folder, "-o", "x.tar.gz"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^requirements\.txt line 2 contains a password: write \$\{INDEX_PASSWORD\} instead/m);
  assert.ok(!(stdout + stderr).includes(SECRET));
  const json = await box.run(["package", "-m", folder, "--json", "-o", "y.tar.gz"]);
  assert.match(JSON.parse(json.stdout).notices.join("\n"), /requirements\.txt line 2 contains a password/);
});

test("the record of a run contains no API keys, but the script receives them", async (box) => {
  const script = py`
    def train(model_dir, *args):
        print(" ".join(args))
        raise ValueError("no access to ${URL_WITH_PASSWORD}")
  `;
  const key = "hf_abcdefghijklmnopqrstuv";
  const args = ["--api-key", SECRET, `--password=${SECRET}`, `AWS_SECRET_ACCESS_KEY=${SECRET}`, "--lr", "0.1", key];
  const { code, stdout } = await box.train(script, [...args, "--url", URL_WITH_PASSWORD]);
  assert.deepEqual([code, stdout], [1, `${[...args, "--url", URL_WITH_PASSWORD].join(" ")}\n`]);
  const { command, outcome } = JSON.parse(box.read("model/run.json"));
  assert.deepEqual(command.slice(-9), [
    "--api-key",
    "****",
    "--password=****",
    "AWS_SECRET_ACCESS_KEY=****",
    "--lr",
    "0.1",
    "****",
    "--url",
    "https://****@pypi.example.invalid/simple",
  ]);
  assert.equal(outcome.message, "Training raised ValueError: no access to https://****@pypi.example.invalid/simple");
});

test("errors about options do not show passwords", async (box) => {
  const wrong = [
    ["train", URL_WITH_PASSWORD, "train.py", "model"],
    ["train", `--${URL_WITH_PASSWORD}`],
    ["train", "--stop-timeout", URL_WITH_PASSWORD, ".", "train.py", "model"],
    ["train", "--python", URL_WITH_PASSWORD, ".", "train.py", "model"],
    ["serve", URL_WITH_PASSWORD, "serve.py", "model"],
    ["serve", "--model", URL_WITH_PASSWORD],
    ["verify", URL_WITH_PASSWORD],
    ["inspect", URL_WITH_PASSWORD],
    ["unpack", URL_WITH_PASSWORD, "x"],
    ["package", "-m", URL_WITH_PASSWORD],
    ["doctor", "--python", URL_WITH_PASSWORD],
    [URL_WITH_PASSWORD],
  ];
  box.write({ "train.py": TRAIN });
  for (const args of wrong) {
    const { code, stdout, stderr } = await box.run(args);
    assert.notEqual(code, 0, args.join(" "));
    assert.ok(!(stdout + stderr).includes(SECRET), `${args.join(" ")}: ${stdout}${stderr}`);
    // In colours.
    if (args.length !== 2) continue;
    const script = ["/bin/sh", "-c", `COLUMNS=60 exec "$@"`, "sh", BIN, ...args];
    const atTerminal = await box.run([`${new URL("support/terminal.py", import.meta.url).pathname}`, "[]", ...script], {
      command: PYTHON,
    });
    assert.ok(!atTerminal.stdout.includes(SECRET), `${args.join(" ")} at a terminal: ${atTerminal.stdout}`);
  }
});
