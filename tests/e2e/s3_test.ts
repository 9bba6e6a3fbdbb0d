/** Model artifacts in S3: where credentials come from, and what happens when a download is disturbed. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { CAN_ADD_ADDRESSES, imports } from "./support/needs.ts";
import { S3, S3_PYTHON, startMoto } from "./support/s3.ts";
import { BIN, echo, py, PYTHON, ROOT, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";
import { tool } from "./support/tool.ts";

const HAS_MOTO = imports(S3_PYTHON, "moto", "boto3");

/** The size of an object that is uploaded in parts, in bytes. */
const LARGE = 6_000_000;

/** Answers with the files of its model directory, and the sizes of them. */
const LISTS = echo(py`
  import json, pathlib
  def load(model_dir):
      return pathlib.Path(model_dir)
  def predict(data, model):
      files = [path for path in model.rglob("*") if path.is_file()]
      return json.dumps({str(path.relative_to(model)): path.stat().st_size for path in files}).encode()
`);

const OBJECTS = {
  "m/config.json": "{}",
  "m/deep/ü b+c&<1>.txt": "text",
  // It says that it is compressed, and is not: what is stored is fetched as it is.
  "m/table.gz": "stored",
  "m/weights": LARGE,
  "m2/other": "not asked for",
  "nothing/": "",
  "both/a": "",
  "both/a/b": "",
  "outside/../../x": "",
};

/** What SageMaker's SDK has uploaded. */
const JOB = {
  "job/sent.tar.gz": tar({
    "fit.py":
      "import helper\n\ndef train(model_dir, *args):\n    open(model_dir + '/trained', 'w').write(helper.WORD)\n",
    "serve.py": LISTS,
    "helper.py": "WORD = 'submitted'\n",
  }),
  "job/unsafe.tar.gz": tar({ x: "" }, "-P", "--transform", "s,.*,../x,"),
  "job/sent.tar.gz.old": "not asked for",
  "job/page": "<html>",
};

const moto = HAS_MOTO === true ? await startMoto({ ...OBJECTS, ...JOB }) : "";

/** Packs files with tar. */
function tar(files: Readonly<Record<string, string>>, ...options: string[]): Uint8Array {
  const folder = Deno.makeTempDirSync();
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${folder}/${name}`, text);
  const packed = tool("tar", ["-C", folder, "-cz", ...options, ...Object.keys(files)]);
  Deno.removeSync(folder, { recursive: true });
  return packed;
}

const FILES = { "config.json": 2, "deep/ü b+c&<1>.txt": 4, "table.gz": 6, weights: LARGE };

/** Variables of AWS's programs for keys in the environment. */
function keys(s3: S3): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: s3.url,
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "AKENV",
    AWS_SECRET_ACCESS_KEY: "hush-a",
  };
}

/** Asks a model whose directory is in S3 once. */
async function predict(box: Sandbox, uri: string, env: Readonly<Record<string, string>>) {
  box.write({ "module/serve.py": LISTS, "input": "x" });
  return await box.run(["predict", "module", "serve.py", uri, "input"], {
    // Nothing outside of the test may provide credentials.
    env: { AWS_EC2_METADATA_DISABLED: "true", ...env },
  });
}

test("artifacts in S3 are fetched with the credentials that the platform provides", async (box) => {
  await using s3 = new S3(moto);
  const platform = await fakePlatform();
  await using _ = platform.server;
  box.write({
    "home/.aws/credentials": "[lab]\naws_access_key_id = AKFILE\naws_secret_access_key = hush-b\n",
    "home/.aws/config": "[profile lab]\nregion = ap-south-1\n",
    "token": "a.web.identity",
  });
  const metadata = { AWS_EC2_METADATA_DISABLED: "false", AWS_EC2_METADATA_SERVICE_ENDPOINT: platform.url };
  const sources: readonly [keyId: RegExp, token: RegExp, region: string, env: Record<string, string>][] = [
    [/^AKENV$/, /^undefined$/, "eu-west-1", keys(s3)],
    [/^AKENV$/, /^session$/, "eu-west-2", {
      ...keys(s3),
      AWS_REGION: "",
      AWS_DEFAULT_REGION: "eu-west-2",
      AWS_SESSION_TOKEN: "session",
    }],
    [/^AKFILE$/, /^undefined$/, "ap-south-1", { AWS_ENDPOINT_URL_S3: s3.url, AWS_PROFILE: "lab" }],
    [/^ASIA/, /./, "us-east-1", {
      AWS_ENDPOINT_URL: s3.url,
      AWS_WEB_IDENTITY_TOKEN_FILE: box.path("token"),
      AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/reader",
    }],
    [/^AKTASK$/, /^of-task$/, "us-east-1", {
      AWS_ENDPOINT_URL: s3.url,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${platform.url}/task`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "open sesame",
    }],
    [/^AKHOST$/, /^of-host$/, "us-east-1", { AWS_ENDPOINT_URL: s3.url, ...metadata }],
  ];
  for (const [keyId, token, region, env] of sources) {
    s3.requests.length = 0;
    const { code, stdout, stderr } = await predict(box, "s3://bucket/m", env);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), FILES);
    const asked = s3.requests.filter(({ path }) => path.startsWith("/bucket"));
    assert.equal(asked.length, 5);
    for (const request of asked) {
      assert.match(String(request.keyId), keyId);
      assert.match(String(request.sessionToken), token);
      assert.equal(request.region, region);
    }
  }
}, HAS_MOTO);

test(
  "artifacts in S3 are fetched with the credentials of a task on ECS, or a container on SageMaker",
  async (box) => {
    box.write({ "module/serve.py": LISTS, "input": "x" });
    const script = `${ROOT}/tests/e2e/support/container_credentials.py`;
    const predict = async (path: string) =>
      await box.run([
        "--net",
        "sh",
        "-c",
        'PATH="$PATH:/usr/sbin:/sbin"; ip link set lo up && ip address add 169.254.170.2/32 dev lo && exec "$@"',
        "sh",
        ...[PYTHON, script, BIN, "predict", "module", "serve.py", "s3://bucket/m", "input"],
      ], {
        command: "unshare",
        env: { AWS_EC2_METADATA_DISABLED: "true", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: path },
      });
    const { code, stdout, stderr } = await predict("/v2/credentials/of-this-task");
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), { weights: 5 });
    assert.deepEqual(JSON.parse(stderr.trim().split("\n").at(-1)!), ["/v2/credentials/of-this-task"]);

    const wrong = await predict("/v2/credentials/of-another");
    assert.equal(wrong.code, 1, wrong.stderr);
    assert.match(wrong.stderr, /Could not list 's3:\/\/bucket\/m\/': CredentialsProviderError: /);
    assert.doesNotMatch(wrong.stderr, /hush/);
  },
  CAN_ADD_ADDRESSES,
);

/** The sources of credentials in containers (`/task`) and on virtual machines (version 2 of the instance metadata service). */
function fakePlatform() {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const answer = (name: string) => ({
    Code: "Success",
    AccessKeyId: `AK${name.toUpperCase()}`,
    SecretAccessKey: "hush-c",
    Token: `of-${name}`,
    Expiration: until,
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url, method, headers }) => {
    const { pathname } = new URL(url);
    if (pathname === "/task" && headers.get("authorization") === "open sesame") return Response.json(answer("task"));
    if (pathname === "/latest/api/token" && method === "PUT") return new Response("of version 2");
    if (headers.get("x-aws-ec2-metadata-token") !== "of version 2") return new Response("", { status: 401 });
    if (pathname.endsWith("/security-credentials/")) return new Response("role");
    if (pathname.endsWith("/security-credentials/role")) return Response.json(answer("host"));
    return new Response("", { status: 404 });
  });
  return Promise.resolve({ server, url: `http://127.0.0.1:${server.addr.port}` });
}

test("a download from S3 resumes where it broke off, and errors name the object and what to do", async (box) => {
  await using s3 = new S3(moto);
  const env = keys(s3);
  s3.pageSize = 2;
  // The connection breaks in the middle, and the server is too busy for the next attempt.
  s3.interfere = async ({ path }, count, answer) => {
    if (path !== "/bucket/m/weights" || count > 2) return await answer();
    if (count === 2) return new Response("", { status: 503 });
    const { headers, body } = await answer();
    return new Response(breaking(body!, LARGE / 2), { headers });
  };
  const cut = await predict(box, "s3://bucket/m", env);
  assert.equal(cut.code, 0, cut.stderr);
  assert.deepEqual(JSON.parse(cut.stdout), FILES);
  const starts = s3.fetched.filter((line) => line.includes("weights")).map((line) => Number(line.split(" ").at(-1)));
  assert.equal(starts.length, 3);
  assert.equal(starts[0], 0);
  assert.ok(starts[1]! > 0 && starts[1]! <= LARGE / 2);
  assert.equal(starts[2], starts[1]);

  // The bucket is in another region than the first one that is asked.
  s3.requests.length = 0;
  s3.interfere = ({ region }, _count, answer) => {
    if (region === "eu-north-1") return answer();
    const body = "<Error><Code>PermanentRedirect</Code><Message>Elsewhere</Message></Error>";
    return new Response(body, { status: 301, headers: { "x-amz-bucket-region": "eu-north-1" } });
  };
  const moved = await predict(box, "s3://bucket/m", { ...env, AWS_REGION: "" });
  assert.equal(moved.code, 0, moved.stderr);
  assert.deepEqual(JSON.parse(moved.stdout), FILES);

  // Another content than the listed one, of the same length.
  s3.interfere = ({ path }, _count, answer) => path.endsWith("config.json") ? new Response("[]") : answer();
  const changed = await predict(box, "s3://bucket/m", env);
  assert.equal(changed.code, 1);
  assert.match(
    changed.stderr,
    /^Error: Could not fetch 's3:\/\/bucket\/m\/config.json': its checksum does not match$/m,
  );

  s3.interfere = (_request, _count, answer) => answer();
  const refused: readonly [uri: string, message: RegExp][] = [
    ["s3://", /'s3:\/\/' is not a folder of Amazon S3: write s3:\/\/BUCKET\/FOLDER;/],
    ["s3://bucket/nothing", /'s3:\/\/bucket\/nothing' contains no objects: check the bucket/],
    ["s3://bucket/both", /'s3:\/\/bucket\/both' contains 'both\/a' both as an object and as a folder/],
    ["s3://bucket/outside", /contains an object whose name is not a safe path: '\.\.\/\.\.\/x'/],
    ["s3://missing/m", /Could not list 's3:\/\/missing\/m\/': NoSuchBucket: .* \(404\): check the bucket/],
  ];
  const models = refused.flatMap(([uri], index) => ["--model", `m${index}=module,serve.py,${uri}`]);
  const program = box.start(["serve", "--port", "0", "--model", "good=module,serve.py,s3://bucket/m", ...models], {
    env,
  });
  const server = await Server.attach(program, false);
  for (const [index, [, message]] of refused.entries()) {
    const [line] = await program.stderr.waitFor(new RegExp(`ERROR The model 'm${index}' failed: .*`));
    assert.match(line, message);
  }
  await server.stop();
  const keyless = { ...env, AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };
  const settings: readonly [env: Record<string, string>, message: RegExp][] = [
    [keyless, /Could not list 's3:\/\/bucket\/m\/': CredentialsProviderError: .*\. Set AWS_ACCESS_KEY_ID and /],
    [{ ...keyless, AWS_PROFILE: "typo" }, /CredentialsProviderError: .*\. Check the profile 'typo' of AWS_PROFILE/],
    [{ ...env, AWS_ENDPOINT_URL_S3: "minio:9000" }, /AWS_ENDPOINT_URL_S3 must be a URL .* not 'minio:9000'$/m],
  ];
  for (const [env, message] of settings) {
    const { code, stderr } = await predict(box, "s3://bucket/m", env);
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /hush|AKENV/);
  }

  s3.interfere = () => {
    const body = "<Error><Code>AccessDenied</Code><Message>Access Denied\u001b[31m</Message></Error>";
    return new Response(body, { status: 403, headers: { "content-type": "application/xml" } });
  };
  const denied = await predict(box, "s3://bucket/m", env);
  assert.equal(denied.code, 1);
  assert.match(
    denied.stderr,
    /'s3:\/\/bucket\/m\/': AccessDenied: Access Denied.* \(403\): check that these credentials/,
  );
  assert.ok(!denied.stderr.includes("\u001b[31m"));
  for (const text of [server.log, denied.stderr]) assert.doesNotMatch(text, /hush|AKENV/);
}, HAS_MOTO);

test("train and serve without arguments run the code that SageMaker's SDK has put into S3", async (box) => {
  box.write({
    "ml/code/fit.py": "def train(model_dir, *args):\n    raise ValueError('the wrong code')\n",
    "ml/code/serve.py": "the wrong code",
  });
  await using s3 = new S3(moto);
  const env = { ...keys(s3), SAGEMAKER_BASE_DIR: box.path("ml") };
  const train = async (place: string) => {
    const parameters = { sagemaker_program: '"fit.py"', sagemaker_submit_directory: JSON.stringify(place) };
    box.write({ "ml/input/config/hyperparameters.json": JSON.stringify(parameters) });
    return await box.run(["train"], { env });
  };
  const { code, stderr } = await train("s3://bucket/job/sent.tar.gz");
  assert.equal(code, 0, stderr);
  assert.equal(box.read("ml/model/trained"), "submitted");

  const faults: readonly [place: string, message: RegExp][] = [
    ["s3://bucket/job/sent.tar", /'s3:\/\/bucket\/job\/sent.tar' does not exist: check the bucket/],
    ["s3://bucket/job/page", /'s3:\/\/bucket\/job\/page' is .*not/],
    ["s3://bucket/job/unsafe.tar.gz", /'s3:\/\/bucket\/job\/unsafe.tar.gz' contains .*'\.\.\/x'/],
    ["s3://bucket", /'s3:\/\/bucket' does not exist/],
  ];
  for (const [place, message] of faults) {
    const failed = await train(place);
    assert.notEqual(failed.code, 0, place);
    assert.match(failed.stderr, message);
    assert.match(box.read("ml/output/failure"), message);
  }

  const program = box.start(["serve", "--host", "127.0.0.1", "--port", "0"], {
    env: { ...env, SAGEMAKER_SUBMIT_DIRECTORY: "s3://bucket/job/sent.tar.gz" },
  });
  const server = await Server.attach(program, true);
  assert.equal(JSON.parse((await server.invoke("")).text).trained, 9);
  await server.stop();
  assert.deepEqual(box.leftovers(), []);
}, HAS_MOTO);

/** The first bytes of a stream; then the connection breaks. */
function breaking(body: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        controller.enqueue(chunk.subarray(0, left));
        left -= chunk.length;
        if (left <= 0) controller.error(new Error("broken"));
      },
    }),
  );
}

test(
  "serve answers 503 while it fetches from S3, and a signal ends the download and removes its files",
  async (box) => {
    await using s3 = new S3(moto);
    const module = box.module({ "serve.py": LISTS });
    const held = Promise.withResolvers<Response>();
    s3.interfere = ({ path }, _count, answer) => path.endsWith("weights") ? held.promise : answer();
    const program = box.start(["serve", "--port", "0", module, "serve.py"], {
      env: { ...keys(s3), AIP_STORAGE_URI: "s3://bucket/m/" },
    });
    const server = await Server.attach(program, false);
    await until("the object is asked for", () => s3.fetched.some((line) => line.includes("weights")));
    assert.equal((await server.request("/ping")).status, 503);
    assert.equal(box.leftovers().filter((name) => name.startsWith("aimodellib-model-")).length, 1);
    await server.stop();
    assert.deepEqual(box.leftovers(), []);
    held.resolve(new Response(""));
  },
  HAS_MOTO,
);
