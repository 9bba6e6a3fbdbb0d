/**
 * Searches for requests that reach new code in `src/http/h1/`: `scripts/deno task fuzz -- --seconds 300 --seed 1`.
 *
 * What reaches new code, or a new answer, is changed again. A request that is read differently when it comes in pieces, that gets an
 * answer which no parser gives, or that another server takes for something else, ends the run with 1: make it a case in `corpus.ts`.
 */

import { type Profiler, Session } from "node:inspector";
import { numbers } from "../unit/helper/random.ts";
import { CASES } from "./corpus.ts";
import { mutated } from "./mutations.ts";
import { type Ours, readByOurs } from "./ours.ts";
import { danger } from "./outcome.ts";
import { PEERS } from "./peers.ts";
import { bytesOf, piecesOf } from "./pieces.ts";

/** The number of requests between two readings of the coverage, which take about 2 ms each. */
const BATCH = 40;

/** The longest request that is kept, in bytes. */
const MAX_LENGTH = 3000;

const STATUSES = new Set([200, 400, 413, 414, 417, 431, 501, 505]);

/** The coverage of the code under test since the last reading, as reported by V8. */
class Reached {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  take(): Promise<string[]> {
    return new Promise((resolve, reject) =>
      this.#session.post("Profiler.takePreciseCoverage", (error, { result }) => {
        if (error !== null) reject(error);
        else resolve(result.filter(({ url }) => url.includes("/src/http/h1/")).flatMap(blocksOf));
      })
    );
  }
}

/** Returns executed blocks with their rough counts: once, a few times, many times. */
function blocksOf({ url, functions }: Profiler.ScriptCoverage): string[] {
  return functions.flatMap(({ ranges }) => ranges)
    .filter(({ count }) => count > 0)
    .map(({ startOffset, endOffset, count }) => `${url} ${startOffset} ${endOffset} ${Math.floor(Math.log2(count))}`);
}

/** Describes how a request is misread; undefined if it is read correctly. */
async function faultOf(text: string, ours: Ours, random: Iterator<number>): Promise<string | undefined> {
  const strange = ours.statuses.find((status) => !STATUSES.has(status));
  if (strange !== undefined) return `It is answered ${strange}`;
  const most = 1 + Math.floor(random.next().value * 50);
  const again = await readByOurs(piecesOf(bytesOf(text), random, most));
  return JSON.stringify(again) === JSON.stringify(ours)
    ? undefined
    : `In pieces of up to ${most} bytes it is read differently`;
}

/** Runs for so many ms. @returns the misread requests */
async function fuzz(seconds: number, seed: number): Promise<string[]> {
  const random = numbers(seed);
  const reached = new Reached();
  const seen = new Set<string>();
  const kept = CASES.map(({ sent }) => sent).filter(({ length }) => length < MAX_LENGTH);
  const found: string[] = [];
  let executed = 0;
  /** Reads requests. @returns whether they reached new code or a new answer */
  const isNew = async (texts: readonly string[]) => {
    const before = seen.size;
    for (const text of texts) {
      const ours = await readByOurs([bytesOf(text)]);
      executed++;
      // Quoted parts of messages come from the request.
      seen.add(`${ours.statuses} ${ours.refusal.replace(/'.*'/s, "")}`);
      const fault = await faultOf(text, ours, random);
      if (fault !== undefined) found.push(`${fault}: ${JSON.stringify(text)}`);
    }
    for (const block of await reached.take()) seen.add(block);
    return seen.size > before;
  };
  await isNew(kept);
  const first = kept.length;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end && found.length === 0) {
    const batch = Array.from({ length: BATCH }, () => mutated(kept, random)).filter(({ length }) =>
      length < MAX_LENGTH
    );
    const before = new Set(seen);
    if (!await isNew(batch)) continue;
    const all = new Set(seen);
    // Find the request that reached new code.
    seen.clear();
    for (const one of before) seen.add(one);
    for (const text of batch) if (await isNew([text])) kept.push(text);
    for (const one of all) seen.add(one);
  }
  const added = kept.slice(first);
  console.log(
    `${executed} requests were read; ${added.length} of them reached something new, ${seen.size} things in all`,
  );
  for (const [name, peer] of PEERS) {
    const others = await peer(added.map(bytesOf));
    for (const [i, text] of added.entries()) {
      const difference = danger((await readByOurs([bytesOf(text)])).taken, others[i]!);
      if (difference?.kind === "other") {
        found.push(`Ours takes ${difference.text}, as ${name} does not: ${JSON.stringify(text)}`);
      }
    }
    console.log(`${name} has read what reached something new`);
  }
  return found;
}

if (import.meta.main) {
  const option = (name: string, otherwise: number) => {
    const at = Deno.args.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(Deno.args[at + 1]);
  };
  const seed = option("seed", Date.now() % 2 ** 31);
  console.log(`Seed ${seed}`);
  const found = await fuzz(option("seconds", 60), seed);
  for (const fault of found) console.log(fault);
  Deno.exit(found.length === 0 ? 0 : 1);
}
