/**
 * Compares aimodellib with its peers: each serves the same work, one after the other, under load from wrk. Prints requests per second,
 * latencies, the time to the first right answer, memory, and ratios. Noise of the machine is in all figures: compare only those of one
 * run.
 */

import { run } from "../build/process.ts";
import { ROOT } from "../project.ts";
import { makeVenv } from "../venv.ts";
import { freePort, memory, Server, type Start } from "./processes.ts";
import { load, type Post } from "./wrk.ts";
import { messageOf } from "../../src/errors.ts";

const BIN = `${ROOT}/dist/aimodellib`;
const SERVERS = `${ROOT}/scripts/bench/peers`;
const CONNECTIONS = [1, 32, 128];
const SECONDS = 5;

/** How long a server may take to give the first answer, in ms. */
const LIMIT = 90_000;

/** The kinds of work, with their descriptions. */
const WORKS = {
  echo: "20 bytes of JSON, its numbers doubled",
  bytes: "1 MiB back and forth",
  batch: "10 ms for 16 requests at most, 1,600 a second if it loses no time",
} as const;

type Work = keyof typeof WORKS;

/** Where a server listens, and what it runs with. */
interface Site {
  readonly python: string;
  readonly port: number;
  /** An empty folder for this server alone. */
  readonly folder: string;
  readonly work: Work;
}

/** A server that is measured. */
interface Peer {
  readonly name: string;
  /** Its packages, as lines of a requirements.txt; servers with equal lines share an environment. */
  readonly requirements: string;
  /** The paths of its routes, for each kind of work that it supports. */
  readonly paths: Partial<Record<Work, string>>;
  /** The bodies for `echo` and `batch`, if they differ from the list of numbers. */
  readonly bodies?: Partial<Record<Work, string>>;
  start(site: Site): Start;
}

/** The requirements of FastAPI on uvicorn. */
export const UVICORN = "fastapi==0.165.0\nuvicorn[standard]==0.54.0\n";
const NUMBERS = '{"inputs":[1,2,3,4]}';
const TENSOR = '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}';

const PEERS: readonly Peer[] = [
  {
    name: "aimodellib",
    requirements: "",
    paths: { echo: "/invocations", bytes: "/invocations", batch: "/invocations" },
    start: ({ python, port, folder, work }) => ({
      command: BIN,
      // deno-fmt-ignore
      args: [
        "serve", "--python", python, "--port", `${port}`, ...(work === "batch" ? ["--max-batch-size", "16"] : []),
        SERVERS, work === "batch" ? "aimodellib_batch.py" : "aimodellib_echo.py", folder,
      ],
      cwd: folder,
    }),
  },
  {
    name: "FastAPI on uvicorn",
    requirements: UVICORN,
    paths: { echo: "/echo", bytes: "/bytes", batch: "/batch" },
    start: (site) => uvicorn("fastapi_app:app", site),
  },
  {
    name: "bare ASGI on uvicorn",
    requirements: UVICORN,
    paths: { echo: "/echo", bytes: "/bytes" },
    start: (site) => uvicorn("asgi_app:app", site),
  },
  {
    name: "LitServe",
    requirements: "litserve==0.2.19\ntorch==2.13.0\n",
    paths: { echo: "/predict", batch: "/predict" },
    start: ({ python, port, folder, work }) => ({
      command: python,
      args: [`${SERVERS}/litserve_app.py`, `${port}`, work],
      cwd: folder,
    }),
  },
  {
    name: "BentoML",
    requirements: "bentoml==1.4.39\n",
    paths: { echo: "/predict", batch: "/predict" },
    bodies: { batch: '{"inputs":[[1,2,3,4]]}' },
    start: ({ python, port, folder, work }) => ({
      command: python,
      // deno-fmt-ignore
      args: [
        "-m", "bentoml", "serve", `bentoml_service:${work === "echo" ? "Echo" : "Batch"}`, "--working-dir", SERVERS,
        "--host", "127.0.0.1", "--port", `${port}`,
      ],
      cwd: folder,
      env: { BENTOML_DO_NOT_TRACK: "true", BENTOML_HOME: folder },
    }),
  },
  {
    name: "MLServer",
    requirements: "mlserver==1.7.1\n",
    paths: { echo: "/v2/models/m/infer", batch: "/v2/models/m/infer" },
    bodies: { echo: TENSOR, batch: TENSOR },
    start: ({ python, port, folder, work }) => {
      const batches = { max_batch_size: 16, max_batch_time: 0.005 };
      const model = work === "batch"
        ? { name: "m", implementation: "mlserver_model.Batch", ...batches }
        : { name: "m", implementation: "mlserver_model.Echo" };
      // MLServer does not report which port it picks for 0, hence gRPC and metrics get free ports from here.
      const settings = {
        host: "127.0.0.1",
        http_port: port,
        grpc_port: freePort(),
        metrics_endpoint: null,
        parallel_workers: 0,
        debug: false,
      };
      Deno.writeTextFileSync(`${folder}/model-settings.json`, JSON.stringify(model));
      Deno.writeTextFileSync(`${folder}/settings.json`, JSON.stringify(settings));
      return {
        command: python.replace(/python$/, "mlserver"),
        args: ["start", folder],
        cwd: folder,
        env: { PYTHONPATH: SERVERS },
      };
    },
  },
];

function uvicorn(app: string, { python, port, folder }: Site): Start {
  // deno-fmt-ignore
  const args = ["-m", "uvicorn", "--app-dir", SERVERS, "--port", `${port}`, "--no-access-log", "--log-level", "warning", app];
  return { command: python, args, cwd: folder };
}

/** The measurements of one server with one kind of work. */
interface Result {
  /** From the start of the process to the first right answer, in s. */
  readonly cold: number;
  /** Requests per second, by number of connections. */
  readonly rates: ReadonlyMap<number, number>;
}

/**
 * Prints a line for each server, work and number of connections, and the ratios.
 *
 * @param words the kinds of work to measure, by default all
 * @throws {Error} if a server can't be installed or fails; the others are measured nonetheless
 */
export async function peers(words: readonly string[]): Promise<void> {
  const unknown = words.find((word) => !Object.hasOwn(WORKS, word));
  if (unknown !== undefined) {
    throw new Error(`There is no work '${unknown}' to measure: use some of ${Object.keys(WORKS).join(", ")}.`);
  }
  const works = (Object.keys(WORKS) as Work[]).filter((work) => words.length === 0 || words.includes(work));
  await run("wrk", ["--version"]).catch((cause) => {
    throw new Error("The benchmark loads servers with wrk, which is not on PATH: install it (apt-get install wrk).", {
      cause,
    });
  });
  const failures: string[] = [];
  for (const work of works) {
    console.log(`\n${work}: ${WORKS[work]}`);
    console.log(line("", ["connections", "requests/s", "p50 ms", "p99 ms", "errors", "start s", "MiB"]));
    const results = new Map<Peer, Result>();
    for (const peer of PEERS.filter((peer) => peer.paths[work] !== undefined)) {
      try {
        results.set(peer, await measure(peer, work));
      } catch (error) {
        failures.push(`${peer.name}, ${work}: ${messageOf(error)}`);
        console.log(`${peer.name.padEnd(22)} failed, see the end`);
      }
    }
    printRatios(results);
  }
  if (failures.length > 0) throw new Error(`\nNot all could be measured.\n${failures.join("\n")}`);
}

/** Prints the requests per second of the first in proportion to those of the others. */
function printRatios(results: ReadonlyMap<Peer, Result>): void {
  const [ours, ...theirs] = results;
  if (ours === undefined || ours[0] !== PEERS[0]) return;
  const [, { rates: ourRates, cold: ourCold }] = ours;
  for (const [peer, { rates, cold }] of theirs) {
    const ratios = CONNECTIONS.map((connections) =>
      `${((ourRates.get(connections) ?? NaN) / (rates.get(connections) ?? NaN)).toFixed(2)} at ${connections}`
    );
    const start = (ourCold / cold).toFixed(2);
    console.log(`requests/s, aimodellib / ${peer.name}: ${ratios.join(", ")}; time to the first answer: ${start}`);
  }
}

async function measure(peer: Peer, work: Work): Promise<Result> {
  const name = peer.requirements.split("==")[0]?.replace(/\W.*/, "") || "plain";
  const python = await makeVenv(`${ROOT}/.cache/bench/${name}`, peer.requirements);
  const folder = Deno.makeTempDirSync({ prefix: "aimodellib-bench-" });
  try {
    const post = { ...writePost(peer, work, folder), url: "" };
    // Warm the disk cache first, which is not measured.
    await firstAnswer(peer, { python, port: freePort(), folder, work }, post, () => Promise.resolve());
    const rates = new Map<number, number>();
    const cold = await firstAnswer(peer, { python, port: freePort(), folder, work }, post, async (pid, post, cold) => {
      await load(post, 8, 2);
      for (const connections of CONNECTIONS) {
        const { rate, p50, p99, errors } = await load(post, connections, SECONDS);
        rates.set(connections, rate);
        // deno-fmt-ignore
        console.log(line(peer.name, [
          `${connections}`, rate.toFixed(0), p50.toFixed(2), p99.toFixed(2), `${errors}`, cold.toFixed(2), memory(pid).toFixed(0),
        ]));
      }
    });
    return { cold, rates };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Starts a server, waits for its first right answer, calls back, and ends the server. */
async function firstAnswer(
  peer: Peer,
  site: Site,
  body: Post,
  use: (pid: number, post: Post, cold: number) => Promise<void>,
): Promise<number> {
  const post = { ...body, url: `http://127.0.0.1:${site.port}${peer.paths[site.work]}` };
  await using server = new Server(peer.start(site));
  while (performance.now() - server.started < LIMIT) {
    if (server.ended) throw new Error("the server ended before its first answer.");
    const answer = await fetch(post.url, {
      method: "POST",
      headers: { "content-type": post.contentType },
      body: Deno.readFileSync(post.body),
    }).then(async (response) => response.ok ? await response.text() : undefined, () => undefined);
    if (answer !== undefined) {
      const cold = (performance.now() - server.started) / 1e3;
      if (!isRight(answer, site.work)) throw new Error(`the server answered '${answer.slice(0, 200)}'.`);
      await use(server.pid, post, cold);
      return cold;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`the server gave no answer in ${LIMIT / 1e3} s.`);
}

function isRight(answer: string, work: Work): boolean {
  return work === "bytes"
    ? answer.length === BYTES && !/[^x]/.test(answer)
    : /2(\.0)?, ?4(\.0)?, ?6(\.0)?, ?8/.test(answer);
}

/** The length of a body for the work `bytes`. */
const BYTES = 1 << 20;

function writePost(peer: Peer, work: Work, folder: string): Omit<Post, "url"> {
  const body = `${folder}/body`;
  Deno.writeTextFileSync(body, work === "bytes" ? "x".repeat(BYTES) : peer.bodies?.[work] ?? NUMBERS);
  return { contentType: work === "bytes" ? "application/octet-stream" : "application/json", body };
}

function line(name: string, columns: readonly string[]): string {
  return `${name.padEnd(22)}${columns.map((column) => column.padStart(12)).join("")}`;
}
