import assert from "node:assert/strict";
import { sageMakerServing, sageMakerTraining, submittedUri } from "../../../src/platform/sagemaker.ts";
import { trainingSettings } from "../../../src/platform/sagemaker_config.ts";
import { fakeEnv } from "../helper/env.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** SageMaker's folder, with these files. */
function folder(files: Readonly<Record<string, string>>): TempDir {
  const directory = new TempDir();
  for (const [name, text] of Object.entries(files)) {
    const path = `${directory.path}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (!name.endsWith("/")) Deno.writeTextFileSync(path, text);
  }
  return directory;
}

const context = (directory: TempDir, variables: Readonly<Record<string, string>> = {}) => ({
  env: fakeEnv({ SAGEMAKER_BASE_DIR: directory.path, ...variables }),
  imageArchive: `${directory.path}/image`,
});

const HOSTS = {
  current_host: "algo-2",
  hosts: ["algo-1", "algo-2"],
  network_interface_name: "eth0",
  current_instance_type: "ml.m5.xlarge",
};

Deno.test("trainingSettings() gives a script the variables of SageMaker's toolkits", () => {
  using base = folder({
    "input/config/hyperparameters.json": JSON.stringify({
      epochs: "10",
      name: '"a b"',
      layers: "[1, 2]",
      sagemaker_program: '"train.py"',
    }),
    "input/config/inputdataconfig.json": JSON.stringify({ train: { TrainingInputMode: "Pipe" } }),
    "input/config/resourceconfig.json": JSON.stringify(HOSTS),
    "input/data/Extra/file": "",
    "input/data/no-channel": "",
    "checkpoints/": "",
  });
  const { hosts, variables } = trainingSettings(base.path, 3);
  assert.deepEqual(hosts, { names: ["algo-1", "algo-2"], rank: 1 });
  const { SM_NUM_CPUS, SM_RESOURCE_CONFIG, ...others } = variables;
  assert.ok(Number(SM_NUM_CPUS) >= 1);
  assert.deepEqual(JSON.parse(SM_RESOURCE_CONFIG!), HOSTS);
  assert.deepEqual(others, {
    SM_MODEL_DIR: `${base.path}/model`,
    SM_INPUT_DIR: `${base.path}/input`,
    SM_INPUT_CONFIG_DIR: `${base.path}/input/config`,
    SM_OUTPUT_DIR: `${base.path}/output`,
    SM_OUTPUT_DATA_DIR: `${base.path}/output/data`,
    SM_CHECKPOINT_DIR: `${base.path}/checkpoints`,
    SM_CHANNELS: '["Extra","train"]',
    SM_CHANNEL_EXTRA: `${base.path}/input/data/Extra`,
    SM_CHANNEL_TRAIN: `${base.path}/input/data/train`,
    SM_HPS: '{"epochs":10,"name":"a b","layers":[1,2]}',
    SM_HP_EPOCHS: "10",
    SM_HP_NAME: "a b",
    SM_HP_LAYERS: "[1, 2]",
    SM_USER_ARGS: '["--epochs","10","--name","a b","--layers","[1, 2]"]',
    SM_HOSTS: '["algo-1","algo-2"]',
    SM_CURRENT_HOST: "algo-2",
    SM_NUM_GPUS: "3",
    SM_INPUT_DATA_CONFIG: '{"train":{"TrainingInputMode":"Pipe"}}',
    SM_CURRENT_INSTANCE_TYPE: "ml.m5.xlarge",
    SM_NETWORK_INTERFACE_NAME: "eth0",
  });
});

Deno.test("trainingSettings() describes a single host when SageMaker provides no files", () => {
  using base = folder({});
  const { hosts, variables } = trainingSettings(base.path, 0);
  assert.deepEqual(hosts, { names: ["algo-1"], rank: 0 });
  assert.equal(variables.SM_CHANNELS, "[]");
  assert.equal("SM_CHECKPOINT_DIR" in variables, false);
});

for (
  const [name, text, message] of [
    ["hyperparameters", "{", /^The file of the hyperparameters '.*' is not valid JSON: /],
    ["hyperparameters", "[]", /^The file of the hyperparameters '.*' must contain a JSON object$/],
    ["resourceconfig", '{"hosts": ["a"], "current_host": "b"}', /must have 'hosts'.* not \["a"\] and "b"$/],
    ["resourceconfig", '{"hosts": "a", "current_host": "a"}', /must have 'hosts'.* not "a" and "a"$/],
  ] as const
) {
  Deno.test(`trainingSettings() throws when ${name}.json is ${text}`, () => {
    using base = folder({ [`input/config/${name}.json`]: text });
    assert.throws(() => trainingSettings(base.path, 0), { name: "UsageError", message });
  });
}

for (
  const [what, files, module, script] of [
    ["a script", { "code/train.py": "" }, "code", "train.py"],
    ["an unpacked archive", { "input/data/code/manifest.json": "{}" }, "input/data/code", undefined],
    [
      "a packed archive",
      { "input/data/training/m.tar.gz": "", "code/": "" },
      "input/data/training/m.tar.gz",
      undefined,
    ],
    ["the archive of the image", { "image/manifest.json": "{}", "input/data/training/a.csv": "" }, "image", undefined],
  ] as const
) {
  Deno.test(`sageMakerTraining() finds ${what}`, () => {
    using base = folder(files);
    const found = sageMakerTraining(context(base), 0);
    assert.deepEqual([found?.module, found?.script], [`${base.path}/${module}`, script]);
  });
}

Deno.test("sageMakerTraining() names a source directory of the SDK that is neither a path nor in an object store", () => {
  using base = folder({
    "input/config/hyperparameters.json": JSON.stringify({ sagemaker_submit_directory: '"https://b/sourcedir.tar.gz"' }),
  });
  assert.equal(submittedUri(context(base).env, "train"), undefined);
  const message =
    /no train\.py, .*; the source directory 'https:\/\/b\/sourcedir.tar.gz' of the SDK must be an absolute path/;
  assert.throws(() => sageMakerTraining(context(base), 0), { name: "UsageError", message });
});

Deno.test("submittedUri() finds the code of the SDK in an object store", () => {
  using base = folder({
    "input/config/hyperparameters.json": JSON.stringify({ sagemaker_submit_directory: '"s3://b/sourcedir.tar.gz"' }),
  });
  const { env } = context(base);
  assert.equal(submittedUri(env, "train"), "s3://b/sourcedir.tar.gz");
  assert.equal(submittedUri(env, "serve"), undefined);
  const named = context(base, { SAGEMAKER_SUBMIT_DIRECTORY: "s3://b/other.tar.gz" }).env;
  assert.deepEqual([submittedUri(named, "train"), submittedUri(named, "serve")], Array(2).fill("s3://b/other.tar.gz"));
  const none = context(base, { SAGEMAKER_BASE_DIR: `${base.path}/none` }).env;
  assert.equal(submittedUri(none, "train"), undefined);
});

Deno.test("sageMakerTraining() runs fetched code alone, and names it if the script is missing", () => {
  using base = folder({
    "code/fit.py": "",
    "sent/train.py": "",
    "archive/manifest.json": "{}",
    "archive/train.py": "",
  });
  const find = (name: string, variables: Record<string, string> = {}) =>
    sageMakerTraining({
      ...context(base, variables),
      submitted: { uri: "s3://b/code", folder: `${base.path}/${name}` },
    }, 0)!;
  assert.deepEqual([find("sent").module, find("sent").script], [`${base.path}/sent`, "train.py"]);
  assert.equal(find("archive").script, undefined);
  assert.throws(() => find("sent", { SAGEMAKER_PROGRAM: "fit.py" }), {
    name: "UsageError",
    message: /^'s3:\/\/b\/code', the source directory of SageMaker's SDK, contains no fit\.py: name the script/,
  });
  assert.throws(() => find("code"), { message: /contains no manifest\.json or train\.py: name/ });
});

for (
  const [what, files, module, modelDir] of [
    ["code beside the model", { "model/code/serve.py": "", "model/w": "" }, "model/code", "model"],
    ["an archive that is the model's data", { "model/manifest.json": '{"modelDirectory": "m"}' }, "model", undefined],
    ["an archive without its model", { "model/manifest.json": "{}" }, "model", "model"],
    [
      "the image's archive, with its own model",
      { "image/manifest.json": '{"modelDirectory": "m"}', "model/": "" },
      "image",
      undefined,
    ],
    [
      "the image's archive, with another model",
      { "image/manifest.json": '{"modelDirectory": "m"}', "model/w": "" },
      "image",
      "model",
    ],
  ] as const
) {
  Deno.test(`sageMakerServing() finds ${what}`, () => {
    using base = folder(files);
    const found = sageMakerServing(context(base));
    assert.equal(found?.module, `${base.path}/${module}`);
    assert.equal(found?.modelDir, modelDir && `${base.path}/${modelDir}`);
  });
}
