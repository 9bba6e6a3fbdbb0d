import assert from "node:assert/strict";
import { type BridgeOptions, BridgeProcess, StartError } from "../../../src/bridge/process.ts";
import { text } from "../helper/bytes.ts";
import { settled, until } from "../helper/deadline.ts";
import { fakeEnv } from "../helper/env.ts";
import { fakePython, noAssets, shellPython } from "../helper/fake_python.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** What it takes to start a process whose runtime directory is below `directory`. */
function options(directory: TempDir, python: string, more: Partial<BridgeOptions> = {}): BridgeOptions {
  return {
    python,
    assets: noAssets,
    output: () => {},
    maxBody: 1000,
    env: fakeEnv({ TMPDIR: directory.folder("runtime") }),
    ...more,
  };
}

/** Gathers what a process prints. */
function gather(): { output: (bytes: Uint8Array) => void; printed: () => string } {
  const chunks: string[] = [];
  return { output: (bytes) => void chunks.push(text(bytes)), printed: () => chunks.join("") };
}

function isAlive(pid: number): boolean {
  try {
    // Z: it has ended, and nobody has asked how.
    return !/^\d+ \(.*\) Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

Deno.test("start() connects and leaves nothing on the disk when the worker says HELLO", async () => {
  using directory = new TempDir();
  const python = fakePython(directory, async (FakeBridge) => {
    const bridge = await FakeBridge.connect();
    await bridge.send(bridge.kind.hello, 0, { protocol: 3, python: "3.99.1" });
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  using process = await BridgeProcess.start(options(directory, python));
  assert.equal(process.pythonVersion, "3.99.1");
  assert.ok(isAlive(process.pid));
  assert.deepEqual(directory.list("runtime"), []);
  process.end();
  assert.equal((await process.exited).signal, "SIGKILL");
  await process.outputEnded;
  process.end();
});

Deno.test("start() gives the worker its entry, a private directory and a name when it starts it", async () => {
  using directory = new TempDir();
  const { output, printed } = gather();
  const python = shellPython(
    directory,
    'echo "$1|$AIMODELLIB_STREAMS|$AIMODELLIB_WORKER"; ls "$AIMODELLIB_BRIDGE"; stat -c %a "$AIMODELLIB_BRIDGE"; exit 3',
  );
  await assert.rejects(BridgeProcess.start(options(directory, python, { output })), StartError);
  assert.match(printed(), /^\/nowhere\/__main__\.py\|merged\|[0-9a-f-]{36}\nbridge\.sock\nexchange\nledger\n700\n$/);
});

Deno.test("begin() sends START with the configuration, and what is printed is handed over in order", async () => {
  using directory = new TempDir();
  const { output, printed } = gather();
  const python = fakePython(directory, async (FakeBridge) => {
    const [bridge, config] = await FakeBridge.begin();
    console.log(JSON.stringify(config));
    await bridge.send(bridge.kind.ready);
    console.log("the end");
  });
  using process = await BridgeProcess.start(options(directory, python, { output }));
  process.begin({ mode: "serve", script: "/модель/serve.py" });
  const kinds: number[] = [];
  await settled(process.connection.run({ onFrame: ({ kind }) => void kinds.push(kind) }), "the end of the stream");
  assert.deepEqual(kinds, [3]);
  assert.equal((await process.exited).code, 0);
  await process.outputEnded;
  assert.equal(printed(), '{"mode":"serve","script":"/модель/serve.py"}\nthe end\n');
});

for (
  const [what, commands, message] of [
    [
      "it ends before it connects",
      "echo 'what went wrong' >&2; exit 3",
      /^The Python '.*' ended with exit code 3 before it was ready$/,
    ],
    [
      "it is killed before it connects",
      "kill -SEGV $$",
      /ended with signal SIGSEGV \(a crash in native code\) before it was ready$/,
    ],
    ["it says that it is too old", "exit 86", /^The Python '.*' is too old$/],
  ] as const
) {
  Deno.test(`start() throws a StartError when ${what}`, async () => {
    using directory = new TempDir();
    const { output, printed } = gather();
    const python = shellPython(directory, commands);
    await assert.rejects(BridgeProcess.start(options(directory, python, { output })), (error: Error) => {
      assert.ok(error instanceof StartError);
      assert.match(error.message, message);
      return true;
    });
    if (commands.includes("what went wrong")) {
      assert.equal(printed(), "what went wrong\n", "All that it printed is there");
    }
    assert.deepEqual(directory.list("runtime"), []);
  });
}

Deno.test("start() throws a StartError when there is no such program", async () => {
  using directory = new TempDir();
  const python = `${directory.path}/missing`;
  await assert.rejects(BridgeProcess.start(options(directory, python)), (error: Error) => {
    assert.ok(error instanceof StartError);
    assert.ok(error.message.startsWith(`Can't start the Python '${python}': `), error.message);
    assert.ok(error.cause instanceof Deno.errors.NotFound);
    return true;
  });
  assert.deepEqual(directory.list("runtime"), []);
});

Deno.test("start() throws a ProtocolError and ends the process when it speaks another version", async () => {
  using directory = new TempDir();
  const python = fakePython(directory, async (FakeBridge, pidFile) => {
    const bridge = await FakeBridge.connect();
    Deno.writeTextFileSync(pidFile, `${Deno.pid}`);
    await bridge.send(bridge.kind.hello, 0, { protocol: 4, python: "3.12.0" });
    await bridge.receive();
  }, `${directory.path}/pid`);
  await assert.rejects(BridgeProcess.start(options(directory, python)), {
    name: "ProtocolError",
    message: "The worker speaks protocol version 4, this executable 3",
  });
  const pid = Number(Deno.readTextFileSync(`${directory.path}/pid`));
  await until(() => !isAlive(pid), "the process is gone");
  assert.deepEqual(directory.list("runtime"), []);
});

for (
  const [what, main] of [
    ["another frame", async (FakeBridge) => {
      const bridge = await FakeBridge.connect();
      console.log("what it printed");
      await bridge.send(bridge.kind.ready);
      await bridge.receive();
    }],
    ["nothing", async (FakeBridge) => {
      await FakeBridge.connect();
      console.log("what it printed");
    }],
  ] as [string, Parameters<typeof fakePython<undefined>>[1]][]
) {
  Deno.test(`start() throws a ProtocolError when the worker begins with ${what}`, async () => {
    using directory = new TempDir();
    const { output, printed } = gather();
    const python = fakePython(directory, main);
    await assert.rejects(BridgeProcess.start(options(directory, python, { output })), {
      name: "ProtocolError",
      message: `The Python '${python}' did not begin with HELLO`,
    });
    assert.equal(printed(), "what it printed\n");
  });
}

Deno.test("start() throws the signal's reason and ends the process when it is aborted", async () => {
  using directory = new TempDir();
  const python = shellPython(
    directory,
    `echo $$ > '${directory.path}/pid.new'; mv '${directory.path}/pid.new' '${directory.path}/pid'; exec sleep 60`,
  );
  const aborter = new AbortController();
  const starting = BridgeProcess.start(options(directory, python, { signal: aborter.signal }));
  const reason = new Error("Enough");
  await until(() => directory.list().includes("pid"), "it runs");
  aborter.abort(reason);
  await assert.rejects(starting, (error) => error === reason);
  const pid = Number(Deno.readTextFileSync(`${directory.path}/pid`));
  await until(() => !isAlive(pid), "the process is gone");
  assert.deepEqual(directory.list("runtime"), []);
  await assert.rejects(
    BridgeProcess.start(options(directory, python, { signal: AbortSignal.abort(reason) })),
    (error) => error === reason,
  );
});

Deno.test("end() ends the children of the worker too when they are in its group", async () => {
  using directory = new TempDir();
  const python = fakePython(directory, async (FakeBridge, file) => {
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    Deno.writeTextFileSync(file, `${child.pid}`);
    await FakeBridge.begin();
    await child.status;
  }, `${directory.path}/child`);
  using process = await BridgeProcess.start(options(directory, python));
  const child = Number(Deno.readTextFileSync(`${directory.path}/child`));
  assert.ok(isAlive(child));
  process.end();
  await process.exited;
  await until(() => !isAlive(child), "the child is gone");
  await process.outputEnded;
  process.kill("SIGTERM");
});
