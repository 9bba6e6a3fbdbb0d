/**
 * Measures the CPU time that a request takes in the process that speaks HTTP. It runs on one core, so a core is busy with 1,000,000 µs
 * divided by this many requests per second; with N workers that take t ms for a request, it is busy when N / t exceeds a thousandth of
 * that.
 */

import { ROOT } from "../project.ts";
import { Loaded, type Turn } from "./loaded.ts";
import { median } from "./numbers.ts";

const BIN = `${ROOT}/dist/aimodellib`;
/** How many turns each kind of request has; a turn takes a second. */
const TURNS = 8;

interface Row {
  readonly name: string;
  readonly body: string;
  readonly connections: number;
  readonly script?: string;
}

const ROWS: readonly Row[] = [
  { name: "20 bytes", body: '{"inputs":[1,2,3,4]}', connections: 32 },
  { name: "64 KiB", body: "x".repeat(64 * 1024), connections: 8 },
  { name: "1 MiB", body: "x".repeat(1024 * 1024), connections: 4 },
  { name: "10 parts of 20 bytes", body: '{"inputs":[1,2,3,4]}', connections: 32, script: "parts.py" },
];

/**
 * Prints a row for each kind of request: the CPU time in the HTTP process and in its worker, and what one core carries.
 *
 * @throws {Error} if wrk is missing, or the server fails
 */
export async function http(): Promise<void> {
  const line = (columns: readonly string[]) =>
    console.log(columns.map((column, i) => i === 0 ? column.padEnd(22) : column.padStart(18)).join(""));
  console.log(`\nhttp: one worker; medians of ${TURNS} turns`);
  line(["a request and its answer", "HTTP us/request", "worker us/request", "requests/s a core"]);
  for (const { name, body, connections, script } of ROWS) {
    const folder = Deno.makeTempDirSync({ prefix: "aimodellib-bench-" });
    try {
      const file = `${folder}/body`;
      Deno.writeTextFileSync(file, body);
      const post = { contentType: "application/octet-stream", body: file };
      await using server = new Loaded({ executable: BIN, post, connections, folder, ...(script && { script }) });
      await server.start();
      const turns: Turn[] = [];
      for (let i = 0; i < TURNS; i++) turns.push(await server.turn());
      const cost = median(turns.map(({ http }) => http));
      const ofWorker = median(turns.map(({ workers }) => workers));
      line([name, cost.toFixed(0), ofWorker.toFixed(0), (1e6 / cost).toFixed(0)]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }
}
