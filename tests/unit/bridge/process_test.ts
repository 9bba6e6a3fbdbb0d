import assert from "node:assert/strict";
import { type BridgeOptions, BridgeProcess, StartError } from "../../../src/bridge/process.ts";
import { text } from "../helper/bytes.ts";
import { settled, until } from "../helper/deadline.ts";
import { fakeEnv } from "../helper/env.ts";
import { fakePython, noAssets, shellPython } from "../helper/fake_python.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** Returns options to start a process whose runtime directory is below `directory`. */
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

/** Collects the output of a process. */
function gather(): { output: (bytes: Uint8Array) => void; printed: () => string } {
  const chunks: string[] = [];
  return { output: (bytes) => void chunks.push(text(bytes)), printed: () => chunks.join("") };
}

function isAlive(pid: number): boolean {
  try {
    // Z: the process has ended, and nobody has waited for it.
    return !/^\d+ \(.*\) Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

Deno.test("start() connects, and leaves nothing on the disk after HELLO", async () => {
  using directory = new TempDir();
  const python = fakePython(directory, async (FakeBridge) => {
    const bridge = await FakeBridge.connect();
    await bridge.send(bridge.kind.hello, 0, { protocol: 4, python: "3.99.1" });
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  using process = await BridgeProcess.start(options(directory, python));
  assert.equal(process.pythonVersion, "3.99.1");
  assert.ok(isAlive(process.pid));
  assert.deepEqual(directory.list("runtime"), []);
  process.end();
  assert.equal((await process.ended)?.signal, "SIGKILL");
  await process.endOutput();
  process.end();
});

Deno.test("start() starts the worker with its entry file, a private directory and a process name", async () => {
  using directory = new TempDir();
  const { output, printed } = gather();
  const python = shellPython(
    directory,
    'echo "$1|$AIMODELLIB_STREAMS|$AIMODELLIB_WORKER"; ls "$AIMODELLIB_BRIDGE"; stat -c %a "$AIMODELLIB_BRIDGE"; exit 3',
  );
  await assert.rejects(BridgeProcess.start(options(directory, python, { output })), StartError);
  assert.match(
    printed(),
    /^\/nowhere\/__main__\.py\|merged\|[0-9a-f-]{36}\nbridge\.sock\nexchange\nkeeper\.sock\nledger\n700\n$/,
  );
});

Deno.test("begin() sends START with the configuration, and passes on the output in order", async () => {
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
  assert.equal((await process.ended)?.code, 0);
  await process.endOutput();
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

Deno.test("start() throws a StartError when the program does not exist", async () => {
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

Deno.test("start() throws a ProtocolError and ends a process that speaks another version", async () => {
  using directory = new TempDir();
  const python = fakePython(directory, async (FakeBridge, pidFile) => {
    const bridge = await FakeBridge.connect();
    Deno.writeTextFileSync(pidFile, `${Deno.pid}`);
    await bridge.send(bridge.kind.hello, 0, { protocol: 5, python: "3.12.0" });
    await bridge.receive();
  }, `${directory.path}/pid`);
  await assert.rejects(BridgeProcess.start(options(directory, python)), {
    name: "ProtocolError",
    message: "The worker speaks protocol version 5, this executable 4",
  });
  const pid = Number(Deno.readTextFileSync(`${directory.path}/pid`));
  await until(() => !isAlive(pid), "the process is gone");
  assert.deepEqual(directory.list("runtime"), []);
});

for (
  const [what, name, message, main] of [
    ["another frame", "ProtocolError", "did not begin with HELLO", async (FakeBridge) => {
      const bridge = await FakeBridge.connect();
      console.log("what it printed");
      await bridge.send(bridge.kind.ready);
      await bridge.receive();
    }],
    ["nothing", "StartError", "ended with exit code 0 before it was ready", async (FakeBridge) => {
      await FakeBridge.connect();
      console.log("what it printed");
    }],
    ["half a frame", "StartError", "ended with exit code 5 before it was ready", async (FakeBridge) => {
      const bridge = await FakeBridge.connect();
      await bridge.write(bridge.encode(bridge.kind.hello, 0, { protocol: 4 }).subarray(0, 20));
      console.log("what it printed");
      Deno.exit(5);
    }],
  ] as [string, string, string, Parameters<typeof fakePython<undefined>>[1]][]
) {
  Deno.test(`start() throws a ${name} when the worker begins with ${what}`, async () => {
    using directory = new TempDir();
    const { output, printed } = gather();
    const python = fakePython(directory, main);
    await assert.rejects(BridgeProcess.start(options(directory, python, { output })), {
      name,
      message: `The Python '${python}' ${message}`,
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

Deno.test("end() also ends the worker's children in its process group", async () => {
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
  await process.ended;
  await until(() => !isAlive(child), "the child is gone");
  await process.endOutput();
  process.kill("SIGTERM");
});

/** Records signals instead of sending them; returns the signals with their targets. */
async function notingSignals(
  action: () => void | Promise<void>,
): Promise<[number, Deno.Signal | number | undefined][]> {
  const sent: [number, Deno.Signal | number | undefined][] = [];
  const { kill } = Deno;
  Deno.kill = (pid, signal) => void sent.push([pid, signal]);
  try {
    await action();
  } finally {
    Deno.kill = kill;
  }
  return sent;
}

Deno.test("kill() sends no signal to a process that has ended, whose id may belong to another one", async () => {
  using directory = new TempDir();
  const python = fakePython(directory, async (FakeBridge) => {
    await FakeBridge.begin();
  });
  const process = await BridgeProcess.start(options(directory, python));
  process.begin({ mode: "serve" });
  await settled(process.ended, "its end");
  const sent = await notingSignals(() => {
    process.kill("SIGTERM");
    process.end();
    process[Symbol.dispose]();
  });
  assert.deepEqual(sent, []);
});

Deno.test("kill() ignores a process that now runs as another user", async () => {
  using directory = new TempDir();
  const python = fakePython(directory, async (FakeBridge) => {
    await FakeBridge.begin();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  using process = await BridgeProcess.start(options(directory, python));
  const { kill } = Deno;
  Deno.kill = () => {
    throw new Deno.errors.PermissionDenied("Operation not permitted (os error 1)");
  };
  try {
    process.kill("SIGTERM");
  } finally {
    Deno.kill = kill;
  }
  process.end();
  await settled(process.ended, "its end");
});

Deno.test("start() ends, and ends all processes, when Python exits before HELLO while a child holds its output open", async () => {
  using directory = new TempDir();
  const { output, printed } = gather();
  const python = shellPython(
    directory,
    `sleep 60 & echo $! > '${directory.path}/same'; setsid sleep 60 & echo $! > '${directory.path}/other'
     echo "I can't start" >&2; exit 3`,
  );
  const starting = BridgeProcess.start(options(directory, python, { output }));
  await settled(
    assert.rejects(starting, {
      name: "StartError",
      message: `The Python '${python}' ended with exit code 3 before it was ready`,
    }),
    "the start to end",
  );
  assert.equal(printed(), "I can't start\n");
  for (const name of ["same", "other"]) {
    const pid = Number(Deno.readTextFileSync(`${directory.path}/${name}`));
    await until(() => !isAlive(pid), `the child in the ${name} group is gone`);
  }
});

Deno.test("start() ends when Python exits while a process without our mark holds its output open", async () => {
  using directory = new TempDir();
  const pidFile = `${directory.path}/pid`;
  const python = shellPython(directory, `env -i setsid sleep 60 & echo $! > '${pidFile}'; exit 3`);
  try {
    await settled(assert.rejects(BridgeProcess.start(options(directory, python)), StartError), "the start to end");
  } finally {
    Deno.kill(Number(Deno.readTextFileSync(pidFile)), "SIGKILL");
  }
});

Deno.test("start() ends when the worker is killed after it has connected and before HELLO", async () => {
  using directory = new TempDir();
  const python = fakePython(directory, async (FakeBridge) => {
    await FakeBridge.connect();
    Deno.kill(Deno.pid, "SIGKILL");
  });
  await settled(
    assert.rejects(BridgeProcess.start(options(directory, python)), {
      name: "StartError",
      message: /ended with signal SIGKILL .* before it was ready$/,
    }),
    "the start to end",
  );
});

Deno.test("start() ends when it is aborted while a connected worker sends nothing", async () => {
  using directory = new TempDir();
  const connected = `${directory.path}/connected`;
  const python = fakePython(directory, async (FakeBridge, file) => {
    await FakeBridge.connect();
    Deno.writeTextFileSync(file, "");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }, connected);
  const aborter = new AbortController();
  const reason = new Error("Enough");
  const starting = BridgeProcess.start(options(directory, python, { signal: aborter.signal }));
  await until(() => directory.list().includes("connected"), "it has connected");
  aborter.abort(reason);
  await settled(assert.rejects(starting, (error) => error === reason), "the start to end");
});

Deno.test("start() reads the output of a process to its end even if its consumer fails, so that the process does not hang", async () => {
  using directory = new TempDir();
  const python = shellPython(directory, "head -c 1000000 /dev/zero; exit 3");
  let taken = 0;
  const output = (bytes: Uint8Array) => {
    taken += bytes.length;
    throw new Error("No space left on device");
  };
  await settled(
    assert.rejects(BridgeProcess.start(options(directory, python, { output })), /ended with exit code 3/),
    "the start to end",
  );
  assert.equal(taken, 1_000_000);
});

Deno.test("end() ends processes that have left the worker's group when its keeper has died", async () => {
  using directory = new TempDir();
  const { output, printed } = gather();
  const python = fakePython(directory, async (FakeBridge) => {
    const bridge = await FakeBridge.connect();
    await bridge.send(bridge.kind.hello, 0, { protocol: 4, python: "3.99.1" });
    const child = new Deno.Command("setsid", { args: ["sleep", "300"], stdin: "null", stdout: "null", stderr: "null" })
      .spawn();
    console.log(child.pid);
    bridge.closeKeeper();
    console.log("closed");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  using process = await BridgeProcess.start(options(directory, python, { output }));
  await until(() => printed().includes("closed"), "the keeper's connection is closed");
  const child = parseInt(printed());
  assert.ok(isAlive(child));
  await until(() => process.keeperLost, "that is seen");
  process.end();
  await until(() => !isAlive(child), "it has ended");
  await process.endOutput();
});

Deno.test("start() succeeds when the directory can't be removed yet, and end() removes it", async () => {
  using directory = new TempDir();
  const python = fakePython(directory, async (FakeBridge) => {
    const bridge = await FakeBridge.connect();
    await bridge.send(bridge.kind.hello, 0, { protocol: 4, python: "3.99.1" });
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  const { removeSync } = Deno;
  Deno.removeSync = () => {
    throw new Error("Device or resource busy");
  };
  {
    using process = await BridgeProcess.start(options(directory, python)).finally(() => Deno.removeSync = removeSync);
    assert.equal(directory.list("runtime").length, 1);
    process.end();
    await process.ended;
    await process.endOutput();
  }
  assert.deepEqual(directory.list("runtime"), []);
});
