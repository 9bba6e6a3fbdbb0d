/** Checks the configuration files in docs/operations.md with the validators of their tools. */

import assert from "node:assert/strict";
import { certificate, HAS_OPENSSL } from "./support/certificate.ts";
import { until } from "./support/limits.ts";
import { imports, runs } from "./support/needs.ts";
import { freePort } from "./support/pages.ts";
import { BIN, echo, ROOT, test, TOOLS } from "./support/sandbox.ts";

const PYTHON = `${TOOLS}/python`;
const KSERVE = `${ROOT}/tests/e2e/support/kserve_manifest.py`;
const HAS_SYSTEMD = runs("systemd-analyze", "--version") || "systemd-analyze is not installed";
const HAS_NGINX = (runs("nginx", "-v") && HAS_OPENSSL === true) || "nginx or openssl is not installed";
/** Where Debian has nginx. */
const WITH_SBIN = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin" };
const HAS_KUBERNETES = imports(PYTHON, "kubernetes_validate");
const HAS_KSERVE = imports(PYTHON, "kserve");

/** Returns the fenced blocks of a language that contain a text. */
function block(language: string, text: string): string {
  const page = Deno.readTextFileSync(`${ROOT}/docs/operations.md`);
  const blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].filter(([, name, body]) =>
    name === language && body!.includes(text)
  );
  assert.equal(blocks.length, 1, `one block of ${language} with ${text}`);
  return blocks[0]![2]!;
}

test("systemd-analyze finds no fault in the unit", async (box) => {
  const unit = block("ini", "Type=notify\n");
  assert.match(unit, /^ExecStart=\/usr\/local\/bin\/aimodellib /m);
  // The validator also looks for the executable.
  box.write({ "model.service": unit.replace("/usr/local/bin/aimodellib", BIN) });
  const verify = () => box.run(["verify", box.path("model.service")], { command: "systemd-analyze" });
  const { code, stdout, stderr } = await verify();
  assert.deepEqual([code, stdout, stderr], [0, "", ""]);
  box.write({
    "model.service": unit.replace("/usr/local/bin/aimodellib", BIN).replace("TimeoutStopSec", "TimeoutStop"),
  });
  assert.match((await verify()).stderr, /TimeoutStop/, "systemd-analyze finds an unknown setting");
}, HAS_SYSTEMD);

test(
  "systemd-analyze rates the unit's exposure at most 2, and finds no fault in the units for socket activation",
  async (box) => {
    box.write({
      "aimodellib.service": block("ini", "Type=notify\n").replace("/usr/local/bin/aimodellib", BIN),
      "model.socket": block("ini", "# model.socket"),
      "model.service": block("ini", "# model.service").replace(/\/lib\/systemd\/systemd-socket-proxyd/, "/bin/true"),
    });
    const analyze = (...args: string[]) => box.run(args, { command: "systemd-analyze", cwd: box.root });
    const security = await analyze("security", "--offline=true", "--threshold=20", box.path("aimodellib.service"));
    assert.equal(security.code, 0, security.stdout + security.stderr);
    const { code, stderr } = await analyze("verify", box.path("model.socket"), box.path("model.service"));
    assert.deepEqual([code, stderr], [0, ""]);
  },
  HAS_SYSTEMD,
);

test("kubernetes-validate finds no fault in the Deployment and its Service", async (box) => {
  const manifest = block("yaml", "kind: Deployment");
  const validate = async (text: string) => {
    box.write({ "k8s.yaml": text });
    return await box.run(["-m", "kubernetes_validate", "--strict", "k8s.yaml"], { command: PYTHON });
  };
  const good = await validate(manifest);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  assert.notEqual(
    (await validate(manifest.replace("periodSeconds", "period"))).code,
    0,
    "the validator finds an unknown field",
  );
}, HAS_KUBERNETES);

test("the InferenceService contains only fields of KServe's own classes", async (box) => {
  const manifest = block("yaml", "kind: InferenceService");
  const wrong = manifest.replace("minReplicas", "minimumReplicas");
  const { code, stdout, stderr } = await box.run([KSERVE], { command: PYTHON, stdin: `${manifest}\n---\n${wrong}` });
  assert.equal(stdout, "good\n", stderr);
  assert.match(stderr, /ValueError: .*minimumReplicas: there is no such field/, "an unknown field is found");
  assert.equal(code, 1);
}, HAS_KSERVE);

test("nginx proxies requests with the documented configuration", async (box) => {
  certificate(box, "models");
  const number = freePort();
  const server = block("nginx", "proxy_pass")
    .replace("/run/model/http.sock", box.path("http.sock"))
    .replace("443 ssl http2", `127.0.0.1:${number} ssl http2`)
    .replace("/etc/nginx/models.pem", box.path("cert.pem"))
    .replace("/etc/nginx/models.key", box.path("key.pem"));
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${box.path(name)};`).join("\n");
  box.write({
    "nginx.conf": `daemon off; master_process off; pid ${
      box.path("pid")
    }; error_log stderr; events {}\nhttp { access_log off; ${folders}\n${server} }`,
  });
  const words = ["serve", "--unix", box.path("http.sock"), box.module({ "serve.py": echo() }), "serve.py", box.root];
  const serving = box.start(words);
  await serving.stderr.waitFor(/Ready: POST /);
  const nginx = box.start(["-c", box.path("nginx.conf")], { command: "nginx", env: WITH_SBIN });
  const ask = () =>
    box.run(["-sk", "--http2", "-d", "hello", "-w", " %{http_version}", `https://127.0.0.1:${number}/invocations`], {
      command: "curl",
    });
  await until("nginx answers", async () => (await ask()).code === 0);
  assert.equal((await ask()).stdout, "hello 2");
  nginx.kill("SIGTERM");
  await nginx.finished();
  serving.kill("SIGTERM");
  assert.equal((await serving.finished()).code, 0);
}, HAS_NGINX);
