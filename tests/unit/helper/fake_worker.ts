/** Workers without a process. */

import type { Job, Outcome } from "../../../src/supervisor/job.ts";
import type { WorkerGauges } from "../../../src/supervisor/script_gauges.ts";
import type { PooledWorker } from "../../../src/supervisor/slot.ts";
import type { Death, Usage, WorkerEvents } from "../../../src/supervisor/worker_events.ts";
import { utf8 } from "./bytes.ts";

/** A worker that a test controls. */
export class FakeWorker implements PooledWorker {
  ready = false;
  dead = false;
  readonly jobs: Job[] = [];
  runs = 0;
  stopSignal: AbortSignal | undefined;
  usage: Usage | undefined;
  gauges: WorkerGauges = { since: 0, gauges: [] };
  signature: unknown;
  openAi: readonly string[] | undefined;
  window: number | undefined;

  /** @param room the most jobs that it accepts at once */
  constructor(readonly index: number, readonly events: WorkerEvents, public room = 1, readonly pid = 1000 + index) {}

  get load(): number {
    return this.jobs.length;
  }

  get hasRoom(): boolean {
    return this.ready && this.load < this.room;
  }

  askUsage(): Promise<void> {
    return Promise.resolve();
  }

  run(): Promise<void> {
    this.runs++;
    return Promise.resolve();
  }

  dispatch(job: Job): void {
    this.jobs.push(job);
  }

  stop(signal: AbortSignal): void {
    this.stopSignal = signal;
    this.ready = false;
  }

  /** Reports that the worker is ready. */
  becomeReady(): void {
    this.ready = true;
    this.events.onReady();
  }

  /** Answers the worker's oldest jobs. */
  answer(count = 1, outcome: Outcome = { kind: "result", contentType: "text/plain", body: utf8("answer") }): void {
    for (const job of this.jobs.splice(0, count)) job.settle(outcome);
    if (this.hasRoom) this.events.onRoom();
  }

  /** Ends the worker; the first `begun` of its jobs are lost, the others are orphans. */
  die(death: Partial<Death> = {}, begun = 0): void {
    this.ready = false;
    this.dead = true;
    const orphans = this.jobs.splice(0);
    for (const job of orphans.splice(0, begun)) job.settle({ kind: "lost", cause: "signal SIGKILL" });
    this.events.onDead(
      { cause: "signal SIGKILL", readyMs: 0, stopped: false, overran: false, requests: [], ...death },
      orphans,
    );
  }
}
