import assert from "node:assert/strict";
import type { Answer, Handle } from "../../../src/http/h1/mod.ts";
import { bind, bindUnix, type ListenOptions } from "../../../src/http/bind.ts";
import { listen as listenOn } from "../../../src/http/listen.ts";
import { utf8 } from "../helper/bytes.ts";
import { hasIpv6 } from "../helper/network.ts";
import { TempDir } from "../helper/temp_dir.ts";

const listen = (options: ListenOptions, handle: Handle) => listenOn(bind(options), { handle, readTimeoutMs: 60_000 });
const saying = (text: string): Answer => ({ status: 200, headers: {}, body: utf8(text) });
const hello: Handle = () => Promise.resolve(saying("hello"));

async function textOf(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

Deno.test("listen() reports the assigned port when the requested port is 0", async () => {
  const server = listen({ host: "127.0.0.1", port: 0 }, hello);
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(await textOf(server.url), "hello");
  await server.drain();
});

Deno.test("listen() puts an IPv6 address in brackets in the URL", { ignore: !hasIpv6 }, async () => {
  const server = listen({ host: "::1", port: 0 }, hello);
  assert.match(server.url, /^http:\/\/\[::1\]:\d+$/);
  assert.equal(await textOf(server.url), "hello");
  await server.drain();
});

Deno.test("listen() throws a UsageError that says what to do when the port is in use", async () => {
  const server = listen({ host: "127.0.0.1", port: 0 }, hello);
  const port = Number(new URL(server.url).port);
  assert.throws(() => listen({ host: "127.0.0.1", port }, hello), (error: Error) => {
    assert.equal(error.name, "UsageError");
    assert.ok(error.message.startsWith(`Can't listen on 127.0.0.1:${port}: `), error.message);
    assert.ok(error.message.endsWith("; choose another port with --port (0 takes any that is free)"), error.message);
    assert.ok(error.cause instanceof Deno.errors.AddrInUse);
    return true;
  });
  await server.drain();
});

for (
  const [host, written] of [["192.0.2.1", "192.0.2.1:0"], ["2001:db8::1", "[2001:db8::1]:0"], [
    "not a host",
    "not a host:0",
  ]]
) {
  Deno.test(`listen() throws a UsageError when the host '${host}' is not an address of this machine`, () => {
    assert.throws(() => listen({ host: host!, port: 0 }, hello), (error: Error) => {
      assert.equal(error.name, "UsageError");
      assert.ok(error.message.startsWith(`Can't listen on ${written}: `), error.message);
      assert.ok(!error.message.includes("--port"), error.message);
      return true;
    });
  });
}

Deno.test("drain() lets requests in flight finish, and accepts no new ones", async () => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let requests = 0;
  const server = listen({ host: "127.0.0.1", port: 0 }, async () => {
    if (requests++ > 0) return saying("just in time");
    entered.resolve();
    await release.promise;
    return saying("late");
  });
  const answer = textOf(server.url);
  await entered.promise;
  let drained = false;
  const draining = server.drain().then(() => drained = true);
  // The listener is closed when no connection waits for it.
  const isClosed = () => textOf(server.url).then(() => false, (error) => error instanceof TypeError);
  while (!await isClosed());
  assert.equal(drained, false);
  release.resolve();
  assert.equal(await answer, "late");
  await draining;
});

Deno.test("bindUnix() creates a socket that other users can never connect to, whatever the umask is", async () => {
  using directory = new TempDir();
  const path = `${directory.path}/s`;
  const modes: number[] = [];
  const note = () => modes.push(Deno.lstatSync(path).mode! & 0o777);
  const { chmodSync } = Deno;
  const before = Deno.umask(0);
  // This is the first moment at which a mode that is too open could be corrected.
  Deno.chmodSync = (...args) => {
    note();
    chmodSync(...args);
  };
  try {
    const server = listenOn(await bindUnix(path), { handle: hello, readTimeoutMs: 60_000 });
    note();
    assert.deepEqual(new Set(modes), new Set([0o660]));
    assert.equal(Deno.umask(), 0, "the process has its umask back");
    server.close();
  } finally {
    Deno.chmodSync = chmodSync;
    Deno.umask(before);
  }
});

Deno.test("drain() answers those who have connected to a Unix socket, whose name it removes first", async () => {
  using directory = new TempDir();
  const path = `${directory.path}/s`;
  const server = listenOn(await bindUnix(path), { handle: hello, readTimeoutMs: 60_000 });
  // The system accepts these connections; the server has not had the time to.
  const clients = await Promise.all(Array.from({ length: 50 }, () => Deno.connect({ transport: "unix", path })));
  const draining = server.drain();
  assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
  const answers = clients.map(async (conn) => {
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    const answer = await new Response(conn.readable).text();
    return answer.slice(0, answer.indexOf("\r\n"));
  });
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(["HTTP/1.1 200 OK"]));
  await draining;
});
