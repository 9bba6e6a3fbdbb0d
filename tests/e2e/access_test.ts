/** Access to `serve`: tokens, certificates, Unix sockets, and rules for web pages. */

import assert from "node:assert/strict";
import { certificate, HAS_OPENSSL, tlsOptions } from "./support/certificate.ts";
import { until } from "./support/limits.ts";
import { echo, py, type Sandbox, test } from "./support/sandbox.ts";
import { RawConnection } from "./support/raw.ts";
import { problemOf, Server } from "./support/server.ts";
import { tool } from "./support/tool.ts";

const TOKEN = "0123456789abcdef-token";
const METRICS = "fedcba9876543210-metrics";

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test("--token-file requires a token for all requests except health checks", async (box) => {
  box.write({ tokens: `${TOKEN}\n${METRICS} metrics\n` });
  const server = await box.serve(echo(), { args: ["--port", "0", "--token-file", box.path("tokens")] });
  for (const path of ["/ping", "/health/ready", "/health/live"]) {
    assert.equal((await server.request(path)).status, 200, path);
  }
  for (const path of ["/console/models", "/metrics", "/nowhere"]) {
    const refused = await server.request(path);
    assert.equal(refused.status, 401, path);
    assert.equal(refused.headers.get("www-authenticate"), 'Bearer realm="aimodellib"');
  }
  const missing = await server.invoke("");
  assert.equal(problemOf(missing).detail, "Authentication is required: send 'Authorization: Bearer TOKEN'");
  const wrong = await server.invoke("", bearer("not-the-token-at-all"));
  assert.deepEqual([wrong.status, problemOf(wrong).detail], [401, "The bearer token is not valid"]);
  assert.equal((await server.invoke("", bearer(TOKEN))).status, 200);
  assert.equal((await server.request("/metrics", { headers: bearer(METRICS) })).status, 200);
  assert.equal((await server.invoke("", bearer(METRICS))).status, 403);

  // After SIGHUP, the new ones are used; invalid ones change nothing.
  box.write({ tokens: "another-token-0123456789\n" });
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(/INFO Reloaded$/);
  assert.equal((await server.invoke("", bearer(TOKEN))).status, 401);
  box.write({ tokens: "short\n" });
  server.program.kill("SIGHUP");
  await server.program.stderr.waitFor(
    /ERROR .*line 1: a token has at least 16 characters.*; the previous certificate and tokens stay in use$/,
  );
  assert.equal((await server.invoke("", bearer("another-token-0123456789"))).status, 200);
  assert.ok(!server.log.includes(TOKEN) && !server.log.includes("short\n"), "no token is logged");
  await server.stop();
});

/** Sends a request that trusts the sandbox's current certificate. */
async function ask(box: Sandbox, url: string): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [box.read("cert.pem")] });
  const response = await fetch(`${url}/invocations`, { method: "POST", body: "hello", client });
  return await response.text();
}

/** Returns the inodes of the sockets that listen on the port of a URL of 127.0.0.1: proc_net(5). */
function listeningSocket(url: string): string {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const lines = Deno.readTextFileSync("/proc/net/tcp").split("\n").map((line) => line.trim().split(/\s+/));
  return lines.filter(([, local, , state]) => local === `0100007F:${port}` && state === "0A").map((line) => line[9])
    .join();
}

test("--tls-cert and --tls-key encrypt connections, and are read again on SIGHUP", async (box) => {
  certificate(box, "first");
  const args = ["--port", "0", "--tls-cert", box.path("cert.pem"), "--tls-key", box.path("key.pem")];
  const program = box.start(["serve", ...args, box.module({ "serve.py": echo() }), "serve.py", box.root]);
  const [, url] = await program.stderr.waitFor(/Ready: POST (https:\/\/127\.0\.0\.1:\d+)\/invocations/);
  assert.equal(await ask(box, url!), "hello");
  // A second listener would reset connections that wait to be accepted.
  const socket = listeningSocket(url!);
  program.kill("SIGHUP");
  await program.stderr.waitFor(/INFO Reloaded$/);
  assert.equal(listeningSocket(url!), socket);
  certificate(box, "second");
  await assert.rejects(ask(box, url!), "the old one is in use");
  program.kill("SIGHUP");
  await until("it listens anew", () => ![socket, ""].includes(listeningSocket(url!)));
  await until("the new one is in use", async () => await ask(box, url!).catch(() => "") === "hello");
  box.write({ "cert.pem": "rubbish" });
  program.kill("SIGHUP");
  await program.stderr.waitFor(
    /ERROR Can't listen on .*a certificate and its key, in PEM\?; the previous certificate and tokens stay in use$/,
  );
  program.kill("SIGTERM");
  assert.equal((await program.finished()).code, 0);
}, HAS_OPENSSL);

test("serve names a key that is encrypted, and the command that decrypts it", async (box) => {
  certificate(box, "localhost");
  const [key, plain] = [box.path("key.pem"), box.path("plain.pem")];
  Deno.renameSync(key, plain);
  // In the form of PKCS #8, and in the older one of OpenSSL.
  for (const kind of [["pkcs8", "-topk8"], ["ec", "-aes128"]]) {
    tool("openssl", [...kind, "-in", plain, "-out", key, "-passout", "pass:secret"]);
    const words = [
      "serve",
      "--port",
      "0",
      ...tlsOptions(box),
      box.module({ "serve.py": echo() }),
      "serve.py",
      box.root,
    ];
    const { code, stderr } = await box.run(words);
    assert.equal(code, 2);
    assert.match(stderr, /^Error: The key '.*key\.pem' is encrypted, .*: 'openssl pkey -in .*key\.pem -out FILE'/m);
  }
}, HAS_OPENSSL);

test("two servers with TLS do not share a port", async (box) => {
  certificate(box, "localhost");
  const serve = (...args: string[]) =>
    box.start(["serve", ...args, ...tlsOptions(box), box.module({ "serve.py": echo() }), "serve.py", box.root]);
  const first = serve("--port", "0");
  const [, port] = await first.stderr.waitFor(/Ready: POST https:\/\/127\.0\.0\.1:(\d+)\/invocations/);
  for (const host of ["127.0.0.1", "0.0.0.0"]) {
    const second = serve("--port", port!, "--host", host);
    const line = await second.stderr.waitFor(/Error: Can't listen on .*|Ready: .*/);
    assert.match(line[0], /^Error: Can't listen on [\d.]+:\d+: .*choose another port with --port/);
    assert.equal((await second.finished()).code, 2);
  }
  first.kill("SIGTERM");
  assert.equal((await first.finished()).code, 0);
}, HAS_OPENSSL);

test("--unix listens on a Unix socket, replaces one left by a killed server, and removes it at the end", async (box) => {
  const path = box.path("model.sock");
  const words = ["serve", "--unix", path, box.module({ "serve.py": echo() }), "serve.py", box.root];
  const first = box.start(words);
  await first.stderr.waitFor(/Ready: POST unix:/);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o660);
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  const response = await fetch("http://localhost/invocations", { method: "POST", body: "hello", client });
  assert.equal(await response.text(), "hello");
  const second = await box.run(words);
  assert.equal(second.code, 2);
  assert.match(second.stderr, /Error: Can't listen on '.*model\.sock': another process does/);
  first.kill("SIGKILL");
  await first.finished();
  const third = box.start(words);
  await third.stderr.waitFor(/Ready: POST unix:/);
  third.kill("SIGTERM");
  assert.equal((await third.finished()).code, 0);
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
});

test("--socket-when-ready makes the Unix socket when each model is ready or has failed", async (box) => {
  const path = box.path("model.sock");
  const script = echo(py`
    import os, time
    def load(model_dir, logger=None):
        while not os.path.exists(model_dir + "/go"):
            if os.path.exists(model_dir + "/bad"):
                raise OSError("a bad model")
            time.sleep(0.01)
  `);
  const module = box.module({ "serve.py": script });
  box.write({ "model/go": "", "other/readme": "" });
  const models = ["--model", `first=${module},serve.py,model`, "--model", `second=${module},serve.py,other`];
  const start = () => box.start(["serve", "--unix", path, "--socket-when-ready", ...models]);
  const sockets = () => [...Deno.readDirSync(box.root)].map(({ name }) => name).filter((name) => /sock/.test(name));
  const server = start();
  await server.stderr.waitFor(/Ready: POST .*first/);
  assert.deepEqual(sockets(), ["model.sock.loading"]);
  box.write({ "other/go": "" });
  await server.stderr.waitFor(/Ready: POST .*second/);
  assert.deepEqual(sockets(), ["model.sock"]);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o660);
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  const response = await fetch("http://localhost/models/second/invocations", { method: "POST", body: "hello", client });
  assert.equal(await response.text(), "hello");
  server.kill("SIGKILL");
  await server.finished();

  // A socket that a killed server has left is replaced; another server's is not.
  Deno.removeSync(box.path("other/go"));
  const second = start();
  await second.stderr.waitFor(/Ready: POST .*first/);
  assert.deepEqual(sockets(), ["model.sock.loading"]);
  {
    using _other = Deno.listen({ transport: "unix", path });
    box.write({ "other/go": "" });
    assert.equal((await second.finished()).code, 2);
    assert.match(second.stderr.text, /Error: Can't listen on '.*model\.sock': another process does/);
    assert.deepEqual(sockets(), ["model.sock"]);
  }

  Deno.removeSync(box.path("other/go"));
  const third = start();
  await third.stderr.waitFor(/Ready: POST .*first/);
  third.kill("SIGTERM");
  assert.equal((await third.finished()).code, 0);
  assert.deepEqual(sockets(), []);

  // A model that fails does not keep clients from the other one.
  const fourth = start();
  await fourth.stderr.waitFor(/Ready: POST .*first/);
  box.write({ "other/bad": "" });
  await until("the socket has its name", () => sockets().includes("model.sock"));
  using other = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  const answer = await fetch("http://localhost/models/first/invocations", {
    method: "POST",
    body: "hello",
    client: other,
  });
  assert.equal(await answer.text(), "hello");
  fourth.kill("SIGTERM");
  assert.equal((await fourth.finished()).code, 0);

  // Nor does it if the other one's worker is restarting at that moment.
  Deno.removeSync(box.path("other/bad"));
  const fifth = start();
  await fifth.stderr.waitFor(/Ready: POST .*first/);
  Deno.removeSync(box.path("model/go"));
  Deno.kill(Number(/first.* is ready \(process (\d+)\)/.exec(fifth.stderr.text)![1]), "SIGKILL");
  await fifth.stderr.waitFor(/first.*SIGKILL/);
  box.write({ "other/bad": "" });
  await until("the socket has its name", () => sockets().includes("model.sock"));
  fifth.kill("SIGTERM");
  assert.equal((await fifth.finished()).code, 0);
});

/** Returns the status of a request with these headers. */
async function statusOf(
  port: number,
  headers: string,
  line = "POST /invocations HTTP/1.1",
): Promise<number | undefined> {
  using connection = await RawConnection.open(port);
  await connection.send(`${line}\r\n${headers}\r\nContent-Length: 2\r\n\r\nhi`);
  return (await connection.receive())?.status;
}

const EVIL = "Host: localhost\r\nOrigin: https://evil.example\r\nSec-Fetch-Site: cross-site";

test("a web page can't use a server on loopback, whichever host name it uses", async (box) => {
  const server = await box.serve(echo());
  for (const host of ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]:8080"]) {
    assert.equal(await statusOf(server.port, `Host: ${host}`), 200, host);
  }
  for (const host of ["evil.example", `evil.example:${server.port}`, "localhost.evil.example", "0.0.0.0", "10.0.0.1"]) {
    assert.equal(await statusOf(server.port, `Host: ${host}`), 403, host);
    assert.equal(await statusOf(server.port, `Host: ${host}`, "GET /metrics HTTP/1.1"), 403, host);
  }
  assert.equal(await statusOf(server.port, EVIL), 403);
  assert.equal(await statusOf(server.port, "Host: localhost\r\nOrigin: null"), 403);
  assert.equal(
    await statusOf(server.port, "Host: localhost\r\nOrigin: http://localhost\r\nSec-Fetch-Site: same-origin"),
    200,
  );
  await server.stop();
});

test("--allow-host and --cors allow hosts and origins to use a server on loopback", async (box) => {
  const args = [
    "--port",
    "0",
    "--allow-host",
    "models.example.com",
    "--cors",
    "https://evil.example/,https://other:443",
  ];
  const server = await box.serve(echo(), { args });
  assert.equal(await statusOf(server.port, "Host: Models.example.com:80"), 200);
  assert.equal(await statusOf(server.port, "Host: other.example.com"), 403);
  assert.equal(await statusOf(server.port, EVIL), 200);
  assert.equal(await statusOf(server.port, EVIL.replace("evil", "more")), 403);
  const preflight = await server.request("/invocations", {
    method: "OPTIONS",
    headers: { origin: "https://other", "access-control-request-method": "POST" },
  });
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [200, "https://other"]);
  await server.stop();
});

test("a server with tokens, or on an address other than loopback, accepts any Host", async (box) => {
  const open = await box.serve(echo(), { args: ["--port", "0", "--host", "0.0.0.0"] });
  assert.equal(await statusOf(open.port, "Host: models.example.com"), 200);
  assert.equal(await statusOf(open.port, EVIL), 200);
  await open.stop();
  box.write({ tokens: `${TOKEN}\n` });
  const closed = await box.serve(echo(), { args: ["--port", "0", "--token-file", box.path("tokens")] });
  assert.equal(await statusOf(closed.port, `Host: models.example.com\r\nAuthorization: Bearer ${TOKEN}`), 200);
  assert.equal(await statusOf(closed.port, "Host: models.example.com"), 401);
  await closed.stop();
});

test("requests without a token do not reveal the names of models", async (box) => {
  const folder = box.module({ "serve.py": echo() });
  box.write({ tokens: `${TOKEN}\n` });
  const args = ["--port", "0", "--token-file", box.path("tokens")];
  const program = box.start([
    "serve",
    ...args,
    ...["secret", "other"].flatMap((name) => ["--model", `${name}=${folder},serve.py,${box.root}`]),
  ]);
  const server = await Server.attach(program, true);
  await Server.untilReady(program, "secret", "other");
  for (
    const path of [
      "/models/x/ping",
      "/models/x/invocations",
      "/v2/models/x/ready",
      "/v2/models/x/versions/1/ready",
      "/v2/models",
      "/nowhere",
    ]
  ) {
    const answer = await server.request(path);
    assert.equal(answer.status, 401, path);
    assert.doesNotMatch(answer.text, /secret|other/, path);
  }
  for (const path of ["/ping", "/health/ready", "/health/live", "/v2/health/ready"]) {
    const answer = await server.request(path);
    assert.equal(answer.status, 200, path);
    assert.doesNotMatch(answer.text, /secret|other/, path);
  }
  assert.equal((await server.request("/models/secret/ping")).status, 200);
  assert.match((await server.request("/health/ready", { headers: bearer(TOKEN) })).text, /"secret":"ready"/);
  await server.stop();
});

test("invalid access options are refused before anything is started", async (box) => {
  const module = box.module({ "serve.py": echo() });
  box.write({ tokens: "short", file: "" });
  for (
    const [args, expected] of [
      [["--tls-cert", "c.pem"], /--tls-cert and --tls-key must be given together/],
      [["--tls-cert", "c.pem", "--tls-key", "k.pem"], /The certificate 'c\.pem' can't be read: No such file/],
      [["--unix", "s", "--port", "1"], /Use either --unix or a port, not both/],
      [["--socket-when-ready"], /--socket-when-ready needs --unix/],
      [["--unix", "file"], /Can't listen on 'file': there is a file of that name/],
      [["--allow-host", "https://models.example.com"], /--allow-host takes host names without a port, .*, not 'https:/],
      [["--cors", "https://*.example.com"], /--cors takes origins, .*, not 'https:\/\/\*\.example\.com'/],
      [["--cors", "app.example.com"], /--cors takes origins, .*, not 'app\.example\.com'/],
      [["--token-file", "nowhere"], /The token file 'nowhere' can't be read: No such file/],
      [["--token-file", "tokens"], /'tokens', line 1: a token has at least 16 characters/],
    ] as const
  ) {
    const { code, stdout, stderr } = await box.run(["serve", ...args, module, "serve.py", box.root]);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, expected);
  }
});
