/** Tokens and passwords of `serve` and `train`, which scripts must not be able to read. */

import assert from "node:assert/strict";
import { BIN, echo, py, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const TOKEN = "SECRET-token-of-the-test";

const bearer = { authorization: `Bearer ${TOKEN}` };

/** A script that searches for a secret: in variables, and in the environments of processes. */
const SEARCH = `
import glob, os

def search():
    found = [name for name, value in os.environ.items() if b"SECRET-" in os.fsencode(value)]
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                if b"SECRET-" in file.read():
                    found.append(path)
        except OSError:
            pass
    return repr(found)
`;

test("AIMODELLIB_TOKEN sets a token, which scripts can't read from any process", async (box) => {
  const script = echo(
    SEARCH + py`
    def predict(data, model):
        return search().encode()
  `,
  );
  const server = await box.serve(script, { env: { AIMODELLIB_TOKEN: TOKEN } });
  assert.equal((await server.invoke("")).status, 401);
  const answer = await server.invoke("", bearer);
  assert.deepEqual([answer.status, answer.text], [200, "[]"]);
  assert.match(Deno.readTextFileSync(`/proc/${server.program.pid}/environ`), /AIMODELLIB_TOKEN=\*{24}\0/);
  assert.doesNotMatch(server.log, /WARN|SECRET/);
  await server.stop();
});

test("a training script sees neither AIMODELLIB_TOKEN nor AIMODELLIB_KEY_PASSWORD", async (box) => {
  const script = `${SEARCH}
def train(model_dir, logger=None):
    print("found", search())
`;
  const env = { AIMODELLIB_TOKEN: TOKEN, AIMODELLIB_KEY_PASSWORD: "SECRET-password" };
  const words = ["train", box.module({ "train.py": script }), "train.py", box.root];
  const { code, stdout, stderr } = await box.run(words, { env });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^found \[\]$/m);
});

test("serve warns of a process that keeps AIMODELLIB_TOKEN in its environment", async (box) => {
  const words = [BIN, "serve", "--port", "0", box.module({ "serve.py": echo() }), "serve.py", box.root];
  const program = box.start(["-c", `"$@"; exit $?`, "sh", ...words], {
    command: "/bin/sh",
    env: { AIMODELLIB_TOKEN: TOKEN },
  });
  await program.stderr.waitFor(
    new RegExp(`WARNING Scripts can read AIMODELLIB_TOKEN in the environment of process ${program.pid} \\(\\w+\\)`),
  );
  const server = await Server.attach(program, true);
  assert.equal((await server.invoke("", bearer)).status, 200);
  assert.ok(!server.log.includes(TOKEN));
  const pid = Number(Deno.readTextFileSync(`/proc/${program.pid}/task/${program.pid}/children`).trim());
  Deno.kill(pid, "SIGTERM");
  assert.equal((await program.finished()).code, 0);
});

test("serve warns of a token file that all users can read or change", async (box) => {
  Deno.chmodSync(box.root, 0o755);
  box.write({ "open/tokens": `${TOKEN}\n`, "closed/tokens": `${TOKEN}\n` });
  Deno.chmodSync(box.path("open"), 0o755);
  Deno.chmodSync(box.path("closed"), 0o700);
  for (
    const [path, mode, expected] of [
      [
        "open/tokens",
        0o644,
        /WARNING The token file '.*open\/tokens' can be read by all users of this machine: .*chmod o= /,
      ],
      ["open/tokens", 0o602, /WARNING The token file '.*open\/tokens' can be changed by all users/],
      ["open/tokens", 0o640, undefined],
      ["closed/tokens", 0o644, undefined],
    ] as const
  ) {
    Deno.chmodSync(box.path(path), mode);
    const server = await box.serve(echo(), { args: ["--port", "0", "--token-file", box.path(path)] });
    if (expected === undefined) assert.doesNotMatch(server.log, /WARN/, `${path} ${mode.toString(8)}`);
    else assert.match(server.log, expected);
    await server.stop();
  }
});
