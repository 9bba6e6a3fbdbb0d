/** Plans the workers of a model: how many, on which devices, and each one's share of the processors. */

import { UsageError } from "../errors.ts";

/** The command line's choice of workers and devices. */
export interface WorkerChoice {
  /** A number, or `auto`: one worker for each device, or for each processor if there are no devices. */
  readonly workers: number | "auto";
  /** `cpu`, `auto`, or devices such as `cuda:0`; undefined leaves the choice to the script. */
  readonly device?: string | undefined;
}

/** The machine for which workers are planned. */
export interface Machine {
  readonly env: (name: string) => string | undefined;
  /** Processors that this process may use. */
  readonly processors: number;
  /** Returns how many NVIDIA devices there are. CUDA numbers them from 0. */
  readonly gpus: () => number;
}

/**
 * Environment variables in which libraries look up how many threads they may start, each with the variables that it falls back to.
 * ONNX Runtime has no such variable; Numba refuses to be set to more than its own later, so it is left alone.
 */
const THREADS: readonly (readonly [name: string, others?: readonly string[]])[] = [
  // OpenMP: PyTorch, scikit-learn, XGBoost, LightGBM, FAISS, PyArrow and many others.
  ["OMP_NUM_THREADS"],
  ["MKL_NUM_THREADS", ["OMP_NUM_THREADS"]],
  ["OPENBLAS_NUM_THREADS", ["GOTO_NUM_THREADS", "OMP_NUM_THREADS"]],
  ["BLIS_NUM_THREADS", ["OMP_NUM_THREADS"]],
  ["NUMEXPR_NUM_THREADS", ["OMP_NUM_THREADS"]],
  ["POLARS_MAX_THREADS"],
  // What is written in Rust, such as tokenizers.
  ["RAYON_NUM_THREADS"],
  ["OPENCV_FOR_THREADS_NUM"],
  // TensorFlow: threads within an operation, and across operations.
  ["TF_NUM_INTRAOP_THREADS"],
  ["TF_NUM_INTEROP_THREADS"],
  // JAX: the current name, and the former one.
  ["PJRT_NPROC", ["NPROC"]],
  ["NPROC", ["PJRT_NPROC"]],
];

/**
 * Returns the environment variables of each worker of a model, one entry a worker.
 *
 * 1. Each worker sees one device, in turn, as `cuda:0`: `AIMODELLIB_DEVICE` says so. Which one that is on the machine is in
 *    `CUDA_VISIBLE_DEVICES`; if that is set already, numbers count among what it names.
 * 2. Of several workers, those of other models among them, each is told its share of the processors. Nothing is said to a library that
 *    somebody has told already, by its own variable or by one that it looks at in its place.
 *
 * @param models how many models are served, each with this number of workers
 * @throws {UsageError} if a device name is invalid, or there is no such device
 */
export function planWorkers(choice: WorkerChoice, machine: Machine, models = 1): Record<string, string>[] {
  const devices = devicesOf(choice.device, machine);
  const gpus = devices?.filter((device) => device !== "cpu").length ?? 0;
  const count = choice.workers !== "auto" ? choice.workers : gpus > 0 ? gpus : machine.processors;
  const all = count * models;
  const threads = String(Math.max(1, Math.floor(machine.processors / all)));
  const isSet = (name: string) => Boolean(machine.env(name));
  const shares = all === 1 ? [] : THREADS.filter(([name, others = []]) => ![name, ...others].some(isSet));
  return Array.from({ length: count }, (_, index) => ({
    ...(devices && deviceVariables(devices[index % devices.length]!)),
    ...Object.fromEntries(shares.map(([name]) => [name, threads])),
  }));
}

/** Returns the devices that workers take in turn: `cpu`, or a value of CUDA_VISIBLE_DEVICES. */
function devicesOf(device: string | undefined, { env, gpus }: Machine): string[] | undefined {
  if (device === undefined) return undefined;
  if (device === "cpu") return ["cpu"];
  const set = env("CUDA_VISIBLE_DEVICES");
  const count = gpus();
  const visible = visibleDevices(set, count);
  const there = set === undefined ? machineHas(count) : `CUDA_VISIBLE_DEVICES is '${set}'`;
  if (device === "auto") {
    // Nobody hides devices with the number of one that does not exist.
    if (visible.length === 0 && /^\s*\d/.test(set ?? "")) {
      throw new UsageError(`--device auto finds no device: ${there}, but ${machineHas(count)}`);
    }
    return visible.length === 0 ? ["cpu"] : visible;
  }
  return device.split(",").map((name) => {
    if (name.trim() === "cpu") return "cpu";
    const number = /^cuda:(\d+)$/.exec(name.trim())?.[1];
    if (number === undefined) {
      throw new UsageError(`--device must be auto, cpu, or devices such as cuda:0,cuda:1, not '${device}'`);
    }
    const found = visible[Number(number)];
    if (found === undefined) {
      const also = set !== undefined && count > 0 ? `, and ${machineHas(count)}` : "";
      throw new UsageError(`There is no device '${name.trim()}': ${there}${also}`);
    }
    return found;
  });
}

/**
 * Returns the devices that CUDA sees, as names for CUDA_VISIBLE_DEVICES.
 *
 * @param set the value of CUDA_VISIBLE_DEVICES. As CUDA does, this ignores the first name that is no device, and all that follow
 * @param count the number of devices of this machine; 0 may mean that it is unknown
 */
function visibleDevices(set: string | undefined, count: number): string[] {
  if (set === undefined) return Array.from({ length: count }, (_, index) => String(index));
  const names = set.split(",").map((name) => name.trim());
  const isDevice = (name: string) =>
    /^\d+$/.test(name) ? count === 0 || Number(name) < count : /^(GPU|MIG)-/.test(name);
  const end = names.findIndex((name) => !isDevice(name));
  return end < 0 ? names : names.slice(0, end);
}

function machineHas(count: number): string {
  return `this machine has ${
    count === 0 ? "no NVIDIA device" : count === 1 ? "1 NVIDIA device" : `${count} NVIDIA devices`
  }`;
}

function deviceVariables(device: string): Record<string, string> {
  if (device === "cpu") return { CUDA_VISIBLE_DEVICES: "", AIMODELLIB_DEVICE: "cpu" };
  return { CUDA_VISIBLE_DEVICES: device, AIMODELLIB_DEVICE: "cuda:0" };
}

/**
 * Counts the NVIDIA devices by the files that the driver creates; 0 without the driver. The numbers in their names say nothing about
 * CUDA's: a container with the fourth device of its host has `nvidia3` alone, which CUDA calls 0.
 *
 * @param folder where the files are
 */
export function countNvidiaDevices(folder = "/dev"): number {
  try {
    return [...Deno.readDirSync(folder)].filter(({ name }) => /^nvidia\d+$/.test(name)).length;
  } catch {
    return 0;
  }
}

/** Names the device of a worker, as {@linkcode planWorkers} gave it; undefined if the script chooses. */
export function deviceOf(variables: Readonly<Record<string, string>> = {}): string | undefined {
  const { AIMODELLIB_DEVICE: device, CUDA_VISIBLE_DEVICES: visible = "" } = variables;
  if (device === undefined || device === "cpu") return device;
  return /^\d+$/.test(visible) ? `GPU ${visible}` : visible;
}
