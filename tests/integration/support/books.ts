/** Runs a small pool through one life: a worker executes requests of all kinds and is stopped. Then the records are checked. */

import { settled as within } from "../../unit/helper/deadline.ts";
import assert from "node:assert/strict";
import { Backoff } from "../../../src/backoff.ts";
import type { Job, Outcome } from "../../../src/supervisor/job.ts";
import { Pool } from "../../../src/supervisor/pool.ts";
import { Worker } from "../../../src/supervisor/worker.ts";

const HERE = new URL(".", import.meta.url).pathname;
const PACKAGE = new URL("../../../python", import.meta.url).pathname;
/** The Python of the workers. */
export const PYTHON = Deno.env.get("AIMODELLIB_TEST_PYTHON") ?? "/usr/bin/python3";

/** The time limit of each step, in ms: far more than any step needs. */
const LIMIT_MS = 60_000;

/** The execution modes, and how many requests a worker executes at once in each. */
export const MODES = { serial: 1, threads: 2, async: 4, "async parts": 4, batch: 4 } as const;
export type Mode = keyof typeof MODES;

/** A call of a worker or its keeper that fails; `faulty_worker.py` documents the fields. */
export interface WorkerFault {
  readonly depth: number;
  readonly name: string;
  /** The call's number among those of that name in its process, from 1 on. */
  readonly place: number;
  readonly what: string;
}

interface Request {
  /** The size of the answer, or of each of its parts, in bytes. */
  readonly size: number;
  readonly filling?: number;
  readonly pauseMs?: number;
  readonly parts?: number;
  /** Whether it kills its worker. */
  readonly kills?: boolean;
}

/** Requests, sent group by group; those of one group are sent at once. */
const GROUPS: readonly (readonly Request[])[] = [
  // Each answer widens the worker's window.
  ...Array.from({ length: 10 }, () => [{ size: 10 }]),
  // The bodies go through the exchange in both directions.
  [{ size: 100_000, filling: 100_000 }],
  // One answer is sent at once, the others go through the ledger.
  [{ size: 20_000 }, { size: 3 }, { size: 5_000 }],
  // More parts than the first credit allows.
  [{ size: 100, parts: 20 }],
  // The first request delays the others, which are recalled.
  [{ size: 10, pauseMs: 30 }, { size: 10 }, { size: 10 }],
];

/** The first request kills its worker, while others wait in that worker. */
export const DEATH: readonly Request[] = [{ size: 10, kills: true }, { size: 10 }, { size: 10 }];

/** The records of one life. */
export interface Books {
  readonly mode: Mode;
  /** The outcome of each request, by its number: `right`, `lost`, or a description. */
  readonly outcomes: ReadonlyMap<number, string>;
  /** The numbers of the requests that are lost in any case. */
  readonly fatal: readonly number[];
  /** How often each request was settled. */
  readonly settled: ReadonlyMap<number, number>;
  /** The numbers of the requests that the script began. */
  readonly executed: readonly number[];
  /** The files that are left in the temporary folder. */
  readonly files: readonly string[];
}

/** The parameters of a life. */
export interface LifeOptions {
  readonly mode: Mode;
  /** An empty folder, whose parent all lives share. */
  readonly folder: string;
  /** The mark in the environment of all processes, by which {@linkcode processesLeft} finds them. */
  readonly mark: string;
  /** The fault in the first worker. */
  readonly fault?: WorkerFault;
  /** The path of a file that records the calls of the first worker. */
  readonly record?: string;
  /** Whether a request kills its worker at the end. @default false */
  readonly death?: boolean;
  readonly python?: string;
}

/** Runs one life. @throws {Error} if a step exceeds its time limit */
export async function live({ mode, folder, mark, fault, record, death, python = PYTHON }: LifeOptions): Promise<Books> {
  const [tmp, model] = [`${folder}/tmp`, `${folder}/model`];
  for (const path of [tmp, model]) Deno.mkdirSync(path);
  let workers = 0;
  const settled = new Map<number, number>();
  const pool = new Pool({
    maxRestarts: 5,
    backoff: () => new Backoff({ firstMs: 1 }),
    createWorker: (_, events) => {
      const plan = { package: PACKAGE, ...(workers++ === 0 && { ...fault, record }) };
      return counting(
        new Worker({
          python,
          assets: { root: PACKAGE, entry: `${HERE}faulty_worker.py`, [Symbol.dispose]: () => {} },
          env: (name) => name === "TMPDIR" ? tmp : undefined,
          maxBody: 1 << 20,
          output: () => {},
          config: configOf(mode, model),
          variables: {
            FAULT: JSON.stringify(plan),
            FAULTY_MODE: mode,
            [MARK]: mark,
            // The sources are compiled once for all lives.
            PYTHONPYCACHEPREFIX: `${folder}/../pycache`,
            PYTHONDONTWRITEBYTECODE: "",
          },
        }, events),
        settled,
      );
    },
  });
  const outcomes = new Map<number, string>();
  const fatal: number[] = [];
  const ready = Promise.race([pool.ready, pool.failed]).then(() => true, () => false);
  pool.start();
  if (await within(ready, "the pool to be ready", LIMIT_MS)) {
    let number = 0;
    for (const group of death ? [...GROUPS, DEATH] : GROUPS) {
      const ends = group.map(async (request) => {
        const own = ++number;
        if (request.kills) fatal.push(own);
        outcomes.set(own, await judge(own, request, mode, await pool.invoke(invocationOf(own, request))));
      });
      await within(Promise.all(ends), `the outcomes of ${JSON.stringify(group)}`, LIMIT_MS);
    }
  }
  await within(pool.stop(), "the end of the pool", LIMIT_MS);
  const files = [...Deno.readDirSync(tmp)].map(({ name }) => name);
  return { mode, outcomes, fatal, settled, executed: numbersIn(`${model}/executed`), files };
}

/**
 * Checks that the records agree, except for processes.
 *
 * @param mayBeLost how many requests may be lost. @default those that a worker executes at once, and those that kill their worker
 */
export function assertInOrder({ mode, outcomes, fatal, settled, executed, files }: Books, mayBeLost?: number): void {
  assert.deepEqual(files, [], "no file is left");
  const lost = [...outcomes].filter(([, fate]) => fate === "lost").map(([number]) => number);
  const others = [...outcomes].filter(([, fate]) => fate !== "right" && fate !== "lost");
  assert.deepEqual(others, [], "all are answered rightly, or lost");
  const most = mayBeLost ?? MODES[mode] + fatal.length;
  assert.ok(lost.length <= most, `more are lost than a worker executes: ${lost}`);
  assert.deepEqual([...settled].filter(([, times]) => times !== 1), [], "each is settled once");
  assert.deepEqual([...settled.keys()].sort(), [...outcomes.keys()].sort());
  const once = new Set(executed);
  assert.equal(once.size, executed.length, `none is executed twice: ${executed}`);
  for (const [number, fate] of outcomes) assert.ok(fate === "lost" || once.has(number), `${number} was executed`);
}

/** The environment variable that marks the processes of these tests. */
const MARK = "AIMODELLIB_TEST_MARK";

/** Waits up to 10 s until no process has a mark that begins with `prefix`. Kills those that are left, and returns their marks and commands. */
export async function processesLeft(prefix: string): Promise<string[]> {
  const end = performance.now() + 10_000;
  while (true) {
    const found = marked(prefix);
    if (found.length === 0) return [];
    if (performance.now() > end) {
      for (const { pid } of found) Deno.kill(pid, "SIGKILL");
      return found.map(({ mark, command }) => `${mark}: ${command}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function marked(prefix: string): { pid: number; mark: string; command: string }[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(({ name }) => {
    try {
      const variables = Deno.readTextFileSync(`/proc/${name}/environ`).split("\0");
      const mark = variables.find((each) => each.startsWith(`${MARK}=${prefix}`))?.slice(MARK.length + 1);
      if (mark === undefined || /\) [ZX] /.test(Deno.readTextFileSync(`/proc/${name}/stat`))) return [];
      const command = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ");
      return [{ pid: Number(name), mark, command }];
    } catch {
      return []; // The process has ended, or belongs to another user.
    }
  });
}

/** Makes a worker count how often each of its jobs is settled. */
function counting(worker: Worker, settled: Map<number, number>): Worker {
  const dispatch = worker.dispatch.bind(worker);
  worker.dispatch = (job) => dispatch(countedJobs.has(job) ? job : counted(job, settled));
  return worker;
}

/** Jobs that are already counted: a job may be dispatched again. */
const countedJobs = new WeakSet<Job>();

function counted(job: Job, settled: Map<number, number>): Job {
  const number = parseInt(new TextDecoder().decode(job.body));
  const made: Job = {
    ...job,
    settle: (outcome) => {
      settled.set(number, (settled.get(number) ?? 0) + 1);
      job.settle(outcome);
    },
  };
  countedJobs.add(made);
  return made;
}

function configOf(mode: Mode, model: string) {
  const atOnce = MODES[mode];
  return {
    mode: "serve" as const,
    module: HERE,
    script: `${HERE}faulty_script.py`,
    model_dir: model,
    max_body: 1 << 20,
    max_answer: 1 << 20,
    ...(mode === "threads" && { threads: atOnce }),
    ...(mode.startsWith("async") && { concurrency: atOnce }),
    ...(mode === "batch" && { max_batch_size: atOnce, batch_timeout: 0.005 }),
  };
}

function invocationOf(number: number, { size, filling = 0, pauseMs = 0, parts = 0, kills = false }: Request) {
  const text = `${number} ${size} ${kills ? -1 : pauseMs} ${parts} ${" ".repeat(filling)}`;
  return { metadata: new TextEncoder().encode("{}"), body: new TextEncoder().encode(text) };
}

/** Returns the outcome of a request. */
async function judge(number: number, { size, parts = 0 }: Request, mode: Mode, outcome: Outcome): Promise<string> {
  const pieces = mode === "batch" || mode === "async" ? 1 : Math.max(1, parts);
  const right = `${number},`.repeat(size).slice(0, size).repeat(pieces);
  if (outcome.kind === "result") return new TextDecoder().decode(outcome.body) === right ? "right" : "wrong";
  if (outcome.kind !== "parts") return outcome.kind === "error" ? JSON.stringify(outcome.error) : outcome.kind;
  let text = "";
  while (true) {
    const part = await outcome.parts.next();
    if (part === undefined) return text === right ? "right" : `wrong, of ${text.length} bytes`;
    if (!(part instanceof Uint8Array)) return right.startsWith(text) ? part.kind : "wrong";
    text += new TextDecoder().decode(part);
  }
}

function numbersIn(path: string): number[] {
  try {
    return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "").map(Number);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
