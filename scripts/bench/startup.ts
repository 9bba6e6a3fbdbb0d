/**
 * Measures the time to print help, and the time from the start of the process to the first right answer. The latter is compared with
 * FastAPI on uvicorn, in turns, which lets other work on the machine affect both.
 */

import { runOrThrow } from "../build/process.ts";
import { ROOT } from "../project.ts";
import { makeVenv } from "../venv.ts";
import { median } from "./numbers.ts";
import { UVICORN } from "./peers.ts";
import { freePort } from "./processes.ts";

const ROUNDS = 15;
const BIN = `${ROOT}/dist/aimodellib`;
const ECHO = `${ROOT}/scripts/bench/echo`;

/** How long a server may take to give the first answer, in ms. */
const LIMIT = 30_000;

/**
 * Prints the medians, their spread, and the ratio.
 *
 * @throws {Error} if a server can't be installed, or gives a wrong answer
 */
export async function startup(): Promise<void> {
  const python = await makeVenv(`${ROOT}/.cache/bench/fastapi`, UVICORN);
  const help: number[] = [];
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const port = freePort();
    const started = performance.now();
    await runOrThrow("print help", BIN, ["--help"]);
    const helped = performance.now() - started;
    const served = await firstAnswer(port, BIN, [
      "serve",
      "--python",
      python,
      "--port",
      `${port}`,
      ECHO,
      "serve.py",
      ECHO,
    ]);
    // deno-fmt-ignore
    const peer = await firstAnswer(port, python, [
      "-m", "uvicorn", "--app-dir", ECHO, "--port", `${port}`, "--log-level", "warning", "fastapi_app:app",
    ]);
    if (round < 0) continue; // files are read from the disk for the first time
    help.push(helped);
    ours.push(served);
    theirs.push(peer);
  }
  console.log(`${ROUNDS} rounds; median (fastest to slowest), in ms`);
  console.log(`aimodellib --help                      ${describe(help)}`);
  console.log(`first answer, aimodellib serve         ${describe(ours)}`);
  console.log(`first answer, FastAPI on uvicorn       ${describe(theirs)}`);
  console.log(
    `aimodellib / FastAPI, median of pairs  ${median(ours.map((ms, i) => ms / (theirs[i] ?? NaN))).toFixed(2)}`,
  );
}

/** Starts a server, waits for its first right answer, and ends it. @returns the time from start to answer, in ms */
async function firstAnswer(port: number, command: string, args: string[]): Promise<number> {
  const started = performance.now();
  const server = new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  try {
    while (performance.now() - started < LIMIT) {
      const answer = await fetch(`http://127.0.0.1:${port}/invocations`, { method: "POST", body: "ping" })
        .then(async (response) => ({ ok: response.ok, text: await response.text() }), () => undefined);
      if (answer?.ok) {
        if (answer.text !== "ping") throw new Error(`'${command}' answered '${answer.text}' to 'ping'.`);
        return performance.now() - started;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    throw new Error(`'${command} ${args.join(" ")}' gave no answer in ${LIMIT / 1000} s: run it to see why.`);
  } finally {
    server.kill("SIGTERM");
    await server.status;
  }
}

function describe(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map((ms) => ms.toFixed(0));
  return `${median(values).toFixed(0).padStart(5)} (${least} to ${most})`;
}
