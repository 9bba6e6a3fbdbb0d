/** A real process that sends damaged frames instead of the bridge's: the supervisor ends it and continues. */

import assert from "node:assert/strict";
import { Pool } from "../../src/supervisor/pool.ts";
import { Worker } from "../../src/supervisor/worker.ts";

const PYTHON = Deno.env.get("AIMODELLIB_TEST_PYTHON") ?? "/usr/bin/python3";

/** Sends HELLO and READY as a worker does, then frames with random changes, and exits. */
const RUBBISH = `
import os, random, socket, struct, sys
sock = socket.socket(socket.AF_UNIX)
sock.connect(os.path.join(os.environ["AIMODELLIB_BRIDGE"], "bridge.sock"))
keeper = socket.socket(socket.AF_UNIX)
keeper.connect(os.path.join(os.environ["AIMODELLIB_BRIDGE"], "keeper.sock"))
header = struct.Struct("<IIBBH")
hello = b'{"protocol": PROTOCOL, "pid": 1, "python": "3.8.0"}'
sock.sendall(header.pack(0, 0, 1, 0, len(hello)) + hello)
sock.recv(65536)
sock.sendall(header.pack(0, 0, 3, 0, 0))
chance = random.Random(os.getpid())
for n in range(500):
    data = bytearray(header.pack(3, n, 6, 0, 2) + b"{}abc")
    for _ in range(chance.randint(1, 3)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    try:
        sock.sendall(data)
    except OSError:
        break
`;

/** Runs one worker with the script instead of the bridge, and returns the causes that the pool reported. */
async function causeOf(script: string): Promise<string> {
  const folder = Deno.makeTempDirSync();
  const entry = `${folder}/fake.py`;
  Deno.writeTextFileSync(entry, script);
  const dead = Promise.withResolvers<string>();
  const worker = new Worker({
    python: PYTHON,
    assets: { root: folder, entry, [Symbol.dispose]: () => {} },
    env: (name) => Deno.env.get(name),
    maxBody: 1 << 20,
    output: () => {},
    config: { mode: "serve" },
  }, {
    onReady: () => {},
    onRoom: () => {},
    onWorn: () => {},
    onUsage: () => {},
    onScriptMetrics: () => {},
    onTakenBack: () => {},
    onDead: ({ cause }) => dead.resolve(cause),
  });
  try {
    await worker.run();
    return await dead.promise;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("a worker dies with a cause, and no request hangs, when its frames are damaged", async () => {
  const causes: string[] = [];
  for (let run = 0; run < 20; run++) causes.push(await causeOf(RUBBISH.replace("PROTOCOL", "4")));
  assert.equal(causes.length, 20);
  for (const cause of causes) assert.match(cause, /^it broke the protocol: |^exit code 0$/);
  assert.ok(causes.some((cause) => cause.startsWith("it broke the protocol: ")), "rubbish is noticed as such");
});

Deno.test("the cause of death names both versions when a worker speaks another version of the protocol", async () => {
  assert.match(await causeOf(RUBBISH.replace("PROTOCOL", "9")), /protocol version 9, this executable 4/);
});

Deno.test("a pool fails with the cause when Python ends before it connects", async () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${folder}/fake.py`, "raise SystemExit(4)");
  const pool = new Pool({
    createWorker: (_index, events) =>
      new Worker({
        python: PYTHON,
        assets: { root: folder, entry: `${folder}/fake.py`, [Symbol.dispose]: () => {} },
        env: (name) => Deno.env.get(name),
        maxBody: 1024,
        output: () => {},
        config: { mode: "serve" },
      }, events),
  });
  pool.start();
  await assert.rejects(pool.failed, /ended with exit code 4 before it was ready/);
  await pool.stop(AbortSignal.abort());
  Deno.removeSync(folder, { recursive: true });
});
