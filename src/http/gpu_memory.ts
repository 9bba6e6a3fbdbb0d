/** Metrics of the memory of NVIDIA devices. */

import type { Metric } from "../observability/metrics.ts";
import { Gpus } from "../recent/gpus.ts";

/** How long a reader of metrics waits for `nvidia-smi`, in ms; then it gets the previous figures. */
const WAIT_MS = 500;

/** Reads the memory of NVIDIA devices when the metrics are read. */
export class GpuMemory {
  readonly #gpus = new Gpus(0);

  /** Returns metrics of the memory of each device; without devices, they have no values. */
  async metrics(): Promise<Metric[]> {
    const gpus = await this.#gpus.read(WAIT_MS);
    return [
      {
        name: "aimodellib_gpu_memory_used_bytes",
        help: "Used memory of an NVIDIA device, by all processes of the machine.",
        type: "gauge",
        values: gpus.map(({ index, used }) => [{ gpu: index }, used]),
      },
      {
        name: "aimodellib_gpu_memory_total_bytes",
        help: "Memory of an NVIDIA device.",
        type: "gauge",
        values: gpus.map(({ index, total }) => [{ gpu: index }, total]),
      },
    ];
  }
}
