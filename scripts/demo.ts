/**
 * Trains `examples/digits`, packages it with its model, serves the archive, and sends it one request: `scripts/deno task demo`. With
 * `--once`, it ends after the answer.
 */

import { build } from "./build.ts";
import { hostTarget } from "./build/targets.ts";
import { ROOT } from "./project.ts";
import { messageOf } from "../src/errors.ts";

const BIN = `${ROOT}/dist/aimodellib`;
const EXAMPLE = `${ROOT}/examples/digits`;
const MODEL = `${ROOT}/.cache/demo/model`;
/** Relative to the repository, since the commands are shown. */
const ARCHIVE = ".cache/demo/digits.tar.gz";
const HOST = "127.0.0.1";
const FIRST_PORT = 8080;

/** How long the model may take to load, in ms. */
const LOAD_TIMEOUT = 30_000;

/**
 * Runs the demo.
 *
 * @param once whether to end after the answer
 * @returns the exit code
 * @throws {Error} if the build fails, or the example does not answer as expected
 */
async function demo(once: boolean): Promise<number> {
  await build(ROOT, [{ target: hostTarget(), file: "aimodellib" }]);
  Deno.mkdirSync(MODEL, { recursive: true });
  await show("train", "examples/digits", "train.py", ".cache/demo/model");
  await show("package", "--module-dir", "examples/digits", "--model-dir", ".cache/demo/model", "--output", ARCHIVE);
  const port = String(freePort());
  const server = start("serve", "--host", HOST, "--port", port, "--run-dir", ".cache/demo", ARCHIVE);
  const stop = () => server.kill("SIGTERM");
  // The terminal sends Ctrl+C to the server as well; a signal that was sent to this process alone is passed on here.
  const ignore = () => {};
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", Deno.stdin.isTerminal() ? ignore : stop);
  try {
    const url = `http://${HOST}:${port}`;
    await untilReady(`${url}/ping`, server.status);
    await ask(`${url}/invocations`);
    if (!once) console.log(instructions(url));
    else stop();
    return (await server.status).code;
  } catch (error) {
    stop();
    await server.status;
    throw error;
  }
}

/** Runs the executable to its end, and shows the command and its output. */
async function show(...args: string[]): Promise<void> {
  const { success } = await start(...args).status;
  if (!success) throw new Error(`The demo stops here: 'aimodellib ${args[0]}' failed; see above.`);
}

function start(...args: string[]): Deno.ChildProcess {
  console.log(`\n$ dist/aimodellib ${args.join(" ")}`);
  return new Deno.Command(BIN, { args, cwd: ROOT, stdin: "null" }).spawn();
}

function freePort(): number {
  for (let port = FIRST_PORT; port < FIRST_PORT + 100; port++) {
    try {
      Deno.listen({ hostname: HOST, port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`No port from ${FIRST_PORT} to ${FIRST_PORT + 99} is free on ${HOST}: end what uses them.`);
}

async function untilReady(url: string, ended: Promise<Deno.CommandStatus>): Promise<void> {
  let isRunning = true;
  ended.then(() => isRunning = false);
  const deadline = Date.now() + LOAD_TIMEOUT;
  while (isRunning && Date.now() < deadline) {
    const status = await fetch(url).then(async (response) => {
      await response.body?.cancel();
      return response.status;
    }, () => 0); // it does not listen yet
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(isRunning ? `The model was not loaded in ${LOAD_TIMEOUT / 1000} s.` : "The server ended; see above.");
}

async function ask(url: string): Promise<void> {
  const body = Deno.readTextFileSync(`${EXAMPLE}/sample.json`);
  const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const answer = await response.text();
  if (!response.ok) throw new Error(`The server answered ${response.status}: ${answer}`);
  const [{ digit, probability }] = JSON.parse(answer).outputs;
  console.log(`\nexamples/digits/sample.json is read as a ${digit}, with a probability of ${probability}.`);
}

function instructions(url: string): string {
  return `
Try it from another terminal, in this folder:

  curl -H 'Content-Type: application/json' --data-binary @examples/digits/sample.json ${url}/invocations
  curl -H 'Content-Type: text/csv' --data-binary @examples/digits/sample.csv ${url}/invocations

Open ${url}/ in a browser to try it there. Ctrl+C ends it.
`;
}

if (import.meta.main) {
  const words = Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args;
  if (words.some((word) => word !== "--once")) {
    console.error(`There is no option '${words.find((word) => word !== "--once")}': there is only --once.`);
    Deno.exit(2);
  }
  try {
    Deno.exit(await demo(words.length > 0));
  } catch (error) {
    console.error(messageOf(error));
    Deno.exit(1);
  }
}
