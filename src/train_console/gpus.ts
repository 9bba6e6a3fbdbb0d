/** How busy NVIDIA devices are, as `nvidia-smi` reports it. */

import { runChild } from "../bridge/mod.ts";
import type { Gpu } from "../web/train_wire.ts";

/** The least time between two runs, and after one that failed, in ms. */
const INTERVAL_MS = 2_000;
const RETRY_MS = 60_000;

/** How long it may run, in ms. */
const LIMIT_MS = 10_000;

const ARGS = ["--query-gpu=index,name,utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits"];

/** Runs `nvidia-smi` when somebody asks, and never more than once at a time. On a machine without it, this does nothing. */
export class Gpus {
  #gpus: readonly Gpu[] = [];
  #isRunning = false;
  /** When it may run again, in ms of `performance.now()`. */
  #next = 0;

  /** Returns what the last run reported, and begins another one if that was long ago. */
  newest(): readonly Gpu[] {
    if (!this.#isRunning && performance.now() >= this.#next) void this.#run();
    return this.#gpus;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let pause = RETRY_MS;
    try {
      const { success, stdout } = await runChild("nvidia-smi", { args: ARGS, limitMs: LIMIT_MS, group: "own" });
      this.#gpus = success ? gpusIn(stdout) : [];
      if (success) pause = INTERVAL_MS;
    } catch {
      // There is no nvidia-smi, or the driver hangs.
      this.#gpus = [];
    }
    this.#next = performance.now() + pause;
    this.#isRunning = false;
  }
}

/** Reads the lines of `nvidia-smi`. A device whose memory it does not know, such as one that is divided (MIG), is left out. */
export function gpusIn(text: string): Gpu[] {
  return text.trim().split("\n").map((line) => line.split(",").map((field) => field.trim()))
    .map(([index = "", name = "", busy, used, total]): Gpu => {
      const percent = Number(busy || NaN);
      const bytes = (mebibytes: string | undefined) => Number(mebibytes || NaN) * 2 ** 20;
      return { index, name, ...(Number.isFinite(percent) && { percent }), used: bytes(used), total: bytes(total) };
    })
    .filter(({ used, total }) => Number.isFinite(used) && Number.isFinite(total));
}
