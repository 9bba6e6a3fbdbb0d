import assert from "node:assert/strict";
import { openSockets } from "../../../src/http/sockets.ts";
import { until } from "../helper/deadline.ts";
import { TempDir } from "../helper/temp_dir.ts";

const sockets = openSockets();

Deno.test("read() finds a listening socket and its connections, and says what came and went on them", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assert.deepEqual({ ...sockets.read(port), open: 0, limit: 0 }, {
    listening: true,
    connections: [],
    open: 0,
    limit: 0,
  });
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  using accepted = await listener.accept();
  const find = () => {
    const { connections } = sockets.read(port);
    assert.equal(connections.length, 1);
    return connections[0]!;
  };
  const fresh = find();
  assert.equal(fresh.port, (client.localAddr as Deno.NetAddr).port);
  assert.deepEqual([fresh.received, fresh.sent, fresh.untaken], [0, 0, false]);

  await client.write(new Uint8Array(100));
  await until(() => find().received === 100, "100 bytes have come");
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.ok(find().sinceReceived >= 20, `${find().sinceReceived} ms`);
  await accepted.write(new Uint8Array(10));
  await until(() => find().taken > fresh.taken && !find().untaken, "the answer is taken");
  const { sent, sinceReceived, sinceSent } = find();
  assert.equal(sent, 1);
  assert.ok(sinceSent < sinceReceived);
});

Deno.test("read() says that an answer is not taken when the client does not read", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using accepted = await listener.accept();
  const writing = accepted.write(new Uint8Array(64 * 2 ** 20)).catch(() => {});
  await until(() => sockets.read(listener.addr.port).connections[0]!.untaken, "something is not taken");
  client.close();
  await writing;
});

Deno.test("end() ends a connection for both sides", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using accepted = await listener.accept();
  sockets.end(sockets.read(listener.addr.port).connections[0]!.fd);
  assert.equal(await accepted.read(new Uint8Array(1)), null);
  assert.equal(await client.read(new Uint8Array(1)), null);
});

Deno.test("read() finds the connections of a Unix socket by its path", async () => {
  using directory = new TempDir();
  const path = `${directory.path}/a.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  using _client = await Deno.connect({ transport: "unix", path });
  using _accepted = await listener.accept();
  const { listening, connections } = sockets.read(path);
  assert.equal(listening, true);
  assert.deepEqual(connections.map(({ port, received }) => [port, received]), [[0, 0]]);
  assert.equal(sockets.read(`${path}x`).listening, false);
  listener.close();
  assert.equal(sockets.read(path).listening, false);
});

Deno.test("read() counts file descriptors, and says how many there may be", () => {
  const before = sockets.read(1);
  using _one = Deno.openSync("/dev/null");
  using _two = Deno.openSync("/dev/null");
  const { open, limit } = sockets.read(1);
  assert.equal(open, before.open + 2);
  assert.equal(open, [...Deno.readDirSync("/proc/self/fd")].length - 1);
  const soft = /^Max open files +(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))![1];
  assert.equal(limit, Number(soft));
});
