/** `aimodellib manifest`: its output is validated, and its command lines are run. */

import assert from "node:assert/strict";
import { has, imports, type Need } from "./support/needs.ts";
import { blocksOf } from "./support/pages.ts";
import { echo, ROOT, type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const PYTHON = `${TOOLS}/python`;
/** The custom resource definitions, which are not part of the project. */
const DEFINITIONS = Deno.env.get("AIMODELLIB_TEST_CRDS") ?? `${ROOT}/../shared/schemas`;
const HAS_KUBERNETES = imports(PYTHON, "kubernetes_validate");
const HAS_DEFINITIONS: Need = HAS_KUBERNETES !== true
  ? HAS_KUBERNETES
  : has(`${DEFINITIONS}/trainjob.yaml.gz`) === true ||
    "AIMODELLIB_TEST_CRDS names no folder with the definitions of KServe, KubeRay, Kubeflow Trainer and JobSet";
/** KEDA's definitions are those of a package. */
const HAS_KEDA = HAS_KUBERNETES !== true ? HAS_KUBERNETES : imports(PYTHON, "cloudcoil.models.keda");

const TRAIN = `def train(model_dir, training_args=(), logger=None):
    open(model_dir + "/trained", "w").close()
`;

/** Packs a module into `NAME.tar.gz`. */
async function pack(box: Sandbox, name: string, files: Record<string, string>, ...more: string[]): Promise<void> {
  const module = box.module(files, `modules/${name}`);
  const { code, stderr } = await box.run(["package", "-m", module, "-o", `${name}.tar.gz`, ...more]);
  assert.equal(code, 0, stderr);
}

async function manifest(box: Sandbox, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await box.run(["manifest", ...args]);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

/** Returns the errors of each text. */
async function validate(box: Sandbox, texts: readonly string[]): Promise<string[][]> {
  const { code, stdout, stderr } = await box.run([`${ROOT}/tests/e2e/support/manifests.py`, DEFINITIONS], {
    command: PYTHON,
    stdin: JSON.stringify(texts),
  });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Replaces a text that must occur. */
function mutated(text: string, from: string, to: string): string {
  assert.ok(text.includes(from), `${from} in ${text}`);
  return text.replace(from, to);
}

/** A change of a text, and what its error must say. */
type Mutation = readonly [from: string, to: string, expected: RegExp];

/** Checks that texts are valid, and that each of the mutations of a list's first text is refused. */
async function check(box: Sandbox, ...lists: readonly (readonly [texts: string[], mutations: readonly Mutation[]])[]) {
  const good = lists.flatMap(([texts]) => texts);
  const wrong = lists.flatMap(([[text], mutations]) =>
    mutations.map(([from, to, expected]) => [mutated(text!, from, to), expected] as const)
  );
  await checkAll(box, good, wrong);
}

/** Checks that texts are valid, and that wrong ones are refused. One run of the validator does it: its libraries take a second to load. */
async function checkAll(box: Sandbox, good: readonly string[], wrong: readonly (readonly [string, RegExp])[]) {
  const found = await validate(box, [...good, ...wrong.map(([text]) => text)]);
  for (const [i, text] of good.entries()) assert.deepEqual(found[i], [], text);
  for (const [i, [text, expected]] of wrong.entries()) {
    assert.match(found[good.length + i]!.join("\n"), expected, text);
  }
}

/** The values of a key whose value is a list, from the first such key on. */
async function listOf(box: Sandbox, text: string, key: string): Promise<string[]> {
  const program = "import json, sys, yaml\n" +
    "def find(v):\n" +
    "  if isinstance(v, dict):\n" +
    "    if sys.argv[1] in v: return v[sys.argv[1]]\n" +
    "    v = list(v.values())\n" +
    "  return next((f for f in map(find, v) if f), None) if isinstance(v, list) else None\n" +
    "print(json.dumps(find(list(yaml.safe_load_all(sys.stdin)))))";
  const { code, stdout, stderr } = await box.run(["-c", program, key], { command: PYTHON, stdin: text });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test("manifests of Kubernetes' own kinds are valid, and the check refuses wrong ones", async (box) => {
  await pack(box, "plain", { "serve.py": echo(), "train.py": TRAIN });
  await pack(box, "torch", { "serve.py": echo(), "train.py": TRAIN, "requirements.txt": "Torch>=2\n" }, "--no-check");
  const model = ["--model-uri", "pvc://models/a/b"];
  const deployment = await manifest(box, "deployment", "--replicas", "2", "--gpu", "2", ...model, "torch.tar.gz");
  const predict = await manifest(box, "job", "--shards", "3", "--image", "r.example.com:5000/a/b:1", "plain.tar.gz");
  const train = await manifest(box, "job", ...model, "torch.tar.gz");
  const single = await manifest(box, "deployment", "--image", "m@sha256:" + "0".repeat(64), "plain.tar.gz");
  assert.deepEqual(
    [deployment, single].map((text) => [...text.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind)),
    [["Deployment", "Service", "PodDisruptionBudget"], ["Deployment", "Service"]],
  );
  assert.deepEqual([deployment, train, single, predict].map((text) => text.includes("/dev/shm")), [
    true,
    true,
    false,
    false,
  ]);
  assert.deepEqual([deployment, predict].map((text) => text.includes("# Edit: the image")), [true, false]);
  await check(box, [[deployment, train, single], [
    ["periodSeconds:", "period:", /period/],
    ["replicas: 2", "replicas: two", /'two' is not of type/],
    ["medium:", "mediun:", /mediun/],
    ["maxUnavailable:", "maxUnavailabel:", /maxUnavailabel/],
  ]], [[predict], [
    ["completions: 3", "completions: many", /'many'/],
    ["backoffLimitPerIndex", "backoff", /backoff/],
  ]]);
}, HAS_KUBERNETES);

test("manifests for KServe and Kubeflow Trainer are valid, and the check refuses wrong ones", async (box) => {
  await pack(box, "plain", { "serve.py": echo(), "train.py": TRAIN });
  const kserve = await manifest(box, "kserve", "--model-uri", "s3://models/a", "--name", "other", "plain.tar.gz");
  assert.match(kserve, /other=\/srv\/archive,\/mnt\/models/);
  const trainjob = await manifest(box, "trainjob", "--nodes", "2", "--gpu", "4", "plain.tar.gz");
  await check(box, [[kserve, await manifest(box, "kserve", "--replicas", "3", "--gpu", "1", "plain.tar.gz")], [
    ["minReplicas:", "minimumReplicas:", /minimumReplicas/],
    ["minReplicas: 1", "minReplicas: one", /'one' is not of type/],
    ["readOnlyRootFilesystem: true", "readOnlyRootFilesystem: 'yes'", /'yes' is not of type/],
  ]], [[trainjob, await manifest(box, "trainjob", "plain.tar.gz")], [
    ["numNodes:", "nodes:", /'nodes' was unexpected/],
    ["numNodes: 2", "numNodes: two", /'two' is not of type/],
    ["fsGroup: 10001", "fsGroup: app", /'app' is not of type/],
    ["volumeMounts:", "mounts:", /'mounts' was unexpected/],
  ]]);
}, HAS_DEFINITIONS);

test("the command lines of manifests serve under the resource's name, predict in parts, and train", async (box) => {
  await pack(box, "my model", { "serve.py": echo(), "train.py": TRAIN });
  Deno.mkdirSync(box.path("model"));
  const unpacked = await box.run(["unpack", "my model.tar.gz", "archive"]);
  assert.equal(unpacked.code, 0, unpacked.stderr);
  box.write({ "data/records.jsonl": "1\n2\n3\n" });
  /** The arguments with the sandbox's paths in place of the image's. */
  const here = async (text: string, index = "") =>
    (await listOf(box, text, "args")).map((word) =>
      word.replaceAll("/srv/", `${box.root}/`).replaceAll("/data/", `${box.root}/data/`)
        .replace(/^\/tmp$/, box.path("tmp")).replace(/^8080$/, "0").replace("0.0.0.0", "127.0.0.1")
        .replaceAll("$(JOB_COMPLETION_INDEX)", index)
    );

  const shards = await manifest(box, "job", "--shards", "2", "my model.tar.gz");
  for (const index of ["0", "1"]) {
    const { code, stderr } = await box.run(await here(shards, index));
    assert.equal(code, 0, stderr);
  }
  assert.deepEqual([box.read("data/answers-0.jsonl"), box.read("data/answers-1.jsonl")], ["1\n3\n", "2\n"]);

  const trained = await box.run(await here(await manifest(box, "job", "my model.tar.gz")));
  assert.equal(trained.code, 0, trained.stderr);
  assert.ok(Deno.statSync(box.path("model/trained")).isFile);

  const text = await manifest(box, "deployment", "my model.tar.gz");
  const server = await Server.attach(box.start(await here(text)), true);
  const paths = [...text.matchAll(/path: (\/health\/.*)$/gm)].map(([, path]) => path!);
  assert.equal(paths.length, 3);
  for (const path of [...paths, "/v2/models/my-model/ready"]) {
    const response = await fetch(`${server.url}${path}`);
    await response.body?.cancel();
    assert.equal(response.status, 200, path);
  }
  await server.stop();

  const { stdout } = await box.run(["dockerfile", "my model.tar.gz"]);
  const port = /containerPort: (\d+)/.exec(text)?.[1];
  for (const line of [`EXPOSE ${port}`, "/srv/archive /srv/archive", '"/srv/model/"]', 'ENTRYPOINT ["aimodellib"]']) {
    assert.ok(stdout.includes(line), line);
  }
  assert.match(stdout, new RegExp(`^USER ${/fsGroup: (\d+)/.exec(shards)?.[1]}$`, "m"));
}, HAS_KUBERNETES);

test("an archive that contains its model is served without a model directory", async (box) => {
  box.write({ "trained/weights": "x" });
  await pack(box, "whole", { "serve.py": echo() }, "--model-dir", "trained");
  assert.match(await manifest(box, "deployment", "whole.tar.gz"), /whole=\/srv\/archive"?$/m);
  assert.doesNotMatch(await manifest(box, "job", "--shards", "2", "whole.tar.gz"), /\/srv\/model/);
});

test("manifest writes to --output, and prints nothing when it refuses options", async (box) => {
  await pack(box, "serve", { "serve.py": echo() });
  await pack(box, "train", { "train.py": TRAIN });
  await pack(box, "7", { "serve.py": echo() });
  box.write({ "junk.tar.gz": "junk" });
  assert.equal(await manifest(box, "deployment", "-o", "d.yaml", "serve.tar.gz"), "");
  assert.equal(box.read("d.yaml"), await manifest(box, "deployment", "serve.tar.gz"));
  for (
    const [args, code, expected] of [
      [["job", "serve.tar.gz"], 1, /'serve.tar.gz' can't .*'job'.*no trainingScript; with --shards N, a job predicts/],
      [["trainjob", "serve.tar.gz"], 1, /'serve.tar.gz' can't .*'trainjob'.*no trainingScript/],
      [["deployment", "train.tar.gz"], 1, /'train.tar.gz' can't .*'deployment'.*no servingScript; .*trainjob train/],
      [["job", "--shards", "2", "train.tar.gz"], 1, /'job'.*can't predict/],
      [["kserve", "junk.tar.gz"], 1, /'junk.tar.gz'.*gzip/],
      [["kserve", "nowhere.tar.gz"], 2, /'nowhere.tar.gz'/],
      [["deployment", "-"], 2, /standard input/],
      [["daemonset", "serve.tar.gz"], 2, /daemonset/],
      [["deployment", "--replicas", "0", "serve.tar.gz"], 2, /--replicas/],
      [["job", "--replicas", "2", "serve.tar.gz"], 2, /--replicas can't be used with 'job'/],
      [["deployment", "--shards", "2", "serve.tar.gz"], 2, /--shards can't be used with 'deployment'/],
      [["kserve", "--nodes", "2", "serve.tar.gz"], 2, /--nodes can't be used with 'kserve'/],
      [["kserve", "--name", "My_Model", "serve.tar.gz"], 2, /--name must be at most 53 .* not 'My_Model'/],
      [["deployment", "7.tar.gz"], 2, /No name can be made from '7.tar.gz': pass --name/],
      [["deployment", "--image", "a b", "serve.tar.gz"], 2, /--image must be .* not 'a b'/],
      [["deployment", "--model-uri", "hf://a/b", "serve.tar.gz"], 2, /--model-uri must be gs:.* not 'hf:\/\/a\/b'/],
      [["kserve", "--model-uri", "/srv/model", "serve.tar.gz"], 2, /--model-uri must be a URI/],
      [["kserve", "--model-uri", "pvc://a/../b", "serve.tar.gz"], 2, /--model-uri must name a PersistentVolumeClaim/],
      [["job", "--model-uri", "gs://a/b", "train.tar.gz"], 2, /'gs:\/\/a\/b' can't be written to/],
      [["deployment", "-o", "none/d.yaml", "serve.tar.gz"], 1, /'none\/d.yaml' can't be written/],
    ] as const
  ) {
    const ended = await box.run(["manifest", ...args]);
    assert.match(ended.stderr, expected, args.join(" "));
    assert.deepEqual([ended.code, ended.stdout], [code, ""], args.join(" "));
  }
});

/** The manifests in docs/, each of which may have several resources. */
const DOCUMENTED = ["kubernetes", "ray"].flatMap((page) => blocksOf(Deno.readTextFileSync(`${ROOT}/docs/${page}.md`)))
  .filter(({ language, text }) => language === "yaml" && /^kind:/m.test(text)).map(({ text }) => text);

/** The kind of a manifest's first resource. */
const kindOf = (text: string) => /^kind: (\w+)$/m.exec(text)![1]!;

/** Checks that the manifests of some kinds in docs/ are valid, and that each mutation of them is refused. */
async function checkDocumented(box: Sandbox, mutations: Record<string, readonly Mutation[]>) {
  const texts = DOCUMENTED.filter((text) => kindOf(text) in mutations);
  assert.deepEqual(new Set(texts.map(kindOf)), new Set(Object.keys(mutations)));
  const wrong = texts.flatMap((text) =>
    mutations[kindOf(text)]!.map(([from, to, expected]) => [mutated(text, from, to), expected] as const)
  );
  await checkAll(box, texts, wrong);
}

const OF_KUBERNETES = {
  HorizontalPodAutoscaler: [["averageValue:", "average:", /average/]],
} as const;
const OF_KEDA = {
  ScaledObject: [
    ['threshold: "8"', "threshold: 8", /triggers\[\d\].metadata.threshold: 8 is not of type 'string'/],
    ["minReplicaCount:", "minReplicas:", /'minReplicas' was unexpected/],
    ["scaleTargetRef:", "scaleTarget:", /'scaleTargetRef' is a required property/],
    ["metadata:\n        serverAddress", "meta:\n        serverAddress", /'metadata' is a required property/],
  ],
} as const;
const OF_DEFINITIONS = {
  InferenceService: [["maxReplicas: 4", "maxReplicas: four", /'four' is not of type/]],
  ServingRuntime: [["autoSelect: true", "autoSelect: 'yes'", /'yes' is not of type/]],
  InferenceGraph: [["serviceUrl:", "serviceURL:", /'serviceURL' was unexpected/]],
  JobSet: [["mountPath:", "mount:", /'mount' was unexpected/]],
  RayService: [["rayStartParams:", "rayStartParam:", /'rayStartParam' was unexpected/]],
} as const;

test("each manifest in docs/ is of a kind that is checked", () => {
  assert.deepEqual(
    [...new Set(DOCUMENTED.map(kindOf))].sort(),
    Object.keys({ ...OF_KUBERNETES, ...OF_KEDA, ...OF_DEFINITIONS }).sort(),
  );
});

test("the manifests in docs/ of Kubernetes' own kinds are valid, and the check refuses wrong ones", async (box) => {
  await checkDocumented(box, OF_KUBERNETES);
}, HAS_KUBERNETES);

test(
  "the manifests in docs/ for KServe, KubeRay and JobSet are valid, and the check refuses wrong ones",
  async (box) => {
    await checkDocumented(box, OF_DEFINITIONS);
  },
  HAS_DEFINITIONS,
);

test("the manifests in docs/ for KEDA are valid, and the check refuses wrong ones", async (box) => {
  await checkDocumented(box, OF_KEDA);
}, HAS_KEDA);
