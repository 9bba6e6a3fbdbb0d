/** The addresses on which `aimodellib serve` listens. */

import assert from "node:assert/strict";
import { HAS_IPV6 } from "./support/needs.ts";
import { freePort } from "./support/port.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, test } from "./support/sandbox.ts";

for (
  const [what, args, more] of [
    ["behind model_dir", [], ["{port}"]],
    ["as --port", ["--port", "{port}"], []],
    ["twice and is the same", ["--port", "{port}"], ["{port}"]],
  ] as const
) {
  test(`serve listens on the port when it is given ${what}`, async (box) => {
    const port = String(freePort());
    const fill = (words: readonly string[]) => words.map((word) => word.replace("{port}", port));
    const server = await box.serve(echo(), { args: fill(args), more: fill(more) });
    assert.equal(server.url, `http://127.0.0.1:${port}`);
    assert.equal((await server.request("/ping")).status, 200);
    await server.stop();
  });
}

test("serve picks a free port and logs it when the port is 0", async (box) => {
  const first = await box.serve(echo(), { args: [], more: ["0"] });
  const second = await box.serve(echo());
  assert.notEqual(first.port, 0);
  assert.notEqual(first.port, second.port);
  assert.match(first.log, new RegExp(`Ready: POST ${first.url}/invocations`));
  assert.equal((await second.invoke("x")).text, "x");
  await first.stop();
  await second.stop();
});

test("serve exits with 2 and one line, without starting Python, when the port is in use", async (box) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const module = box.module({ "serve.py": `open("${box.path("imported")}", "w")\n` });
  const { code, stdout, stderr } = await box.run(["serve", module, "serve.py", box.root, String(listener.addr.port)]);
  assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
  assert.match(stderr, /^Error: Can't listen on 127\.0\.0\.1:\d+: .*choose another port with --port[^\n]*\n$/);
  assert.throws(() => Deno.statSync(box.path("imported")), Deno.errors.NotFound);
});

test("serve exits with 2 and one line when it can't listen on the host", async (box) => {
  const module = box.module({ "serve.py": echo() });
  for (const host of ["192.0.2.1", "no.such.host.invalid"]) {
    const { code, stderr } = await box.run(["serve", "--port", "0", "--host", host, module, "serve.py", box.root]);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^Error: Can't listen on ${host}:0: [^\n]*\n$`));
  }
});

for (
  const [args, more, expected] of [
    [["--port", "65536"], [], /65535|65536/],
    [["--port", "-1"], [], /port/i],
    [[], ["eighty"], /eighty/],
    [["--port", "1"], ["2"], /^Error: Use either --port 1 or the argument 2 for the port, not both/],
    [["--max-body", "big"], [], /Expected a size such as.*100MiB.*big/],
    [["--drain-timeout", "0"], [], /seconds above 0/],
    [["--unknown"], [], /--unknown/],
    [[], ["8080", "extra"], /extra/],
  ] as const
) {
  test(`serve exits with 2 and the reason when its arguments are ${[...args, "…", ...more].join(" ")}`, async (box) => {
    const module = box.module({ "serve.py": echo() });
    const { code, stdout, stderr } = await box.run(["serve", ...args, module, "serve.py", box.root, ...more]);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" }, stderr);
    assert.match(stderr, expected);
  });
}

for (const host of ["::1", "[::1]"]) {
  test(`serve listens on IPv6 when --host is ${host}`, async (box) => {
    const server = await box.serve(echo(), { args: ["--port", "0", "--host", host] });
    assert.match(server.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await server.invoke("x")).text, "x");
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: server.port }), "nothing else is opened");
    await server.stop();
  }, HAS_IPV6);
}

test("serve listens on all addresses with --host 0.0.0.0, and only on 127.0.0.1 by default", async (box) => {
  const all = await box.serve(echo(), { args: ["--port", "0", "--host", "0.0.0.0"] });
  const local = await box.serve(echo());
  using connection = await RawConnection.open(all.port, "127.0.0.2");
  await connection.send("GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.equal((await connection.receive())?.status, 200);
  await assert.rejects(RawConnection.open(local.port, "127.0.0.2"));
  await all.stop();
  await local.stop();
});
