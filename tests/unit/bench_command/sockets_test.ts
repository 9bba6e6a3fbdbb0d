import assert from "node:assert/strict";
import { socketAddress } from "../../../src/bench/address.ts";
import type { Socket } from "../../../src/bench/socket.ts";
import { Sockets } from "../../../src/bench/sockets.ts";

/** Does something with a socket as soon as that is possible, which it says with a number that is not negative. */
function whenPossible(socket: Socket, act: () => number): Promise<number> {
  return new Promise((resolve, reject) => {
    const step = () => {
      let result = 0;
      let failure: unknown;
      try {
        result = act();
        if (result < 0) return;
      } catch (error) {
        failure = error;
      }
      socket.listen(undefined);
      if (failure === undefined) resolve(result);
      else reject(failure);
    };
    socket.listen(step);
    step();
  });
}

const read = (socket: Socket, buffer: Uint8Array) => whenPossible(socket, () => socket.read(buffer));
const write = (socket: Socket, bytes: Uint8Array) => whenPossible(socket, () => socket.write(bytes));

const hex = (address: Deno.Addr) => socketAddress(address)?.toHex();

/** A server that hands each connection to a function. */
function listen(serve: (conn: Deno.TcpConn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const conn of listener) await serve(conn).catch(() => {});
  })();
  const sockets = Sockets.to(socketAddress(listener.addr)!)!;
  return {
    sockets,
    listener,
    async [Symbol.asyncDispose]() {
      sockets[Symbol.dispose]();
      listener.close();
      await served.catch(() => {});
    },
  };
}

Deno.test("socketAddress() encodes addresses as Linux has them", () => {
  assert.equal(hex({ transport: "tcp", hostname: "127.0.0.1", port: 8080 }), "02001f907f0000010000000000000000");
  const six = (hostname: string) => hex({ transport: "tcp", hostname, port: 443 })?.slice(16, 48);
  assert.equal(six("::1"), "00000000000000000000000000000001");
  assert.equal(six("::"), "0".repeat(32));
  assert.equal(six("2001:db8::ff:0:1"), "20010db800000000000000ff00000001");
  assert.equal(six("::ffff:1.2.3.4"), "00000000000000000000ffff01020304");
  assert.equal(six("fe80::1%eth0"), undefined);
  assert.equal(hex({ transport: "unix", path: "/a" }), "01002f6100");
  assert.equal(hex({ transport: "unix", path: "/".padEnd(108, "a") }), undefined);
});

Deno.test("sockets carry more bytes than the kernel buffers", async () => {
  const length = 7 * 2 ** 20;
  await using server = listen(async (conn) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) at += (await conn.read(bytes.subarray(at)))!;
    for (let at = 0; at < length;) at += await conn.write(bytes.subarray(at));
    conn.close();
  });
  const conn = await server.sockets.connect();
  const sent = new Uint8Array(length).map((_, index) => index % 251);
  for (let at = 0; at < length;) at += await write(conn, sent.subarray(at));
  const received = new Uint8Array(length);
  for (let at = 0; at < length;) at += await read(conn, received.subarray(at));
  assert.ok(received.every((byte, index) => byte === sent[index]));
  conn.close();
});

Deno.test("a read ends with what the server has sent before it closed the connection", async () => {
  await using server = listen(async (conn) => {
    await conn.write(new TextEncoder().encode("last words"));
    conn.close();
  });
  const conn = await server.sockets.connect();
  const buffer = new Uint8Array(100);
  let text = "";
  for (let count = await read(conn, buffer); count > 0; count = await read(conn, buffer)) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  assert.equal(text, "last words");
  assert.equal(await read(conn, buffer), 0, "and so do all others");
  conn.close();
});

Deno.test("timers run while all sockets wait, and close() ends their reads", async () => {
  const conns: Deno.Conn[] = [];
  await using server = listen((conn) => Promise.resolve(void conns.push(conn)));
  const [one, two] = [await server.sockets.connect(), await server.sockets.connect()];
  const reads = [one, two].map((conn) => read(conn, new Uint8Array(1)));
  const ended = Promise.allSettled(reads);
  await new Promise((resolve) => setTimeout(resolve, 20));
  one.close();
  two.close();
  for (const { status } of await ended) assert.equal(status, "rejected");
  for (const conn of conns) conn.close();
});

Deno.test("a socket that postpones itself is woken again, and timers run in between", async () => {
  const conns: Deno.Conn[] = [];
  await using server = listen((conn) => Promise.resolve(void conns.push(conn)));
  const conn = await server.sockets.connect();
  let isOver = false;
  let calls = 0;
  const listener = () => {
    calls++;
    if (!isOver) conn.postpone();
  };
  conn.listen(listener);
  listener();
  await new Promise((resolve) => setTimeout(resolve, 20));
  isOver = true;
  assert.ok(calls > 2, `${calls} calls`);
  conn.close();
  assert.throws(() => conn.read(new Uint8Array(1)), Deno.errors.Interrupted);
  for (const conn of conns) conn.close();
});

Deno.test("a server that is gone refuses connections", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = socketAddress(listener.addr)!;
  listener.close();
  using sockets = Sockets.to(address)!;
  await assert.rejects(sockets.connect(), Deno.errors.ConnectionRefused);
});

Deno.test("a write to a closed connection fails", async () => {
  await using server = listen((conn) => Promise.resolve(conn.close()));
  const conn = await server.sockets.connect();
  assert.equal(await read(conn, new Uint8Array(1)), 0);
  // The first bytes make the server's kernel reset the connection.
  conn.write(new Uint8Array(1));
  assert.throws(() => conn.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
  conn.close();
});

Deno.test("sockets connect to a path", async () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  using sockets = Sockets.to(socketAddress({ transport: "unix", path })!)!;
  const [conn, server] = await Promise.all([sockets.connect(), listener.accept()]);
  await server.write(new Uint8Array([7]));
  const buffer = new Uint8Array(1);
  assert.deepEqual([await read(conn, buffer), buffer[0]], [1, 7]);
  conn.close();
  server.close();
  listener.close();
  Deno.removeSync(folder, { recursive: true });
});
