import assert from "node:assert/strict";
import type { StopSignal } from "../../../src/bridge/exit.ts";
import { exists } from "../../../src/files.ts";
import { train, type TrainConfig, type TrainOutcome } from "../../../src/train/run.ts";
import { settled, until } from "../helper/deadline.ts";
import { fakeEnv } from "../helper/env.ts";
import { fakePython, noAssets, shellPython } from "../helper/fake_python.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** A training run. */
class Fixture implements Disposable {
  readonly directory: TempDir;
  readonly outcome: Promise<TrainOutcome>;
  #handler: ((signal: StopSignal) => void) | undefined;

  constructor(directory: TempDir, python: string, config: Partial<TrainConfig> = {}) {
    this.directory = directory;
    const running = train({
      python,
      module: "/module",
      script: "/module/train.py",
      modelDir: "/model dir",
      args: ["--epochs", "3", "--", ""],
      tensorBoardEnabled: true,
      tensorBoardDir: "/tb_logs",
      stopTimeoutMs: 60_000,
      ...config,
    }, {
      assets: noAssets,
      env: fakeEnv(),
      onSignal: (handler) => {
        this.#handler = handler;
        return { [Symbol.dispose]: () => this.#handler = undefined };
      },
    });
    this.outcome = settled(running, "the end of the run").finally(() => {
      assert.equal(this.#handler, undefined, "Nobody listens for signals any more");
    });
    this.outcome.catch(() => {});
  }

  /** Simulates a signal. */
  signal(signal: StopSignal): void {
    this.#handler!(signal);
  }

  /** Waits for a file that the process creates. */
  async made(name: string): Promise<void> {
    await until(() => this.directory.list().includes(name), `${name} is made`);
  }

  [Symbol.dispose](): void {
    this.directory[Symbol.dispose]();
  }
}

/** A run whose process runs `main` with the path of a directory for its files. */
function start(main: Parameters<typeof fakePython<string>>[1], config: Partial<TrainConfig> = {}): Fixture {
  const directory = new TempDir();
  return new Fixture(directory, fakePython(directory, main, directory.path), config);
}

Deno.test("train() returns 0 when the script has trained, and passes all settings to it", async () => {
  using fixture = start(async (FakeBridge, path) => {
    const [bridge, config] = await FakeBridge.begin();
    Deno.writeTextFileSync(
      `${path}/config`,
      JSON.stringify({ ...config, streams: Deno.env.get("AIMODELLIB_STREAMS") }),
    );
    await bridge.send(bridge.kind.done);
  });
  assert.deepEqual(await fixture.outcome, { code: 0 });
  assert.deepEqual(JSON.parse(Deno.readTextFileSync(`${fixture.directory.path}/config`)), {
    mode: "train",
    module: "/module",
    script: "/module/train.py",
    model_dir: "/model dir",
    args: ["--epochs", "3", "--", ""],
    tensor_board_enabled: true,
    tensor_board_dir: "/tb_logs",
    max_body: 2 ** 20,
    streams: "",
  });
});

Deno.test("train() returns 0 with a warning when the script ends the process before train() has returned", async () => {
  using fixture = start(async (FakeBridge) => void (await FakeBridge.begin()));
  assert.deepEqual(await fixture.outcome, {
    code: 0,
    message: "The script ended the process with exit code 0 before train() returned",
  });
});

Deno.test("train() returns 1 with the exception that the script raises", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.failed, 0, { stage: "train", type: "ValueError", message: "no data" });
    Deno.exit(1);
  });
  assert.deepEqual(await fixture.outcome, { code: 1, message: "Training raised ValueError: no data" });
});

Deno.test("train() returns 1 with the reason when the script can't be used, whatever its exit code", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.failed, 0, { stage: "check", type: "ScriptError", message: "It lacks train()" });
  });
  assert.deepEqual(await fixture.outcome, { code: 1, message: "It lacks train()" });
});

Deno.test("train() returns the script's own exit code", async () => {
  using fixture = start(async (FakeBridge) => {
    await FakeBridge.begin();
    Deno.exit(7);
  });
  assert.deepEqual(await fixture.outcome, { code: 7, message: "Training ended with exit code 7" });
});

Deno.test("train() returns 128 + n with the cause when a signal kills the script", async () => {
  using fixture = start(async (FakeBridge) => {
    await (await FakeBridge.begin())[0].die();
  });
  assert.deepEqual(await fixture.outcome, {
    code: 137,
    message: "Training ended by signal SIGKILL (by the system when memory runs out, or by somebody)",
  });
});

Deno.test("train() reports how the script ended when it has corrupted its stream", async () => {
  using fixture = start(async (FakeBridge) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.write(new Uint8Array(12).fill(0xff));
    Deno.exit(4);
  });
  assert.deepEqual(await fixture.outcome, { code: 4, message: "Training ended with exit code 4" });
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`train() passes ${signal} on, and returns ${code} if the script does not handle it`, async () => {
    using fixture = start(async (FakeBridge, path) => {
      await FakeBridge.begin();
      Deno.writeTextFileSync(`${path}/training`, "");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });
    await fixture.made("training");
    fixture.signal(signal);
    assert.deepEqual(await fixture.outcome, { code, message: `Training was stopped by ${signal}` });
  });
}

Deno.test("train() passes SIGHUP on, and returns 129 if the script does not handle it", async () => {
  using fixture = start(async (FakeBridge, path) => {
    await FakeBridge.begin();
    Deno.writeTextFileSync(`${path}/training`, "");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  await fixture.made("training");
  fixture.signal("SIGHUP");
  assert.deepEqual(await fixture.outcome, { code: 129, message: "Training was stopped by SIGHUP" });
});

Deno.test("train() passes each SIGHUP on, and sets no time limit if the script handles it", async () => {
  using fixture = start(async (FakeBridge, path) => {
    const [bridge] = await FakeBridge.begin();
    for (const count of [1, 2]) {
      const hungUp = new Promise<void>((resolve) => Deno.addSignalListener("SIGHUP", resolve));
      Deno.writeTextFileSync(`${path}/waiting-${count}`, "");
      await hungUp;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    await bridge.send(bridge.kind.done);
    Deno.exit(0);
  }, { stopTimeoutMs: 1 });
  for (const count of [1, 2]) {
    await fixture.made(`waiting-${count}`);
    fixture.signal("SIGHUP");
  }
  assert.deepEqual(await fixture.outcome, { code: 0 });
});

Deno.test("train() reports the script's exception even if a signal ends its process after that", async () => {
  using fixture = start(async (FakeBridge, path) => {
    const [bridge] = await FakeBridge.begin();
    await bridge.send(bridge.kind.failed, 0, { stage: "train", type: "ValueError", message: "no data" });
    Deno.writeTextFileSync(`${path}/failed`, "");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  await fixture.made("failed");
  fixture.signal("SIGTERM");
  assert.deepEqual(await fixture.outcome, { code: 1, message: "Training raised ValueError: no data" });
});

Deno.test("train() was stopped if its own signal comes after the one that ends the script, as from a manager that signals all processes", async () => {
  using fixture = start(async (FakeBridge, path) => {
    await FakeBridge.begin();
    Deno.writeTextFileSync(`${path}/pid.new`, String(Deno.pid));
    Deno.renameSync(`${path}/pid.new`, `${path}/pid`);
    Deno.kill(Deno.pid, "SIGTERM");
  });
  await fixture.made("pid");
  const pid = Deno.readTextFileSync(`${fixture.directory.path}/pid`);
  await until(() => !exists(`/proc/${pid}`), "the process has ended");
  fixture.signal("SIGTERM");
  assert.deepEqual(await fixture.outcome, { code: 143, message: "Training was stopped by SIGTERM" });
});

Deno.test("train() names the signal that ended the script if it differs from the first one", async () => {
  using fixture = start(async (FakeBridge, path) => {
    const [bridge] = await FakeBridge.begin();
    const interrupted = new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", resolve));
    Deno.writeTextFileSync(`${path}/training`, "");
    await interrupted;
    await bridge.die();
  });
  await fixture.made("training");
  fixture.signal("SIGINT");
  assert.deepEqual(await fixture.outcome, {
    code: 137,
    message: "Training ended by signal SIGKILL (by the system when memory runs out, or by somebody)",
  });
});

Deno.test("train() returns 0 when the script ends successfully after SIGINT", async () => {
  using fixture = start(async (FakeBridge, path) => {
    const [bridge] = await FakeBridge.begin();
    const interrupted = new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", resolve));
    Deno.writeTextFileSync(`${path}/training`, "");
    await interrupted;
    await bridge.send(bridge.kind.done);
    Deno.exit(0);
  });
  await fixture.made("training");
  fixture.signal("SIGINT");
  assert.deepEqual(await fixture.outcome, { code: 0 });
});

/** A script that only reports a signal. */
const stubborn: Parameters<typeof fakePython<string>>[1] = async (FakeBridge, path) => {
  await FakeBridge.begin();
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, () => Deno.writeTextFileSync(`${path}/${signal}`, ""));
  Deno.writeTextFileSync(`${path}/training`, "");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};

Deno.test("train() kills the script on a second signal", async () => {
  using fixture = start(stubborn);
  await fixture.made("training");
  fixture.signal("SIGINT");
  await fixture.made("SIGINT");
  fixture.signal("SIGTERM");
  assert.deepEqual(await fixture.outcome, { code: 130, message: "Training was killed: a second SIGTERM" });
  assert.ok(!fixture.directory.list().includes("SIGTERM"));
});

Deno.test("train() kills the script when it does not end in time after a signal", async () => {
  using fixture = start(stubborn, { stopTimeoutMs: 1 });
  await fixture.made("training");
  fixture.signal("SIGTERM");
  assert.deepEqual(await fixture.outcome, {
    code: 143,
    message: "Training was killed: it did not end within 0.001 s of SIGTERM",
  });
});

Deno.test("train() returns 128 + n when a signal arrives before training begins", async () => {
  const directory = new TempDir();
  using fixture = new Fixture(directory, shellPython(directory, `> '${directory.path}/started'; exec sleep 60`));
  await fixture.made("started");
  fixture.signal("SIGTERM");
  assert.deepEqual(await fixture.outcome, { code: 143, message: "Interrupted by SIGTERM before training began" });
});

Deno.test("train() returns 128 + n when a signal arrives after Python has connected, but before its HELLO", async () => {
  using fixture = start(async (FakeBridge, path) => {
    const bridge = await FakeBridge.connect();
    Deno.writeTextFileSync(`${path}/connected`, "");
    while (![...Deno.readDirSync(path)].some(({ name }) => name === "go")) await new Promise((go) => setTimeout(go, 1));
    await bridge.send(bridge.kind.hello, 0, { protocol: 4, python: "3.99.1" });
    await bridge.receive();
    Deno.exit(9);
  });
  await fixture.made("connected");
  await new Promise((resolve) => setTimeout(resolve, 10));
  fixture.signal("SIGINT");
  fixture.directory.write("go");
  assert.deepEqual(await fixture.outcome, { code: 130, message: "Interrupted by SIGINT before training began" });
});

Deno.test("train() throws a StartError when Python can't be started", async () => {
  const directory = new TempDir();
  using fixture = new Fixture(directory, `${directory.path}/missing`);
  await assert.rejects(fixture.outcome, { name: "StartError" });
});
