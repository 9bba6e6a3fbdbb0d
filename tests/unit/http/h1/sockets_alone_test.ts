import assert from "node:assert/strict";
import { setNoDelay, shutDown } from "../../../../src/http/h1/sockets.ts";
import { hasIpv6 } from "../../helper/network.ts";

/** Returns for each socket of this process with this port whether TCP_NODELAY is set. */
function sendsAtOnce(port: number): boolean[] {
  const library = Deno.dlopen("libc.so.6", {
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  });
  const { getsockname, getsockopt } = library.symbols;
  const found: boolean[] = [];
  for (const fd of [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name))) {
    const address = new DataView(new ArrayBuffer(128));
    const value = new Int32Array(1);
    if (getsockname(fd, address, new Uint32Array([128])) !== 0 || address.getUint16(2) !== port) continue;
    if (getsockopt(fd, 6, 1, value, new Uint32Array([4])) === 0) found.push(value[0] === 1);
  }
  library.close();
  return found;
}

for (const hostname of ["127.0.0.1", ...(hasIpv6 ? ["::1"] : [])]) {
  Deno.test(`setNoDelay() applies to a listener on ${hostname} and the connections that it accepts`, async () => {
    using listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr;
    assert.deepEqual(sendsAtOnce(port), [false]);
    setNoDelay(listener);
    using _client = await Deno.connect({ hostname, port });
    using _conn = await listener.accept();
    assert.deepEqual(sendsAtOnce(port), [true, true]);
  });

  Deno.test(`shutDown() ends one connection on ${hostname} that waits for its client, and no other`, async () => {
    using listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr;
    using _client = await Deno.connect({ hostname, port });
    using waiting = await listener.accept();
    using otherClient = await Deno.connect({ hostname, port });
    using other = await listener.accept();
    const writing = (async () => {
      while (true) await waiting.write(new Uint8Array(1024 * 1024));
    })();
    writing.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    shutDown([waiting]);
    await assert.rejects(writing);
    await other.write(new Uint8Array([7]));
    const received = new Uint8Array(1);
    await otherClient.read(received);
    assert.equal(received[0], 7);
  });
}

Deno.test("shutDown() does nothing to a Unix socket", async () => {
  const path = `${Deno.makeTempDirSync()}/socket`;
  using listener = Deno.listen({ transport: "unix", path });
  using client = await Deno.connect({ transport: "unix", path });
  using conn = await listener.accept();
  shutDown([conn]);
  await conn.write(new Uint8Array([7]));
  assert.equal(await client.read(new Uint8Array(1)), 1);
  Deno.removeSync(path.replace("/socket", ""), { recursive: true });
});
