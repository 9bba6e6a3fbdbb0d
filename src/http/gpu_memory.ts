/** The memory of NVIDIA devices, as `nvidia-smi` reports it. */

import { runChild } from "../bridge/mod.ts";
import type { Metric } from "../observability/metrics.ts";
import { withLimit } from "../with_limit.ts";

/** How long a reader of metrics waits for `nvidia-smi`, in ms; then it gets the previous figures. */
const WAIT_MS = 500;
/** How long `nvidia-smi` may run, in ms. */
const LIMIT_MS = 10_000;
/** How long after a failure it is run again, in ms. */
const RETRY_MS = 60_000;

const ARGS = ["--query-gpu=index,memory.used,memory.total", "--format=csv,noheader,nounits"];

interface Device {
  readonly index: string;
  /** In bytes. */
  readonly used: number;
  readonly total: number;
}

/** Runs `nvidia-smi` when the metrics are read, and never more than once at a time. On a machine without it, this does nothing. */
export class GpuMemory {
  #devices: readonly Device[] = [];
  #reading: Promise<void> | undefined;
  /** When it may run again, in ms of `performance.now()`. */
  #next = 0;

  /** Returns the memory of all devices; no metrics if there are none. */
  async metrics(): Promise<Metric[]> {
    if (this.#reading === undefined && performance.now() >= this.#next) {
      this.#reading = this.#read().finally(() => this.#reading = undefined);
    }
    if (this.#reading !== undefined) await withLimit(this.#reading, WAIT_MS);
    return [
      {
        name: "aimodellib_gpu_memory_used_bytes",
        help: "Used memory of an NVIDIA device, by all processes of the machine.",
        type: "gauge",
        values: this.#devices.map(({ index, used }) => [{ gpu: index }, used]),
      },
      {
        name: "aimodellib_gpu_memory_total_bytes",
        help: "Memory of an NVIDIA device.",
        type: "gauge",
        values: this.#devices.map(({ index, total }) => [{ gpu: index }, total]),
      },
    ];
  }

  async #read(): Promise<void> {
    try {
      const { success, stdout } = await runChild("nvidia-smi", { args: ARGS, limitMs: LIMIT_MS, group: "own" });
      if (success) {
        this.#devices = devicesIn(stdout);
        return;
      }
    } catch {
      // There is no nvidia-smi, or the driver hangs.
    }
    this.#devices = [];
    this.#next = performance.now() + RETRY_MS;
  }
}

/** Parses the lines of `nvidia-smi`. A device whose memory it does not know, such as one that is divided (MIG), is left out. */
function devicesIn(text: string): Device[] {
  const bytes = (mebibytes: string | undefined) => Number(mebibytes || NaN) * 2 ** 20;
  return text.trim().split("\n").map((line) => line.split(",").map((field) => field.trim()))
    .map(([index = "", used, total]) => ({ index, used: bytes(used), total: bytes(total) }))
    .filter(({ used, total }) => Number.isFinite(used) && Number.isFinite(total));
}
