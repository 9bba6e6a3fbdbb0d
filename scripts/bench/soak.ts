/**
 * Loads a server at 80 % of what it can do while a worker is killed every 5 s, the code is reloaded every minute, and clients leave;
 * counts what became of each request, and watches memory, file descriptors, and what is left when it has ended.
 */

import { ROOT } from "../project.ts";
import { makeVenv } from "../venv.ts";
import { descriptors, freePort, memory, Server, tree } from "./processes.ts";

const BIN = `${ROOT}/dist/aimodellib`;
const SCRIPTS = `${ROOT}/scripts/bench/soak`;
const MINUTES = 10;
const WORKERS = 2;
/** Of what was measured before. */
const SHARE = 0.8;
const KILL_EVERY = 5_000;
const RELOAD_EVERY = 60_000;
const LOOK_EVERY = 30_000;
/** One request of so many is left by its client before its answer. */
const LEAVES = 50;
/** Pauses between requests are cut into pieces of so many ms. */
const TICK = 5;

/** What became of a request. */
type Fate =
  /** The right answer. */
  | "answered"
  /** 503: turned away before its execution. */
  | "refused"
  /** 502: its worker was killed while executing it. */
  | "executing"
  /** Its client left. */
  | "left"
  /** Anything else, which is a fault. */
  | "wrong";

/**
 * Prints what became of all requests.
 *
 * @param words how many minutes, if not ten
 * @throws {Error} if a request was lost or answered wrongly, or a process is left
 */
export async function soak([minutes = `${MINUTES}`]: readonly string[]): Promise<void> {
  const limit = Number(minutes) * 60_000;
  if (!(limit > 0)) throw new Error(`Can't load a server for '${minutes}' minutes: give a number above 0.`);
  const python = await makeVenv(`${ROOT}/.cache/bench/plain`, "");
  const port = freePort();
  const url = `http://127.0.0.1:${port}/invocations`;
  await using server = new Server({
    command: BIN,
    // deno-fmt-ignore
    args: [
      "serve", "--python", python, "--port", `${port}`, "--workers", `${WORKERS}`, "--max-restarts", "100000",
      "--queue-size", "500", SCRIPTS, "serve.py", SCRIPTS,
    ],
    cwd: SCRIPTS,
  });
  await untilAnswer(url, server);
  await capacity(url, 3_000); // code gets compiled
  const most = await capacity(url, 10_000);
  const rate = most * SHARE;
  console.log(
    `${most.toFixed(0)} requests/s at most with ${WORKERS} workers; ${rate.toFixed(0)}/s for ${minutes} minutes`,
  );
  console.log("   s       sent   answered    refused  executing       left      wrong  MiB  files");

  const fates: Record<Fate, number> = { answered: 0, refused: 0, executing: 0, left: 0, wrong: 0 };
  const faults = new Set<string>();
  const open = new Set<Promise<void>>();
  let sent = 0;
  let killed = 0;
  let reloaded = 0;
  const began = performance.now();
  let killAt = KILL_EVERY, reloadAt = RELOAD_EVERY, lookAt = LOOK_EVERY;
  const look = () => {
    const seconds = ((performance.now() - began) / 1e3).toFixed(0).padStart(4);
    const counts = [sent, ...Object.values(fates)].map((count) => `${count}`.padStart(10)).join(" ");
    const files = `${descriptors(server.pid)}`.padStart(5);
    console.log(`${seconds} ${counts} ${memory(server.pid).toFixed(0).padStart(4)}  ${files}`);
  };
  for (let now = 0; now < limit; now = performance.now() - began) {
    if (server.ended) throw new Error("The server ended by itself.");
    for (; sent < now * rate / 1e3; sent++) {
      const request = ask(url, sent).then(([fate, said]) => {
        fates[fate]++;
        if (fate === "wrong" && faults.size < 5) faults.add(said);
        open.delete(request);
      });
      open.add(request);
    }
    if (now >= killAt) {
      killAt += KILL_EVERY;
      killed++;
      setTimeout(() => killOne(server.pid), Math.random() * 2 * TICK); // at no certain time after requests were sent
    }
    if (now >= reloadAt) {
      reloadAt += RELOAD_EVERY;
      server.kill("SIGHUP");
      reloaded++;
    }
    if (now >= lookAt) {
      lookAt += LOOK_EVERY;
      look();
    }
    await new Promise((resolve) => setTimeout(resolve, TICK));
  }
  await Promise.race([Promise.all(open), new Promise((resolve) => setTimeout(resolve, 60_000))]);
  look();
  const family = tree(server.pid);
  server.kill("SIGTERM");
  const { code } = await server.status;
  const remaining = family.filter((pid) => isAlive(pid));
  console.log(`${killed} workers killed, ${reloaded} reloads; exit ${code}; processes left: ${remaining.length}`);
  const lost = sent - Object.values(fates).reduce((sum, count) => sum + count, 0);
  console.log(
    `${sent} sent = ${Object.entries(fates).map(([fate, count]) => `${count} ${fate}`).join(" + ")} + ${lost} lost`,
  );
  if (lost > 0 || fates.wrong > 0 || remaining.length > 0 || code !== 0) {
    throw new Error(`Not every request was answered or counted. ${[...faults].join("\n")}`);
  }
}

/** Sends request number `n`, and checks that the answer is its own. */
async function ask(url: string, n: number): Promise<[Fate, string]> {
  const client = new AbortController();
  const leaves = n % LEAVES === 0;
  const timer = leaves ? setTimeout(() => client.abort(), Math.random() * 20) : undefined;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"inputs":[${n},1]}`,
      signal: client.signal,
    });
    const text = await response.text();
    if (response.status === 502) return ["executing", text];
    if (response.status === 503) return ["refused", text];
    const right = response.status === 200 && text === `{"outputs": [${2 * n}, 2]}`;
    return [right ? "answered" : "wrong", `${response.status}: ${text.slice(0, 300)}`];
  } catch (error) {
    return [client.signal.aborted ? "left" : "wrong", `${error}`];
  } finally {
    clearTimeout(timer);
  }
}

/** Requests a second that are answered when each client sends its next at once. */
async function capacity(url: string, ms: number): Promise<number> {
  const began = performance.now();
  let answered = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (performance.now() - began < ms) {
      if ((await ask(url, 1))[0] !== "answered") {
        throw new Error("The server did not answer while its capacity was measured.");
      }
      answered++;
    }
  }));
  return answered / (performance.now() - began) * 1e3;
}

async function untilAnswer(url: string, server: Server): Promise<void> {
  while (true) {
    const [fate, said] = await ask(url, 1);
    if (fate === "answered") return;
    if (server.ended || performance.now() - server.started > 30_000) {
      throw new Error(`The server did not start: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Kills one of a server's workers, as the system does when memory is short. */
function killOne(server: number): void {
  const workers = tree(server).slice(1);
  const victim = workers[Math.floor(Math.random() * workers.length)];
  if (victim !== undefined) Deno.kill(victim, "SIGKILL");
}

function isAlive(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}
