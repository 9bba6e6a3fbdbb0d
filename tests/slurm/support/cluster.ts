/** A Slurm cluster of two nodes for one test: Debian's slurmctld, slurmd and munged, in name spaces of their own. */

import assert from "node:assert/strict";
import { sleep, until } from "../../e2e/support/limits.ts";
import { CAN_CABLE, type Need, runs } from "../../e2e/support/needs.ts";
import type { Finished, Program } from "../../e2e/support/program.ts";
import { BIN, ROOT, type Sandbox } from "../../e2e/support/sandbox.ts";

/** The states of a job that has ended. Others, such as `SIGNALING`, pass. Source: squeue(1), "Job state codes". */
const ENDED = [
  "BOOT_FAIL",
  "CANCELLED",
  "COMPLETED",
  "DEADLINE",
  "FAILED",
  "NODE_FAIL",
  "OUT_OF_MEMORY",
  "PREEMPTED",
  "TIMEOUT",
];

const PROGRAMS = ["slurmctld", "slurmd", "munged", "sbatch", "ip"];

/** Debian's Slurm, and permission to make network namespaces. */
export const HAS_SLURM: Need = runs(
      "sh",
      "-c",
      `PATH=$PATH:/usr/sbin:/sbin && command -v ${PROGRAMS.join(" && command -v ")} && unshare --pid --fork true`,
    ) &&
    CAN_CABLE() === true ||
  "slurmctld, slurmd or munge is not installed, or namespaces can't be made here";

/** A job as `scontrol show job` describes it. */
export interface Job {
  /** Such as `RUNNING`. */
  readonly state: string;
  readonly exitCode: string;
}

/** A running cluster. Disposing it ends its daemons and jobs. */
export class Cluster implements AsyncDisposable {
  readonly #box: Sandbox;
  readonly #program: Program;
  readonly #nodes: number;

  private constructor(box: Sandbox, program: Program) {
    this.#box = box;
    this.#program = program;
    // The process in the namespaces is the only child of unshare.
    this.#nodes = Number(Deno.readTextFileSync(`/proc/${program.pid}/task/${program.pid}/children`));
  }

  /** Starts a cluster whose nodes share the sandbox's files, and waits until both are idle. */
  static async start(box: Sandbox): Promise<Cluster> {
    Deno.mkdirSync(box.path("slurm"));
    Deno.mkdirSync(box.path("bin"));
    Deno.symlinkSync(BIN, box.path("bin/aimodellib"));
    const names = ["--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child"];
    const args = [...names, "sh", `${ROOT}/tests/slurm/support/cluster.sh`, box.path("slurm")];
    const program = box.start(args, { command: "unshare" });
    await program.stdout.waitFor(/^The nodes are idle$/);
    return new Cluster(box, program);
  }

  /** Runs a program on the host that submits jobs, in the sandbox's root. */
  async run(...words: readonly string[]): Promise<Finished> {
    const enter = ["--net", "--mount", "--uts", "--pid", "--target", `${this.#nodes}`, `--wd=${this.#box.root}`];
    return await this.#box.run([...enter, ...words], { command: "nsenter", env: this.#env });
  }

  /** Submits a batch script; returns the id of its job. */
  async submit(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run("sbatch", "--parsable", ...words);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }

  /** Waits until a job, with all tasks of an array, has ended; returns how. */
  async ended(id: string): Promise<Job[]> {
    let jobs: Job[] = [];
    const haveEnded = async () => {
      // Each look starts two programs, and most jobs take seconds.
      await sleep(250);
      jobs = await this.#jobs(id);
      return jobs.every(({ state }) => ENDED.includes(state));
    };
    await until(`job ${id} ends`, haveEnded, 100_000, () => `${JSON.stringify(jobs)}\n${this.log}`);
    return jobs;
  }

  /** The last output of the daemons. */
  get log(): string {
    return ["slurmctld", "slurmd-n1", "slurmd-n2"].map((name) => this.#box.read(`slurm/${name}.log`).slice(-2000)).join(
      "\n",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#program.kill("SIGKILL");
    await this.#program.finished();
  }

  async #jobs(id: string): Promise<Job[]> {
    const { code, stdout, stderr } = await this.run("scontrol", "--oneliner", "show", "job", id);
    assert.equal(code, 0, stderr);
    return stdout.trim().split("\n").map((line) => ({
      state: /\bJobState=(\S+)/.exec(line)![1]!,
      exitCode: /\bExitCode=(\S+)/.exec(line)![1]!,
    }));
  }

  get #env(): Record<string, string> {
    return {
      SLURM_CONF: this.#box.path("slurm/slurm.conf"),
      PATH: `${this.#box.path("bin")}:${this.#box.env["PATH"]}`,
    };
  }
}
