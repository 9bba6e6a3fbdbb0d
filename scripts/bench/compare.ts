/**
 * Compares two executables of aimodellib. Both serve the same script and are loaded in turns: other work on the machine affects both.
 *
 * On a shared machine, a rate says little. The CPU time per request says more, but it varies with the machine's state, and with the
 * layout and compilation of the code in one run. Therefore turns are short, each round starts both executables again, and the interval
 * is computed from whole rounds.
 */

import { Loaded, type Turn } from "./loaded.ts";
import { interval, median } from "./numbers.ts";
import type { Post } from "./wrk.ts";

/** The kinds of work: what is sent, and over how many connections. */
const WORKS = {
  echo: { connections: 32, body: '{"inputs":[1,2,3,4]}', contentType: "application/json" },
  bytes: { connections: 4, body: "x".repeat(1 << 20), contentType: "application/octet-stream" },
} as const;

const ROUNDS = 5;
/** How many turns each executable has in a round. */
const TURNS = 12;

type Pair = readonly [old: Turn, new: Turn];

/** The lines of the result. */
const FIGURES: readonly [name: string, of: (turn: Turn) => number][] = [
  ["requests/s", ({ rate }) => rate],
  ["CPU us/request", ({ http, workers }) => http + workers],
  ["  of the server", ({ http }) => http],
  ["  of its worker", ({ workers }) => workers],
];

/**
 * Prints medians of both, and the ratio of the new to the old with its 95 % interval.
 *
 * @param words the old and the new executable; then, optionally, a kind of work
 * @throws {Error} if one of them can't be run, or answers with an error
 */
export async function compare(words: readonly string[]): Promise<void> {
  const [before, after, ...names] = words;
  const unknown = names.find((name) => !Object.hasOwn(WORKS, name));
  if (before === undefined || after === undefined || unknown !== undefined) {
    throw new Error(
      `${unknown === undefined ? "Two executables are compared" : `There is no work '${unknown}' to measure`}: ` +
        `scripts/deno task bench -- compare OLD NEW [${Object.keys(WORKS).join(" | ")}]`,
    );
  }
  for (const name of (names.length === 0 ? ["echo"] : names) as (keyof typeof WORKS)[]) {
    const { connections, body, contentType } = WORKS[name];
    console.log(`\n${name}: ${connections} connections, ${ROUNDS} rounds of ${TURNS} turns each`);
    const folder = Deno.makeTempDirSync({ prefix: "aimodellib-bench-" });
    try {
      const post = { contentType, body: `${folder}/body` };
      Deno.writeTextFileSync(post.body, body);
      const rounds: Pair[][] = [];
      for (let i = 0; i < ROUNDS; i++) rounds.push(await round([before, after], post, connections, folder));
      print(rounds);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }
}

/** Starts both executables, and loads them in turns. */
async function round(
  [before, after]: readonly [string, string],
  post: Omit<Post, "url">,
  connections: number,
  folder: string,
): Promise<Pair[]> {
  await using older = new Loaded({ executable: before, post, connections, folder });
  await using newer = new Loaded({ executable: after, post, connections, folder });
  for (const one of [older, newer]) await one.start();
  const pairs: Pair[] = [];
  for (let i = 0; i < TURNS; i++) {
    // Alternate which one goes first.
    if (i % 2 === 0) pairs.push([await older.turn(), await newer.turn()]);
    else {
      const turn = await newer.turn();
      pairs.push([await older.turn(), turn]);
    }
  }
  return pairs;
}

function print(rounds: readonly Pair[][]): void {
  const row = (...columns: readonly string[]) =>
    console.log(columns.map((column, i) => i === 0 ? column.padEnd(18) : column.padStart(10)).join(""));
  row("", "old", "new", "new/old", "   95 % interval");
  for (const [name, of] of FIGURES) {
    const all = rounds.flat();
    const ratios = rounds.map((pairs) => pairs.map(([before, after]) => of(after) / of(before)));
    const { low, high } = interval(ratios);
    row(
      name,
      median(all.map(([before]) => of(before))).toFixed(1),
      median(all.map(([, after]) => of(after))).toFixed(1),
      median(ratios.flat()).toFixed(3),
      `   ${low.toFixed(3)} to ${high.toFixed(3)}`,
    );
  }
}
