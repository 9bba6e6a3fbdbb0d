/**
 * Loads a server while workers are killed, its code is reloaded, and clients disconnect. Meanwhile `soak/hostile.py` resets, stalls and
 * half-closes connections, sends expensive V2 bodies, and makes scripts fail. Counts the outcome of each request, and watches health,
 * memory, file descriptors, and what the server leaves at its end.
 */

import { makeCertificate } from "./certificate.ts";
import { ROOT } from "../project.ts";
import { makeVenv } from "../venv.ts";
import { descriptors, freePort, memory, residentMemory, Server, tree } from "./processes.ts";
import { Series } from "./soak/flat.ts";
import { type Health, Helper, type Hostile } from "./soak/helper.ts";
import { ask, capacity, Load } from "./soak/load.ts";
import { isAlive, killOne, mistakesIn, until } from "./soak/server.ts";

const BIN = `${ROOT}/dist/aimodellib`;
const SCRIPTS = `${ROOT}/scripts/bench/soak`;
const MINUTES = 10;
const WORKERS = 2;
/** The load as a share of the measured capacity. The hostile clients, on the same CPUs, need the rest. */
const SHARE = 0.5;
/** The most unanswered requests; above it, no more are sent. */
const MOST_OPEN = 256;
const KILL_EVERY = 5_000;
const RELOAD_EVERY = 30_000;
const LOOK_EVERY = 30_000;
const SAMPLE_EVERY = 500;
/** The resolution of pauses between requests, in ms. */
const TICK = 5;
/** The servers' `--read-timeout`, in seconds. */
const READ_TIMEOUT = 5;
/** More additional descriptors than these are a leak, once all clients have disconnected. */
const DESCRIPTORS_LEFT = 8;

/**
 * Prints the outcomes of all requests.
 *
 * @param words the number of minutes, by default ten
 * @throws {Error} if a request was lost or answered wrongly, a health check took longer than a second, memory or descriptors grow, or a process is left
 */
export async function soak([minutes = `${MINUTES}`]: readonly string[]): Promise<void> {
  const limit = Number(minutes) * 60_000;
  if (!(limit > 0)) throw new Error(`Can't load a server for '${minutes}' minutes: give a number above 0.`);
  const python = await makeVenv(`${ROOT}/.cache/bench/plain`, "");
  const folder = Deno.makeTempDirSync({ prefix: "soak-" });
  try {
    await run(limit, python, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function run(limit: number, python: string, folder: string): Promise<void> {
  const [port, tlsPort] = [freePort(), await makeCertificate(folder) ? freePort() : 0];
  const start = (port: number, ...more: string[]) =>
    new Server({
      command: BIN,
      // deno-fmt-ignore
      args: [
        "serve", "--python", python, "--port", `${port}`, "--max-restarts", "100000", "--queue-size", "500",
        "--read-timeout", `${READ_TIMEOUT}`, "--run-dir", folder, "--log-dir", `logs-${port}`, ...more, SCRIPTS, "serve.py", SCRIPTS,
      ],
      cwd: folder,
    });
  const url = `http://127.0.0.1:${port}/invocations`;
  await using server = start(port, "--workers", `${WORKERS}`);
  await untilAnswer(url, server);
  await using tlsServer = tlsPort === 0
    ? undefined
    : start(tlsPort, "--tls-cert", `${folder}/cert.pem`, "--tls-key", `${folder}/key.pem`);
  if (tlsServer === undefined) console.log("There is no openssl to make a certificate: TLS is left out.");
  else await untilListening(tlsPort, tlsServer);
  await capacity(url, 3_000); // code gets compiled
  const most = await capacity(url, Math.min(10_000, limit / 4));
  const rate = most * SHARE;
  console.log(
    `${most.toFixed(0)} requests/s at most with ${WORKERS} workers; ${rate.toFixed(0)}/s for ${limit / 60_000} minutes`,
  );
  console.log("   s       sent   answered    refused  executing       left      wrong  MiB  files");
  const before = await settledDescriptors(server.pid);

  const ports = [`${port}`, ...(tlsPort === 0 ? [] : [`${tlsPort}/tls`])];
  using prober = new Helper<Health>(python, `${SCRIPTS}/health.py`, ...ports);
  using crowd = new Helper<Hostile>(
    python,
    `${SCRIPTS}/hostile.py`,
    `${port}`,
    `${tlsPort}`,
    `${READ_TIMEOUT}`,
    "soak",
  );
  using load = new Load(url);
  const series = [
    [new Series("MiB of the process that speaks HTTP", { share: 0.15, number: 16 }), residentMemory],
    [new Series("descriptors of it", { share: 0.25, number: 16 }), (pid: number) => descriptors(pid, false)],
  ] as const;
  let [killed, reloaded, credit, last] = [0, 0, 0, 0];
  const began = performance.now();
  const look = () => {
    const seconds = ((performance.now() - began) / 1e3).toFixed(0).padStart(4);
    const counts = [load.sent, ...Object.values(load.fates)].map((count) => `${count}`.padStart(10)).join(" ");
    const files = `${descriptors(server.pid)}`.padStart(5);
    console.log(`${seconds} ${counts} ${memory(server.pid).toFixed(0).padStart(4)}  ${files}`);
  };
  const timetable: [every: number, at: number, what: () => void][] = [
    [KILL_EVERY, KILL_EVERY, () => {
      killed++;
      setTimeout(() => killOne(server.pid), Math.random() * 2 * TICK); // at a random time after requests were sent
    }],
    [RELOAD_EVERY, RELOAD_EVERY, () => {
      reloaded++;
      server.kill("SIGHUP");
      tlsServer?.kill("SIGHUP");
    }],
    [SAMPLE_EVERY, SAMPLE_EVERY, () => series.forEach(([each, measure]) => each.add(measure(server.pid)))],
    [LOOK_EVERY, LOOK_EVERY, look],
  ];
  for (let now = 0; now < limit; now = performance.now() - began) {
    if (server.ended || tlsServer?.ended) throw new Error("A server ended by itself.");
    // Requests that could not be sent in time are dropped: to catch up would exceed the rate.
    credit = Math.min(credit + (now - last) * rate / 1e3, rate / 10);
    last = now;
    for (; credit >= 1 && load.open < MOST_OPEN; credit--) load.send();
    for (const entry of timetable) {
      if (now < entry[1]) continue;
      entry[1] += entry[0];
      entry[2]();
    }
    await new Promise((resolve) => setTimeout(resolve, TICK));
  }
  const { counts, faults } = await crowd.end();
  await load.settle(60_000);
  const health = await prober.end();
  look();
  load[Symbol.dispose]();

  const left = await untilFew(server.pid, before + DESCRIPTORS_LEFT);
  const family = [server, tlsServer].flatMap((one) => one === undefined ? [] : tree(one.pid));
  server.kill("SIGTERM");
  tlsServer?.kill("SIGTERM");
  const codes = [(await server.status).code, (await tlsServer?.status)?.code ?? 0];
  const remaining = family.filter((pid) => isAlive(pid));
  const mistakes = mistakesIn(folder);
  const { fates, lost, sent } = load;
  const deaths = killed + (counts["deaths"] ?? 0);

  console.log(`${killed} workers killed, ${counts["deaths"] ?? 0} ended by their scripts, ${reloaded} reloads`);
  console.log(`${sent} sent = ${Object.entries(fates).map(([fate, n]) => `${n} ${fate}`).join(" + ")} + ${lost} lost`);
  console.log(`hostile clients: ${Object.entries(counts).map(([what, n]) => `${n} ${what}`).join(", ")}`);
  console.log(`health: asked ${health.asked} times, ${(health.worst_s * 1e3).toFixed(0)} ms at the worst`);
  for (const [each] of series) console.log(`${each}`);
  console.log(`descriptors, workers among them: ${before} before the load, ${left} after it`);
  console.log(
    `exit ${codes.join(" and ")}; processes left: ${remaining.length}; mistakes in the logs: ${mistakes.length}`,
  );
  const wrong = [
    lost > 0 && `${lost} requests were lost`,
    fates.wrong > 0 && `${fates.wrong} answers were wrong: ${load.faults.join("; ")}`,
    // A worker executes one request at a time.
    fates.executing > deaths && `${fates.executing} requests were lost by ${deaths} workers that died`,
    faults.length > 0 && `Hostile clients: ${faults.join("; ")}`,
    health.faults.length > 0 && `Health: ${health.faults.join("; ")}`,
    ...series.map(([each]) => !each.growth.isFlat && `${each}`),
    left > before + DESCRIPTORS_LEFT && `${left - before} descriptors are left`,
    remaining.length > 0 && `Processes are left: ${remaining.join(", ")}`,
    codes.some((code) => code !== 0) && `A server ended with ${codes.join(" and ")}`,
    mistakes.length > 0 && `The log has ${mistakes[0]}`,
  ].filter((fault) => fault !== false);
  if (wrong.length > 0) throw new Error(`This does not hold:\n${wrong.join("\n")}`);
}

async function untilAnswer(url: string, server: Server): Promise<void> {
  await until(server, async () => (await ask(url, 1))[0] === "answered");
}

async function untilListening(port: number, server: Server): Promise<void> {
  await until(server, async () => {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  });
}

/** Counts descriptors after the server has had time to close those of disconnected clients. */
async function settledDescriptors(pid: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 500));
  return descriptors(pid);
}

/** Waits until stalled connections are closed and workers are back. @returns the number of descriptors at that time */
async function untilFew(pid: number, most: number): Promise<number> {
  const end = performance.now() + (READ_TIMEOUT + 10) * 1e3;
  while (descriptors(pid) > most && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 200));
  return descriptors(pid);
}
