import assert from "node:assert/strict";
import {
  countNvidiaDevices,
  deviceOf,
  type Machine,
  planWorkers,
  type WorkerChoice,
} from "../../../src/serve/devices.ts";
import { UsageError } from "../../../src/errors.ts";

const machine = (env: Record<string, string> = {}, gpus = 0, processors = 8): Machine => ({
  env: (name) => env[name],
  processors,
  gpus: () => gpus,
});

const devices = (choice: WorkerChoice, on: Machine) =>
  planWorkers(choice, on).map((env) => [env.CUDA_VISIBLE_DEVICES, env.AIMODELLIB_DEVICE]);

Deno.test("planWorkers() sets no variable for a single worker without a device", () => {
  assert.deepEqual(planWorkers({ workers: 1 }, machine({}, 2)), [{}]);
});

Deno.test("planWorkers() divides processors among several workers, unless threads are set", () => {
  const threads = (workers: number | "auto", on: Machine) =>
    planWorkers({ workers }, on).map((env) => `${env.OMP_NUM_THREADS} ${env.MKL_NUM_THREADS}`);
  assert.deepEqual(threads(2, machine()), ["4 4", "4 4"]);
  assert.deepEqual(threads(3, machine()), ["2 2", "2 2", "2 2"]);
  assert.deepEqual(threads(12, machine()), Array(12).fill("1 1"));
  assert.deepEqual(threads("auto", machine({}, 0, 2)), ["1 1", "1 1"]);
});

Deno.test("planWorkers() divides processors among the workers of all models", () => {
  const threads = (workers: number | "auto", models: number, on = machine()) =>
    planWorkers({ workers }, on, models).map((env) => env.OMP_NUM_THREADS);
  assert.deepEqual(threads(1, 1), [undefined]);
  assert.deepEqual(threads(1, 2), ["4"]);
  assert.deepEqual(threads(2, 2), ["2", "2"]);
  assert.deepEqual(threads(1, 5), ["1"]);
  assert.deepEqual(threads(1, 50), ["1"]);
  assert.deepEqual(threads("auto", 3, machine({}, 0, 2)), ["1", "1"]);
});

Deno.test("planWorkers() sets the variable of each library that has one", () => {
  const [worker] = planWorkers({ workers: 2 }, machine());
  for (
    const name of [
      "OMP_NUM_THREADS",
      "MKL_NUM_THREADS",
      "OPENBLAS_NUM_THREADS",
      "BLIS_NUM_THREADS",
      "NUMEXPR_NUM_THREADS",
      "POLARS_MAX_THREADS",
      "RAYON_NUM_THREADS",
      "OPENCV_FOR_THREADS_NUM",
      "TF_NUM_INTRAOP_THREADS",
      "TF_NUM_INTEROP_THREADS",
      "PJRT_NPROC",
      "NPROC",
    ]
  ) {
    assert.equal(worker![name], "4", name);
    assert.equal(planWorkers({ workers: 2 }, machine({ [name]: "7" }))[0]![name], undefined, name);
  }
});

Deno.test("planWorkers() skips a library if a variable that it falls back to is set", () => {
  const left = (set: Record<string, string>) => {
    const told = planWorkers({ workers: 2 }, machine(set))[0]!;
    return Object.keys(planWorkers({ workers: 2 }, machine())[0]!).filter((name) => !(name in told)).sort();
  };
  assert.deepEqual(left({ OMP_NUM_THREADS: "7" }), [
    "BLIS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
  ]);
  assert.deepEqual(left({ GOTO_NUM_THREADS: "7" }), ["OPENBLAS_NUM_THREADS"]);
  assert.deepEqual(left({ NPROC: "7" }), ["NPROC", "PJRT_NPROC"]);
  assert.deepEqual(left({ POLARS_MAX_THREADS: "7" }), ["POLARS_MAX_THREADS"]);
  assert.deepEqual(left({ POLARS_MAX_THREADS: "" }), []);
});

Deno.test("planWorkers() gives each worker one device in turn, which it sees as cuda:0", () => {
  const four = machine({}, 4);
  assert.deepEqual(devices({ workers: 3, device: "cuda:1,cuda:3" }, four), [
    ["1", "cuda:0"],
    ["3", "cuda:0"],
    ["1", "cuda:0"],
  ]);
  assert.deepEqual(devices({ workers: "auto", device: "auto" }, four).map(([name]) => name), ["0", "1", "2", "3"]);
  assert.deepEqual(devices({ workers: 2, device: "cpu" }, four), [["", "cpu"], ["", "cpu"]]);
  assert.deepEqual(devices({ workers: 2, device: "cuda:2,cpu" }, four), [["2", "cuda:0"], ["", "cpu"]]);
});

Deno.test("planWorkers() numbers devices among those in CUDA_VISIBLE_DEVICES if it is set", () => {
  const some = machine({ CUDA_VISIBLE_DEVICES: "6, GPU-9f" }, 8);
  assert.deepEqual(devices({ workers: "auto", device: "auto" }, some), [["6", "cuda:0"], ["GPU-9f", "cuda:0"]]);
  assert.deepEqual(devices({ workers: 1, device: "cuda:1" }, some), [["GPU-9f", "cuda:0"]]);
  const unknown = machine({ CUDA_VISIBLE_DEVICES: "6,7" });
  assert.deepEqual(devices({ workers: "auto", device: "auto" }, unknown), [["6", "cuda:0"], ["7", "cuda:0"]]);
});

Deno.test("planWorkers() sees the devices that CUDA sees", () => {
  const seen = (set: string, count = 2) => {
    const on = machine({ CUDA_VISIBLE_DEVICES: set }, count, 1);
    return devices({ workers: "auto", device: "auto" }, on).map(([name]) => name);
  };
  // CUDA stops at the first name that is no device.
  assert.deepEqual(seen("1,-1,0"), ["1"]);
  assert.deepEqual(seen("1,2,0"), ["1"]);
  assert.deepEqual(seen("0,1,"), ["0", "1"]);
  assert.deepEqual(seen("GPU-9f0a,GPU-1b,none"), ["GPU-9f0a", "GPU-1b"]);
  assert.deepEqual(seen("MIG-63feb45d-94c6,MIG-GPU-9f/1/0"), ["MIG-63feb45d-94c6", "MIG-GPU-9f/1/0"]);
  // These hide all devices. Slurm sets the last one for a job without devices.
  for (const set of ["", " ", "-1", "-1,0", "none", "NoDevFiles"]) {
    for (const count of [0, 1, 8]) assert.deepEqual(seen(set, count), [""], `'${set}'`);
  }
});

Deno.test("planWorkers() refuses to leave the devices to nobody when CUDA_VISIBLE_DEVICES names none that exists", () => {
  const on = machine({ CUDA_VISIBLE_DEVICES: "3,0" }, 1);
  const plan = (device: string) => () => planWorkers({ workers: 1, device }, on);
  assert.throws(plan("auto"), {
    name: "UsageError",
    message: "--device auto finds no device: CUDA_VISIBLE_DEVICES is '3,0', but this machine has 1 NVIDIA device",
  });
  assert.throws(
    plan("cuda:0"),
    /^UsageError: There is no device 'cuda:0': CUDA_VISIBLE_DEVICES is '3,0', and this machine has 1 /,
  );
  assert.deepEqual(devices({ workers: 1, device: "cpu" }, on), [["", "cpu"]]);
});

Deno.test("countNvidiaDevices() counts devices, whatever their numbers are on the host of a container", () => {
  const folder = Deno.makeTempDirSync();
  try {
    assert.equal(countNvidiaDevices(folder), 0);
    for (const name of ["nvidia3", "nvidia10", "nvidiactl", "nvidia-uvm", "nvidia-modeset"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    assert.equal(countNvidiaDevices(folder), 2);
    assert.equal(countNvidiaDevices(`${folder}/missing`), 0);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("deviceOf() names a worker's device", () => {
  assert.equal(deviceOf(), undefined);
  assert.equal(deviceOf({ OMP_NUM_THREADS: "4" }), undefined);
  assert.equal(deviceOf({ CUDA_VISIBLE_DEVICES: "", AIMODELLIB_DEVICE: "cpu" }), "cpu");
  assert.equal(deviceOf({ CUDA_VISIBLE_DEVICES: "3", AIMODELLIB_DEVICE: "cuda:0" }), "GPU 3");
  assert.equal(deviceOf({ CUDA_VISIBLE_DEVICES: "GPU-9f", AIMODELLIB_DEVICE: "cuda:0" }), "GPU-9f");
});

Deno.test("planWorkers() refuses invalid and missing devices", () => {
  const refusal = (device: string, on = machine({}, 1)) => {
    let message = "";
    assert.throws(() => planWorkers({ workers: 1, device }, on), (error) => {
      message = error instanceof UsageError ? error.message : "";
      return true;
    });
    return message;
  };
  assert.equal(
    refusal("cuda"),
    "--device must be auto, cpu, or devices such as cuda:0,cuda:1, not 'cuda'",
  );
  assert.match(refusal("cuda:0,tpu"), /not 'cuda:0,tpu'$/);
  assert.equal(refusal("cuda:1"), "There is no device 'cuda:1': this machine has 1 NVIDIA device");
  assert.equal(refusal("cuda:9", machine({}, 8)), "There is no device 'cuda:9': this machine has 8 NVIDIA devices");
  assert.equal(refusal("cuda:0", machine({}, 0)), "There is no device 'cuda:0': this machine has no NVIDIA device");
  assert.equal(
    refusal("cuda:2", machine({ CUDA_VISIBLE_DEVICES: "4" })),
    "There is no device 'cuda:2': CUDA_VISIBLE_DEVICES is '4'",
  );
});
