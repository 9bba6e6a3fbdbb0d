/**
 * Measures how requests per second grow with the number of workers, beside what a model predicts from the processor time of a
 * request. The HTTP process and each worker need a processor, and so does wrk: on a machine with fewer, processors are the limit.
 */

import { ROOT } from "../project.ts";
import { capacity } from "./capacity.ts";
import { Loaded, type LoadedOptions, type Turn } from "./loaded.ts";
import { median } from "./numbers.ts";

const BIN = `${ROOT}/dist/aimodellib`;
const DEFAULT = ["1", "2", "4"];
/** The processor time of `predict`, in µs. */
const WORKS = [0, 200, 1000];
/** The lengths of bodies, in bytes. */
const LENGTHS = [20, 64 * 1024];
/** How many turns each row has; a turn takes a second. */
const TURNS = 4;
/** Connections for each worker: enough that none waits for its next request. */
const CONNECTIONS = 8;

/**
 * Prints a row for each number of workers, time of `predict` and length of the body.
 *
 * @param words the numbers of workers; by default 1, 2 and 4
 * @throws {Error} if a word is not a number of workers, wrk is missing, or a server fails
 */
export async function workers(words: readonly string[]): Promise<void> {
  const counts = (words.length > 0 ? words : DEFAULT).map((word) => {
    if (!/^[1-9]\d{0,2}$/.test(word)) throw new Error(`'${word}' is not a number of workers: use for example 1 2 4.`);
    return Number(word);
  });
  const line = (columns: readonly string[]) => console.log(columns.map((column) => column.padStart(14)).join(""));
  console.log(`\nworkers: medians of ${TURNS} turns; the prediction is from the row with the most workers and no work`);
  for (const length of LENGTHS) {
    console.log(`\nbodies of ${length} bytes`);
    line(["predict us", "workers", "requests/s", "predicted", "ratio", "HTTP us", "worker us", "limit"]);
    const file = Deno.makeTempFileSync({ prefix: "aimodellib-bench-" });
    const folder = Deno.makeTempDirSync({ prefix: "aimodellib-bench-" });
    try {
      Deno.writeTextFileSync(file, "x".repeat(length));
      const cost = await measure(Math.max(...counts), 0, file, folder);
      for (const predict of WORKS) {
        for (const count of counts) {
          const { rate, http, workers } = await measure(count, predict, file, folder);
          const { rate: predicted, limit } = capacity({
            http: cost.http,
            worker: cost.workers,
            predict,
            workers: count,
            processors: navigator.hardwareConcurrency - 1, // wrk has one
          });
          // deno-fmt-ignore
          line([
            `${predict}`, `${count}`, rate.toFixed(0), predicted.toFixed(0), (rate / predicted).toFixed(2), http.toFixed(1), workers.toFixed(1), limit,
          ]);
        }
      }
    } finally {
      Deno.removeSync(file);
      Deno.removeSync(folder, { recursive: true });
    }
  }
}

/** Returns the medians of a server's turns. */
async function measure(count: number, predict: number, body: string, folder: string): Promise<Turn> {
  const options: LoadedOptions = {
    executable: BIN,
    args: ["--workers", `${count}`],
    env: { BENCH_PREDICT_MICROSECONDS: `${predict}` },
    post: { contentType: "application/octet-stream", body },
    connections: Math.max(32, CONNECTIONS * count),
    script: "busy.py",
    folder,
  };
  await using server = new Loaded(options);
  await server.start();
  const turns: Turn[] = [];
  for (let i = 0; i < TURNS; i++) turns.push(await server.turn());
  return {
    rate: median(turns.map(({ rate }) => rate)),
    http: median(turns.map(({ http }) => http)),
    workers: median(turns.map(({ workers }) => workers)),
  };
}
