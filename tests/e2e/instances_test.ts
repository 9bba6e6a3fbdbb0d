/** Two instances behind nginx and behind HAProxy, with the configurations in docs/instances.md, and one behind nginx with that in docs/operations.md. */

import assert from "node:assert/strict";
import { certificate, HAS_OPENSSL } from "./support/certificate.ts";
import { until } from "./support/limits.ts";
import { has, type Need } from "./support/needs.ts";
import { blocksOf, freePort } from "./support/pages.ts";
import type { Program } from "./support/program.ts";
import { echo, py, ROOT, type Sandbox, test } from "./support/sandbox.ts";

const PAGE = Deno.readTextFileSync(`${ROOT}/docs/instances.md`);
/** The length of a body that no proxy keeps in memory. */
const LARGE = 8 * 1024 * 1024;
/** How many clients send requests, one after another. */
const CLIENTS = 16;

/** Writes down the requests that it executes. Loading takes long enough for requests to arrive meanwhile. */
const SCRIPT = echo(py`
  import os, time

  def load(model_dir):
      time.sleep(0.3)
      return model_dir

  def predict(data, model):
      if data.startswith(b"request"):
          with open(f"{model}/{os.getpid()}", "ab") as file:
              file.write(data + b"\n")
      time.sleep(0.01)
      return data
`);
/** Sends its second part when the client has read the first. */
const STREAM = py`
  import os, time
  def load(model_dir): return model_dir
  def deserialize(data, content_type): return data
  def serialize(data, accept): return data.encode(), "text/event-stream"
  def predict(data, model):
      yield "first"
      while not os.path.exists(model + "/read"): time.sleep(0.01)
      yield "second"
`;

interface Proxy {
  readonly name: string;
  readonly file: string;
  readonly program: string;
  start(box: Sandbox, text: string): Program;
}

const NGINX: Proxy = {
  name: "nginx",
  file: "nginx.conf",
  program: "/usr/sbin/nginx",
  start(box, text) {
    const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${box.path(name)};`).join("\n");
    const head = `daemon off; pid ${box.path("pid")}; error_log stderr; events {}`;
    box.write({ "nginx.conf": `${head}\nhttp { access_log off; ${folders}\n${text} }` });
    return box.start(["-c", box.path("nginx.conf"), "-g", "user root;"], { command: this.program });
  },
};

const HAPROXY: Proxy = {
  name: "HAProxy",
  file: "haproxy.cfg",
  program: "/usr/sbin/haproxy",
  start(box, text) {
    box.write({ "haproxy.cfg": text });
    return box.start(["-db", "-f", box.path("haproxy.cfg")], { command: this.program });
  },
};

function startInstance(box: Sandbox, number: number): Program {
  const socket = box.path(`run/model/${number + 1}.sock`);
  return box.start([
    "serve",
    "--unix",
    socket,
    "--socket-when-ready",
    box.path("module"),
    "serve.py",
    box.path("model"),
  ]);
}

/** Two instances and the proxy in front of them. */
class Site implements AsyncDisposable {
  /** How often {@linkcode load} was called. */
  #loads = 0;

  private constructor(
    private readonly box: Sandbox,
    readonly instances: Program[],
    readonly proxy: Program,
    readonly url: string,
  ) {}

  static async open(box: Sandbox, proxy: Proxy, script: string): Promise<Site> {
    Deno.mkdirSync(box.path("run/model"), { recursive: true });
    Deno.mkdirSync(box.path("model"));
    const port = freePort();
    box.module({ "serve.py": script }, "module");
    const instances = [startInstance(box, 0), startInstance(box, 1)];
    for (const instance of instances) await instance.stderr.waitFor(/Ready: POST /);
    const block = blocksOf(PAGE).find(({ mark }) => mark?.kind === "file" && mark.value === proxy.file);
    const text = block!.text.replaceAll("/run/model", box.path("run/model")).replace(
      /(listen |bind )\S*8080/,
      `$1127.0.0.1:${port}`,
    );
    const program = proxy.start(box, text);
    const url = `http://127.0.0.1:${port}`;
    const answers = () =>
      fetch(`${url}/health/ready`).then(async (response) => (await response.text(), response.ok), () => false);
    await until(`${proxy.name} answers`, answers, 10_000, () => program.stderr.text);
    return new Site(box, instances, program, url);
  }

  /** Stops an instance, starts another one in its place, and waits until the proxy uses that. */
  async replace(number: number): Promise<void> {
    const before = this.instances[number]!;
    before.kill("SIGTERM");
    assert.equal((await before.finished()).code, 0, before.stderr.text);
    const instance = startInstance(this.box, number);
    this.instances[number] = instance;
    await instance.stderr.waitFor(/Ready: POST /);
    await this.works(number);
  }

  async post(body: BodyInit, headers: HeadersInit = {}): Promise<{ status: number; text: string; headers: Headers }> {
    const response = await fetch(`${this.url}/invocations`, { method: "POST", body, headers });
    return { status: response.status, text: await response.text(), headers: response.headers };
  }

  /** How many requests to the model an instance has answered, from its metrics. */
  async answered(instance: number): Promise<number> {
    const text = await (await fetch(`${this.url}/${instance + 1}/metrics`)).text();
    const counted = /^aimodellib_requests_total\{(?=.*route="\/invocations")(?=.*status="200").*\} (\d+)$/m;
    return Number(counted.exec(text)?.[1] ?? assert.fail(text));
  }

  /** Lets all clients send requests until a promise is settled. Returns how many requests of each client failed. */
  async load(during: () => Promise<unknown>): Promise<number[]> {
    const round = this.#loads++;
    let over = false;
    const failures = Array.from({ length: CLIENTS }, async (_, client) => {
      let failed = 0;
      for (let i = 0; !over; i++) {
        const body = `request ${round} ${client} ${i}`;
        const { status, text } = await this.post(body).catch(() => ({ status: 0, text: "" }));
        if (status === 200) assert.equal(text, body);
        else failed++;
      }
      return failed;
    });
    try {
      await during();
    } finally {
      over = true;
      await Promise.all(failures);
    }
    return await Promise.all(failures);
  }

  /** Waits until an instance has answered more requests under load. */
  async works(instance: number): Promise<void> {
    const before = await this.answered(instance);
    await until(`instance ${instance + 1} answers`, async () => await this.answered(instance) > before + CLIENTS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of [this.proxy, ...this.instances]) {
      program.kill("SIGTERM");
      await program.finished();
    }
  }
}

for (const proxy of [NGINX, HAPROXY]) {
  const needs: readonly Need[] = [has(proxy.program)];

  test(
    `behind ${proxy.name}, no request is lost while instances are replaced, and none runs twice when one is killed`,
    async (box) => {
      await using site = await Site.open(box, proxy, SCRIPT);
      const large = crypto.getRandomValues(new Uint8Array(65_536));
      const body = new Uint8Array(LARGE).map((_, i) => large[i % large.length]! & 0x7f);
      assert.ok((await site.post(body)).text === new TextDecoder().decode(body), "a large body comes back");
      assert.equal((await site.post("a", { "X-Request-Id": "mine" })).headers.get("x-request-id"), "mine");
      assert.match((await site.post("a")).headers.get("x-request-id")!, /^[\da-f-]{32,36}$/);
      const hidden = await fetch(`${site.url}/metrics`);
      await hidden.body?.cancel();
      assert.equal(hidden.status, 404);

      const replaced = await site.load(async () => {
        await site.works(0);
        await site.works(1);
        await site.replace(0);
        await site.replace(1);
      });
      assert.deepEqual(replaced, Array(CLIENTS).fill(0), site.proxy.stderr.text);

      const second = site.instances[1]!;
      await site.load(async () => {
        await site.works(1);
        second.kill("SIGKILL");
        await second.finished();
      });
      // Those that it had, and those that were sent until the system had closed its socket, are lost.
      const lost = await site.load(() => site.works(0));
      assert.deepEqual(lost, Array(CLIENTS).fill(0), site.proxy.stderr.text);
      const executed = [...Deno.readDirSync(box.path("model"))].filter(({ name }) => /^\d+$/.test(name))
        .flatMap(({ name }) => box.read(`model/${name}`).trim().split("\n"));
      assert.equal(executed.length, new Set(executed).size, "no request was executed twice");
      for (const name of box.leftovers()) Deno.removeSync(box.path(`tmp/${name}`), { recursive: true });
    },
    ...needs,
  );

  test(`${proxy.name} passes on a streamed answer part by part`, async (box) => {
    await using site = await Site.open(box, proxy, STREAM);
    const response = await fetch(`${site.url}/invocations`, { method: "POST", body: "x" });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("first")) text += (await reader.read()).value;
    assert.ok(!text.includes("second"));
    box.write({ "model/read": "" });
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
    assert.match(text, /first.*second/s);
  }, ...needs);
}

test(
  "nginx with the configuration in docs/operations.md passes on all requests that reach the server",
  async (box) => {
    const page = Deno.readTextFileSync(`${ROOT}/docs/operations.md`);
    const { text } = blocksOf(page).find(({ language }) => language === "nginx")!;
    certificate(box, "models.example.com");
    Deno.mkdirSync(box.path("run/model"), { recursive: true });
    Deno.mkdirSync(box.path("model"));
    box.module({ "serve.py": SCRIPT }, "module");
    const port = freePort();
    const start = async () => {
      const program = startInstance(box, 0);
      await program.stderr.waitFor(/Ready: POST /);
      return program;
    };
    let instance = await start();
    const config = text.replace("/run/model/http.sock", box.path("run/model/1.sock")).replace(
      /listen 443/,
      `listen 127.0.0.1:${port}`,
    )
      .replace("/etc/nginx/models.pem", box.path("cert.pem")).replace("/etc/nginx/models.key", box.path("key.pem"));
    const nginx = NGINX.start(box, config);
    using client = Deno.createHttpClient({ caCerts: [box.read("cert.pem")] });
    const post = async (body: string) => {
      const response = await fetch(`https://localhost:${port}/invocations`, { method: "POST", body, client })
        .catch(() => undefined);
      return { status: response?.status, text: await response?.text() };
    };
    await until("nginx answers", async () => (await post("")).status === 200, 10_000, () => nginx.stderr.text);

    let over = false;
    const answered: string[] = [];
    const clients = Array.from({ length: CLIENTS }, async (_, number) => {
      for (let i = 0; !over; i++) {
        const body = `request ${number} ${i}`;
        const { status, text } = await post(body);
        if (status === 200) answered.push(text!);
        // Without an instance, nginx can't connect to one.
        else assert.equal(status, 502);
      }
    });
    try {
      for (let i = 0; i < 2; i++) {
        const before = answered.length;
        await until("requests are answered", () => answered.length > before + CLIENTS);
        instance.kill("SIGTERM");
        assert.equal((await instance.finished()).code, 0);
        instance = await start();
      }
    } finally {
      over = true;
      await Promise.all(clients);
      for (const program of [nginx, instance]) {
        program.kill("SIGTERM");
        await program.finished();
      }
    }
    const executed = [...Deno.readDirSync(box.path("model"))].flatMap(({ name }) =>
      box.read(`model/${name}`).trim().split("\n")
    );
    assert.deepEqual(answered.sort(), executed.sort());
    const errors = nginx.stderr.lines.filter((line) => /\[(error|crit|alert|emerg)\]/.test(line));
    for (const line of errors) assert.match(line, /connect\(\) to unix:.* failed/);
  },
  has(NGINX.program),
  HAS_OPENSSL,
);
