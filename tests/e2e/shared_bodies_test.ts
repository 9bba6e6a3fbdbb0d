/** Large bodies in the memory that the server shares with its workers. */

import assert from "node:assert/strict";
import { equalBytes, pattern } from "./support/bytes.ts";
import { LONG, sleep, until, within } from "./support/limits.ts";
import { signal } from "./support/processes.ts";
import { BIN, echo, py, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const MIB = 2 ** 20;

/** Answers with all bits flipped: an answer then differs from every request. */
const FLIP = echo(py`
  TABLE = bytes(255 - byte for byte in range(256))
  def predict(data, model):
      return data.translate(TABLE)
`);

/** The answer to a body. */
function flipped(body: Uint8Array): Uint8Array {
  const words = new Uint32Array(Math.ceil(body.length / 4));
  const bytes = new Uint8Array(words.buffer, 0, body.length);
  bytes.set(body);
  for (let i = 0; i < words.length; i++) words[i] = ~words[i]!;
  return bytes;
}

/** The memory that a server shares with its workers, in bytes; undefined if it shares none. */
function sharedBy({ program }: Server): number | undefined {
  const folder = `/proc/${program.pid}/fd`;
  let taken: number | undefined;
  for (const { name } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    try {
      if (Deno.readLinkSync(path).startsWith("/memfd:aimodellib")) {
        taken = (taken ?? 0) + Deno.statSync(path).blocks! * 512;
      }
    } catch {
      // The descriptor was closed meanwhile.
    }
  }
  return taken;
}

/** A client that sends a request, and reads the answer only later. */
class SlowReader implements Disposable {
  private constructor(readonly socket: Deno.TcpConn, readonly body: Uint8Array) {}

  static async open(port: number, body: Uint8Array): Promise<SlowReader> {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    const reader = new SlowReader(socket, body);
    await reader.#send(
      `POST /invocations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await reader.#send(body);
    return reader;
  }

  /** Reads the answer: undefined if it is not 200, else whether the body is the right one. */
  async read(): Promise<boolean | undefined> {
    const answer = await within(LONG, "a slow reader reads its answer", new Response(this.socket.readable).bytes());
    const end = answer.findIndex((_, i) => answer[i] === 13 && answer[i + 2] === 13) + 4;
    if (!new TextDecoder().decode(answer.subarray(0, end)).startsWith("HTTP/1.1 200 ")) return undefined;
    return equalBytes(answer.subarray(end), flipped(this.body));
  }

  async #send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let sent = 0; sent < bytes.length;) sent += await this.socket.write(bytes.subarray(sent));
  }

  [Symbol.dispose](): void {
    try {
      this.socket.close();
    } catch {
      // Reading to the end has closed it.
    }
  }
}

test("serve never mixes up large bodies while workers are killed, clients leave, and others read slowly", async (box) => {
  const server = await box.serve(FLIP, { args: ["--port", "0", "--workers", "2"] });
  const wrong: string[] = [];
  const statuses = new Map<number, number>();
  let next = 1;
  let stopping = false;
  const clients = Array.from({ length: 12 }, async () => {
    while (!stopping) {
      const seed = next++;
      const body = pattern(30_000 + (seed * 77_777) % (2 * MIB), seed);
      const { status, bytes } = await server.invoke(body);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 200 ? !equalBytes(bytes, flipped(body)) : status !== 502) wrong.push(`${seed}: ${status}`);
    }
  });
  const leavers = Array.from({ length: 3 }, async () => {
    while (!stopping) {
      const seed = next++;
      // Some leave within their bodies, and some before their answers.
      const body = pattern(MIB, seed);
      const socket = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const bytes = new TextEncoder().encode(
        `POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${MIB}\r\n\r\n`,
      );
      await socket.write(bytes);
      await socket.write(body.subarray(0, seed % 2 === 0 ? MIB / 2 : MIB));
      socket.close();
      await sleep(5);
    }
  });
  await until("bodies are in shared memory", () => (sharedBy(server) ?? 0) > 0);
  // Their answers do not fit into the buffers of a socket.
  const slow = await Promise.all(
    Array.from({ length: 10 }, (_, i) => SlowReader.open(server.port, pattern(12 * MIB, 1_000_000 + i))),
  );
  const kills = 4;
  for (let kill = 0; kill < kills; kill++) {
    await until("two workers are ready", () => readyIn(server.log) >= 2 + kill);
    await sleep(100);
    signal(lastPidIn(server.log), "SIGKILL");
  }
  await until("the last worker is ready", () => readyIn(server.log) >= 2 + kills);
  await sleep(100);
  stopping = true;
  await within(LONG, "every request ends", Promise.all([...clients, ...leavers]));
  const read = await Promise.all(slow.map((reader) => reader.read()));
  for (const reader of slow) reader[Symbol.dispose]();
  assert.deepEqual(wrong, []);
  assert.ok(!read.includes(false), "a slow reader got another answer");
  assert.ok(read.filter((right) => right).length >= 4, `${read}`);
  assert.ok((statuses.get(200) ?? 0) > 20, `${[...statuses]}`);
  await until("the memory is given back", () => sharedBy(server)! < 64 * 1024);
  await server.stop();
});

/** The same for tensors of the Open Inference Protocol, as NumPy's files. */
const FLIP_TENSOR = echo(py`
  TABLE = bytes(255 - byte for byte in range(256))
  def v2_metadata(model):
      spec = {"datatype": "UINT8", "shape": [-1], "content_type": "application/x-npy"}
      return {"inputs": [{"name": "x", **spec}], "outputs": [{"name": "y", **spec}]}
  def predict(data, model):
      head = 10 + int.from_bytes(data[8:10], "little")
      return data[:head] + data[head:].translate(TABLE)
  def serialize(data, accepted="*/*"):
      return data, "application/x-npy"
`);

test("serve never mixes up tensors in binary while workers are killed", async (box) => {
  const server = await box.serve(FLIP_TENSOR, { args: ["--port", "0", "--workers", "2"] });
  const { models: [model] } = JSON.parse((await server.request("/v2/models")).text);
  const wrong: string[] = [];
  let right = 0;
  let next = 1;
  let stopping = false;
  const clients = Array.from({ length: 8 }, async () => {
    while (!stopping) {
      const seed = next++;
      const tensor = pattern(30_000 + (seed * 77_777) % (2 * MIB), seed);
      const parameters = { binary_data_size: tensor.length };
      // Without an id, there is no room for the header of a NumPy file.
      const id = seed % 3 === 0 ? {} : { id: `${seed}`.padEnd(64) };
      const inputs = [{ name: "x", datatype: "UINT8", shape: [tensor.length], parameters }];
      const json = JSON.stringify({ ...id, inputs, parameters: { binary_data_output: true } });
      const { status, bytes, headers } = await server.request(`/v2/models/${model}/infer`, {
        method: "POST",
        headers: { "inference-header-content-length": `${json.length}` },
        body: new Blob([json, tensor]),
      });
      const length = Number(headers.get("inference-header-content-length"));
      if (status === 200 && equalBytes(bytes.subarray(length), flipped(tensor))) right++;
      else if (status !== 502) wrong.push(`${seed}: ${status}`);
    }
  });
  await until("tensors are in shared memory", () => (sharedBy(server) ?? 0) > 0);
  for (let kill = 0; kill < 2; kill++) {
    await until("two workers are ready", () => readyIn(server.log) >= 2 + kill);
    await sleep(200);
    signal(lastPidIn(server.log), "SIGKILL");
  }
  await until("many are answered", () => right > 100 || wrong.length > 0);
  stopping = true;
  await within(LONG, "every request ends", Promise.all(clients));
  assert.deepEqual(wrong, []);
  await server.stop();
});

test("serve answers large bodies without shared memory where files may not grow", async (box) => {
  const words = ["serve", "--port", "0", box.module({ "serve.py": FLIP }), "serve.py", box.path("model")];
  Deno.mkdirSync(box.path("model"));
  // In KiB. Shared memory would be longer than the first limit, which is larger than any file; large bodies in a file pass the second one.
  for (const limit of [200_000, 500]) {
    const program = box.start(["-c", `ulimit -f ${limit}; exec "$0" "$@"`, BIN, ...words], { command: "/bin/bash" });
    const server = await Server.attach(program, true);
    for (const size of [40_000, 100_000, MIB, 17 * MIB]) {
      const body = pattern(size, size);
      const { status, bytes } = await server.invoke(body);
      assert.ok(status === 200 && equalBytes(bytes, flipped(body)), `${status} for ${size} bytes with ${limit} KiB`);
    }
    assert.equal(sharedBy(server), undefined);
    await server.stop();
  }
});

test("predict sends a large body where files may not grow", async (box) => {
  const module = box.module({ "serve.py": FLIP });
  const body = pattern(MIB, MIB);
  Deno.mkdirSync(box.path("model"));
  Deno.writeFileSync(box.path("body"), body);
  Deno.writeFileSync(box.path("flipped"), flipped(body));
  const shell = `set -o pipefail; (ulimit -f 500; exec "$0" predict "$@") | cmp - flipped`;
  const { code, stdout, stderr } = await box.run(["-c", shell, BIN, module, "serve.py", "model", "body"], {
    command: "/bin/bash",
  });
  assert.equal(code, 0, `${stdout}${stderr}`);
});

function readyIn(log: string): number {
  return [...log.matchAll(/Worker \d+ is ready/g)].length;
}

function lastPidIn(log: string): number {
  return Number([...log.matchAll(/Worker \d+ is ready \(process (\d+)\)/g)].at(-1)![1]);
}
