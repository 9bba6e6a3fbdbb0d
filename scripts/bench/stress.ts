/**
 * Searches for lost, wrong and repeated answers. For each execution mode, it stops a server for 10 to 30 ms again and again (SIGSTOP,
 * SIGCONT), kills its workers, and reloads its code, while clients disconnect or read slowly. It compares each answer with the expected one,
 * and the script records each execution, which reveals requests that are executed twice.
 */

import { ROOT } from "../project.ts";
import { makeVenv } from "../venv.ts";
import { children, freePort, Server, tree } from "./processes.ts";
import { isAlive, killOne, mistakesIn, until } from "./soak/server.ts";
import { Clients } from "./stress/clients.ts";

const SCRIPTS = `${ROOT}/scripts/bench/stress`;
const MINUTES = 5;
const WORKERS = 2;
const CLIENTS = 32;
/** Intervals in ms. No worker is killed while another is down: each death in quick succession delays the next start further. */
const KILL_EVERY = 1_500;
const RELOAD_EVERY = 10_000;
/** How long the server runs between two stops, and how long it is stopped, in ms: a minimum, and the width of a random addition. */
const RUNS_FOR = [20, 200] as const;
const STOPPED_FOR = [10, 20] as const;
/** How long to wait for outstanding answers after the load, in ms. */
const SETTLE_LIMIT = 60_000;

/** The execution modes: options of `serve`, and how many requests a worker executes at once. */
const MODES: Readonly<Record<string, { readonly args: readonly string[]; readonly atOnce: number }>> = {
  serial: { args: [], atOnce: 1 },
  threads: { args: ["--threads", "4"], atOnce: 4 },
  async: { args: ["--concurrency", "8"], atOnce: 8 },
  batch: { args: ["--max-batch-size", "8"], atOnce: 8 },
  parts: { args: [], atOnce: 1 },
};

/** The names of the modes. */
export const STRESS_MODES: readonly string[] = Object.keys(MODES);

/** The parameters of one mode's test. */
export interface StressOptions {
  readonly mode: string;
  readonly ms: number;
  /** How often a worker is killed, in ms. @default {@linkcode KILL_EVERY} */
  readonly killEvery?: number;
  /** The executable, and the Python of its workers. */
  readonly bin: string;
  readonly python: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The result of one mode's test. */
export interface StressReport {
  readonly sent: number;
  readonly answered: number;
  readonly refused: number;
  /** Requests with a 502 or a truncated answer: a worker died while it executed them. */
  readonly executing: number;
  readonly left: number;
  readonly wrong: number;
  readonly lost: number;
  readonly twice: number;
  readonly kills: number;
  readonly stops: number;
  readonly reloads: number;
  /** Descriptions of all faults. */
  readonly faults: readonly string[];
}

/**
 * Prints the outcomes of all requests.
 *
 * @param words the minutes for each mode (default 5), and the modes (default all)
 * @throws {Error} if an answer was wrong or missing, a request was executed twice or lost without a worker's death, or a process or file is left
 */
export async function stress([minutes = `${MINUTES}`, ...names]: readonly string[]): Promise<void> {
  const ms = Number(minutes) * 60_000;
  if (!(ms > 0)) throw new Error(`Can't load a server for '${minutes}' minutes: give a number above 0.`);
  const unknown = names.find((name) => !Object.hasOwn(MODES, name));
  if (unknown !== undefined) throw new Error(`There is no mode '${unknown}': ${STRESS_MODES.join(", ")}.`);
  const python = await makeVenv(`${ROOT}/.cache/bench/plain`, "");
  const faults: string[] = [];
  console.log(
    "mode         sent   answered  refused executing     left    wrong     lost    twice  kills  stops reloads",
  );
  for (const mode of names.length > 0 ? names : STRESS_MODES) {
    const report = await stressMode({ mode, ms, bin: `${ROOT}/dist/aimodellib`, python });
    const { sent, answered, refused, executing, left, wrong, lost, twice, kills, stops, reloads } = report;
    const counts = [refused, executing, left, wrong, lost, twice].map((count) => `${count}`.padStart(8)).join(" ");
    const events = [kills, stops, reloads].map((count) => `${count}`.padStart(6)).join(" ");
    console.log(`${mode.padEnd(7)} ${`${sent}`.padStart(9)} ${`${answered}`.padStart(10)} ${counts} ${events}`);
    faults.push(...report.faults.map((fault) => `${mode}: ${fault}`));
  }
  if (faults.length > 0) throw new Error(`This does not hold:\n${faults.join("\n")}`);
}

/**
 * Loads a server in one mode.
 *
 * @throws {Error} if the server does not start, or ends by itself
 */
export async function stressMode(options: StressOptions): Promise<StressReport> {
  const folder = Deno.makeTempDirSync({ prefix: "stress-" });
  try {
    return await run(options, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function run(
  { mode, ms, killEvery = KILL_EVERY, bin, python, env }: StressOptions,
  folder: string,
): Promise<StressReport> {
  const { args, atOnce } = MODES[mode]!;
  const [port, executedPath] = [freePort(), `${folder}/executed`];
  Deno.mkdirSync(`${folder}/tmp`);
  await using server = new Server({
    command: bin,
    // deno-fmt-ignore
    args: [
      "serve", "--python", python, "--port", `${port}`, "--workers", `${WORKERS}`, "--max-restarts", "1000000",
      "--run-dir", folder, "--log-dir", "logs", ...args, SCRIPTS, "serve.py", folder,
    ],
    cwd: folder,
    env: { ...env, TMPDIR: `${folder}/tmp`, STRESS_MODE: mode, STRESS_EXECUTED: executedPath },
  });
  const url = `http://127.0.0.1:${port}/invocations`;
  await until(server, async () => {
    const { status, body } = await fetch(url, { method: "POST", body: "0 0 0\n" });
    await body?.cancel();
    return status === 200;
  });

  using clients = new Clients(url, CLIENTS);
  const events = await torment(server, ms, killEvery);
  await clients.stop(SETTLE_LIMIT);

  const family = tree(server.pid);
  server.kill("SIGTERM");
  const { code } = await server.status;
  const processes = family.filter(isAlive);
  const files = [...Deno.readDirSync(`${folder}/tmp`)].map(({ name }) => name);
  const mistakes = mistakesIn(folder);
  const executed = Deno.readTextFileSync(executedPath).trimEnd().split("\n").map(Number);
  const once = new Set(executed);
  const twice = executed.length - once.size;
  const { fates, lost, sent } = clients;
  const unexecuted = clients.answered.filter((number) => !once.has(number));
  const refused = clients.refused.filter((number) => once.has(number));
  const faults = [
    fates.wrong > 0 && `${fates.wrong} answers were wrong: ${clients.faults.join("; ")}`,
    lost > 0 && `${lost} requests were not answered`,
    twice > 0 && `${twice} requests were executed twice`,
    unexecuted.length > 0 && `${unexecuted.length} requests were answered and not executed`,
    refused.length > 0 && `${refused.length} requests were refused and executed`,
    fates.executing > events.kills * atOnce && `${fates.executing} requests were lost by ${events.kills} kills`,
    fates.answered === 0 && "nothing was answered",
    code !== 0 && `the server ended with ${code}`,
    processes.length > 0 && `processes are left: ${processes.join(", ")}`,
    files.length > 0 && `files are left: ${files.join(", ")}`,
    mistakes.length > 0 && `the log has ${mistakes.length} mistakes: ${mistakes[0]}`,
  ].filter((fault) => fault !== false);
  return { sent, ...fates, lost, twice, ...events, faults };
}

/** Stops, kills and reloads a server for so many ms, and counts each. */
async function torment(
  server: Server,
  ms: number,
  killEvery: number,
): Promise<Pick<StressReport, "kills" | "stops" | "reloads">> {
  let [kills, stops, reloads] = [0, 0, 0];
  const began = performance.now();
  let [killAt, reloadAt] = [killEvery, RELOAD_EVERY];
  for (let now = 0; now < ms; now = performance.now() - began) {
    if (server.ended) throw new Error("The server ended by itself.");
    await pause(RUNS_FOR);
    if (now >= reloadAt) {
      reloadAt = now + RELOAD_EVERY;
      server.kill("SIGHUP");
      reloads++;
    }
    // Kill a worker either while the server runs or while it is stopped.
    const early = Math.random() < 0.5;
    const kill = now >= killAt && children(server.pid).length >= WORKERS;
    if (kill) killAt = now + killEvery * (0.5 + Math.random());
    if (kill && early && killOne(server.pid)) kills++;
    server.kill("SIGSTOP");
    stops++;
    try {
      if (kill && !early && killOne(server.pid)) kills++;
      await pause(STOPPED_FOR);
    } finally {
      server.kill("SIGCONT");
    }
  }
  return { kills, stops, reloads };
}

/** Waits for a random time. */
async function pause([least, spread]: readonly [number, number]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, least + Math.random() * spread));
}
