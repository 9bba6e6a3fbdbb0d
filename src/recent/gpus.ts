/** The NVIDIA devices of the machine, as `nvidia-smi` reports them. */

import { runChild } from "../bridge/mod.ts";
import type { Gpu } from "../web/train_wire.ts";
import { withLimit } from "../with_limit.ts";

/** How long after a failure it is run again, in ms. */
const RETRY_MS = 60_000;

/** How long it may run, in ms. */
const LIMIT_MS = 10_000;

const ARGS = ["--query-gpu=index,name,utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits"];

/** Runs `nvidia-smi` when somebody asks, and never more than once at a time. On a machine without it, this does nothing. */
export class Gpus {
  readonly #intervalMs: number;
  #gpus: readonly Gpu[] = [];
  #running: Promise<void> | undefined;
  /** When it may run again, in ms of `performance.now()`. */
  #next = 0;

  /** @param intervalMs the least time between two runs, in ms */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Returns what the last run reported, and begins another one if it is time. */
  newest(): readonly Gpu[] {
    if (this.#running === undefined && performance.now() >= this.#next) {
      this.#running = this.#run().finally(() => this.#running = undefined);
    }
    return this.#gpus;
  }

  /** As {@linkcode newest}, but waits for a run that is going on, for at most `waitMs` ms. */
  async read(waitMs: number): Promise<readonly Gpu[]> {
    this.newest();
    if (this.#running !== undefined) await withLimit(this.#running, waitMs);
    return this.#gpus;
  }

  async #run(): Promise<void> {
    let pause = RETRY_MS;
    try {
      const { success, stdout } = await runChild("nvidia-smi", { args: ARGS, limitMs: LIMIT_MS, group: "own" });
      this.#gpus = success ? gpusIn(stdout) : [];
      if (success) pause = this.#intervalMs;
    } catch {
      // There is no nvidia-smi, or the driver hangs.
      this.#gpus = [];
    }
    this.#next = performance.now() + pause;
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
