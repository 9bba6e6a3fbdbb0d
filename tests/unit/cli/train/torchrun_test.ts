import assert from "node:assert/strict";
import { launcherArgs, launcherOnSageMaker, type LauncherOptions } from "../../../../src/cli/train/torchrun.ts";
import { UsageError } from "../../../../src/errors.ts";
import { fakeEnv } from "../../helper/env.ts";

const launcher = "torchrun";

Deno.test("launcherArgs() passes the given options, and uses this host as rendezvous without an endpoint", () => {
  const cases: [LauncherOptions, string[] | undefined][] = [
    [{}, undefined],
    [{ launcher }, ["--standalone"]],
    [{ launcher, nprocPerNode: "2", maxRestarts: 0 }, ["--standalone", "--nproc-per-node=2", "--max-restarts=0"]],
    [{ launcher, nprocPerNode: "gpu", nnodes: "1" }, ["--standalone", "--nproc-per-node=gpu", "--nnodes=1"]],
    [{ launcher, nnodes: "2", rdzvEndpoint: "a:1" }, ["--nnodes=2", "--rdzv-endpoint=a:1", "--rdzv-backend=c10d"]],
    [
      { launcher, nnodes: "1:4", nodeRank: 0, rdzvEndpoint: "a", rdzvBackend: "static", rdzvId: "-x y" },
      ["--nnodes=1:4", "--node-rank=0", "--rdzv-endpoint=a", "--rdzv-backend=static", "--rdzv-id=-x y"],
    ],
  ];
  for (const [options, expected] of cases) assert.deepEqual(launcherArgs(options, fakeEnv()), expected);
});

Deno.test("launcherArgs() refuses invalid options of torchrun", () => {
  const cases: [LauncherOptions, RegExp][] = [
    [{ nprocPerNode: "2" }, /^--nproc-per-node needs --launcher torchrun$/],
    [{ maxRestarts: 0 }, /^--max-restarts needs --launcher torchrun$/],
    [{ launcher, nprocPerNode: "0" }, /^--nproc-per-node must be a number above 0, auto, cpu or gpu, not '0'$/],
    [{ launcher, nprocPerNode: "two" }, /not 'two'$/],
    [{ launcher, nnodes: "0", rdzvEndpoint: "a" }, /^--nnodes must be a number above 0, or a range .*, not '0'$/],
    [{ launcher, nnodes: "1:", rdzvEndpoint: "a" }, /not '1:'$/],
    [{ launcher, nnodes: "2" }, /^--nnodes 2 needs --rdzv-endpoint HOST:PORT/],
  ];
  for (const [options, message] of cases) {
    assert.throws(
      () => launcherArgs(options, fakeEnv()),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  }
});

Deno.test("launcherArgs() leaves the rendezvous to torchrun's own variables", () => {
  const cases: [Record<string, string>, LauncherOptions, string[]][] = [
    [{ PET_NNODES: "2", PET_NODE_RANK: "1", PET_MASTER_ADDR: "a", PET_MASTER_PORT: "29400" }, {}, []],
    [{ PET_NNODES: "1", PET_MASTER_ADDR: "a" }, { nprocPerNode: "2" }, ["--nproc-per-node=2"]],
    [{ PET_RDZV_ENDPOINT: "a:1", PET_RDZV_BACKEND: "c10d" }, { nnodes: "1:4" }, ["--nnodes=1:4"]],
    [{ PET_RDZV_BACKEND: "etcd-v2" }, { rdzvEndpoint: "a:1" }, ["--rdzv-endpoint=a:1"]],
    [{ PET_STANDALONE: "1" }, {}, []],
    // These variables do not name a rendezvous.
    [{ PET_NNODES: "1", PET_NPROC_PER_NODE: "2", PET_MAX_RESTARTS: "3" }, {}, ["--standalone"]],
    [{ PET_NNODES: "2", PET_MASTER_ADDR: "" }, { nnodes: "1" }, ["--standalone", "--nnodes=1"]],
  ];
  for (const [variables, options, expected] of cases) {
    assert.deepEqual(launcherArgs({ launcher, ...options }, fakeEnv(variables)), expected);
  }
  assert.throws(
    () => launcherArgs({ launcher }, fakeEnv({ PET_NNODES: "2" })),
    new UsageError("PET_NNODES=2 needs --rdzv-endpoint HOST:PORT, where the hosts meet"),
  );
});

Deno.test("launcherOnSageMaker() has the hosts meet at the first one, with a process for each GPU", () => {
  const hosts = { names: ["algo-1", "algo-2"], rank: 1 };
  const two = { nnodes: "2", nodeRank: 1, rdzvEndpoint: "algo-1:7777", rdzvId: "job" };
  const launcher = "torchrun";
  const cases: [LauncherOptions, boolean, number, LauncherOptions][] = [
    [{}, false, 4, {}],
    [{ nnodes: "2" }, false, 4, { nnodes: "2" }],
    [{}, true, 0, { launcher, ...two }],
    [{ launcher }, false, 4, { launcher, nprocPerNode: "4", ...two }],
    [{ launcher, nprocPerNode: "1", maxRestarts: 2 }, false, 4, {
      launcher,
      nprocPerNode: "1",
      maxRestarts: 2,
      ...two,
    }],
    [{ launcher, rdzvEndpoint: "a:1" }, false, 0, { launcher, rdzvEndpoint: "a:1" }],
  ];
  for (const [options, wantsTorchrun, gpus, expected] of cases) {
    assert.deepEqual(launcherOnSageMaker(options, { hosts, wantsTorchrun }, { gpus, job: "job" }), expected);
  }
  const alone = { hosts: { names: ["algo-1"], rank: 0 }, wantsTorchrun: true };
  assert.deepEqual(launcherOnSageMaker({}, alone, { gpus: 0, job: undefined }), { launcher });
});
