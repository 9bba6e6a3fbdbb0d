/** Runs with a function as the model: the order of answers, and resuming a run wherever it was stopped. */

import assert from "node:assert/strict";
import type { Ask, Question, Reply } from "../../../src/predict/ask.ts";
import { fileInput, type Input, type InputOptions } from "../../../src/predict/inputs.ts";
import { FileOutput } from "../../../src/predict/output/file_output.ts";
import { PredictRun, type RunOptions } from "../../../src/predict/run.ts";
import { lastOf, type Shard } from "../../../src/predict/shard.ts";
import { emptyTally } from "../../../src/predict/summary.ts";

const ALL: Shard = { index: 0, count: 1 };

/** Doubles a number; odd multiples of 5 raise an exception. */
function double({ body }: Question): Reply {
  const x = Number(new TextDecoder().decode(body));
  if (x % 10 === 5) {
    return { kind: "fault", fault: { stage: "predict", type: "ValueError", message: `bad ${x}`, again: "never" } };
  }
  return { kind: "answer", contentType: "application/json", body: new TextEncoder().encode(` ${x * 2} `) };
}

function asking(answer: (question: Question) => Reply | Promise<Reply>, atOnce = 4): Ask {
  return {
    atOnce,
    ask: (question) => Promise.resolve().then(() => answer(question)),
    abandon: () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface Case {
  readonly shard?: Shard;
  readonly ask?: Ask;
  readonly errors?: string;
  readonly options?: InputOptions;
  readonly maxErrors?: number;
}

/** Predicts the lines of `folder/in.jsonl` into `folder/out`. */
async function predict(
  folder: string,
  { shard = ALL, ask = asking(double), errors, options = {}, maxErrors }: Case = {},
) {
  const path = `${folder}/in.jsonl`;
  const input: Input = fileInput(path, Deno.statSync(path), options);
  using outputs = await FileOutput.begin(`${folder}/out`, {
    identity: { model: "double" },
    restart: false,
    errors,
    numberOf: (done) => lastOf(shard, done),
  });
  const tally = emptyTally();
  const about: RunOptions = {
    ask,
    outputs,
    tally,
    shard,
    shardsRecords: true,
    retries: 1,
    maxAnswer: 1000,
    maxBody: 1000,
    join: false,
    namesInputs: false,
    ...(maxErrors !== undefined && { maxErrors }),
  };
  await new PredictRun(about).run([input]);
  outputs.finish();
  return { ...tally, failed: outputs.failed };
}

async function inFolder(count: number, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "predict-" });
  try {
    Deno.writeTextFileSync(`${folder}/in.jsonl`, Array.from({ length: count }, (_, x) => `${x}\n`).join(""));
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const read = (path: string) => Deno.readTextFileSync(path);
const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("PredictRun writes answers in the order of the records, whatever order they arrive in", async () => {
  await inFolder(50, async (folder) => {
    const waiting: (() => void)[] = [];
    // The latest request is answered first.
    const ask = asking(async (question) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        setTimeout(() => waiting.pop()!(), 0);
      });
      return double(question);
    }, 16);
    const { records, failed } = await predict(folder, { ask });
    assert.deepEqual([records, failed], [50, 5]);
    const lines = read(`${folder}/out`).split("\n");
    assert.equal(lines.length, 51);
    lines.slice(0, -1).forEach((line, x) =>
      assert.equal(
        line,
        x % 10 === 5
          ? `{"error":{"record":${x + 1},"stage":"predict","type":"ValueError","message":"bad ${x}"}}`
          : String(x * 2),
      )
    );
    assert.deepEqual(names(folder), ["in.jsonl", "out"]);
  });
});

Deno.test("PredictRun resumes to the same bytes wherever its output was truncated", async () => {
  await inFolder(8, async (folder) => {
    const errors = `${folder}/errors`;
    await predict(folder, { errors });
    const [whole, wholeErrors] = [read(`${folder}/out`), read(errors)];
    assert.equal(wholeErrors.split("\n").length, 2);
    // The run is stopped while an answer is missing, so the journal exists.
    const stuck = asking(() => {
      throw new Error("The model has failed");
    });
    await assert.rejects(predict(folder, { ask: stuck, errors }), /has failed/);
    const journal = read(`${folder}/out.partial.json`);
    for (let cut = 0; cut <= whole.length; cut++) {
      // Errors are written before lines: the file may contain all errors, or only those of whole lines and a part of another.
      const needed = whole.slice(0, cut).split("\n").filter((line) => line.endsWith("}}")).length;
      const lines = wholeErrors.split("\n");
      for (const there of [wholeErrors, `${lines.slice(0, needed).map((line) => `${line}\n`).join("")}{"err`]) {
        Deno.writeTextFileSync(`${folder}/out.partial`, whole.slice(0, cut));
        Deno.writeTextFileSync(`${folder}/out.partial.json`, journal);
        Deno.writeTextFileSync(`${folder}/out.partial.errors`, there);
        Deno.writeTextFileSync(`${folder}/out`, "older");
        const { records, resumed, failed } = await predict(folder, { errors });
        assert.equal(read(`${folder}/out`), whole, `cut at ${cut}`);
        assert.equal(read(errors), wholeErrors, `cut at ${cut}`);
        assert.deepEqual([records, failed], [8, 1]);
        assert.equal(resumed, whole.slice(0, cut).split("\n").length - 1);
      }
    }
    assert.deepEqual(names(folder), ["errors", "in.jsonl", "out"]);
  });
});

Deno.test("PredictRun does not count zero bytes at the end of an output as lines", async () => {
  await inFolder(12, async (folder) => {
    await predict(folder);
    const whole = read(`${folder}/out`);
    await assert.rejects(predict(folder, { ask: asking(() => Promise.reject(new Error("gone"))) }), /gone/);
    Deno.writeTextFileSync(`${folder}/out.partial`, `${whole.slice(0, 10)}\0\0\n\0\0`);
    await predict(folder);
    assert.equal(read(`${folder}/out`), whole);
  });
});

Deno.test("the shards of a run, merged line by line in turn, equal the whole run, with the same record numbers", async () => {
  await inFolder(31, async (folder) => {
    await predict(folder);
    const whole = read(`${folder}/out`);
    const shards: string[][] = [];
    for (let index = 0; index < 4; index++) {
      await predict(folder, { shard: { index, count: 4 } });
      shards.push(read(`${folder}/out`).split("\n").slice(0, -1));
    }
    const joined = Array.from({ length: 31 }, (_, x) => `${shards[x % 4]![Math.floor(x / 4)]}\n`).join("");
    assert.equal(joined, whole);
  });
});

Deno.test("a shard resumes where it was interrupted, and keeps its errors", async () => {
  await inFolder(60, async (folder) => {
    const shard = { index: 1, count: 4 };
    const errors = `${folder}/errors`;
    await predict(folder, { shard, errors });
    const [whole, wholeErrors] = [read(`${folder}/out`), read(errors)];
    assert.equal(wholeErrors.split("\n").length, 4);
    await assert.rejects(
      predict(folder, { shard, errors, ask: asking(() => Promise.reject(new Error("gone"))) }),
      /gone/,
    );
    const journal = read(`${folder}/out.partial.json`);
    for (let cut = 0; cut <= whole.length; cut += 13) {
      Deno.writeTextFileSync(`${folder}/out.partial`, whole.slice(0, cut));
      Deno.writeTextFileSync(`${folder}/out.partial.json`, journal);
      Deno.writeTextFileSync(`${folder}/out.partial.errors`, wholeErrors);
      await predict(folder, { shard, errors });
      assert.equal(read(`${folder}/out`), whole);
      assert.equal(read(errors), wholeErrors);
    }
  });
});

Deno.test("a run is not resumed with another input or other options, and the error names the difference", async () => {
  await inFolder(12, async (folder) => {
    const gone = asking(() => Promise.reject(new Error("gone")));
    await assert.rejects(predict(folder, { ask: gone }), /gone/);
    await assert.rejects(
      predict(folder, { options: { accept: "text/plain" } }),
      /'.*out' was started with the accept 'application\/json', but now it is 'text\/plain': .* --restart/,
    );
    Deno.writeTextFileSync(`${folder}/in.jsonl`, "1\n");
    await assert.rejects(predict(folder), /was started with the input bytes 26, but now it is 2/);
    assert.deepEqual(names(folder), ["in.jsonl", "out.partial", "out.partial.errors", "out.partial.json"]);
  });
});

Deno.test("PredictRun writes the answers before a failure, and none after it", async () => {
  await inFolder(40, async (folder) => {
    let count = 0;
    const ask = asking(async (question) => {
      if (++count === 20) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        throw new Error("The model has failed");
      }
      return double(question);
    });
    await assert.rejects(predict(folder, { ask }), /The model has failed/);
    assert.equal(read(`${folder}/out.partial`).split("\n").length, 20);
  });
});

Deno.test("PredictRun stops when more records fail than allowed", async () => {
  await inFolder(100, async (folder) => {
    await assert.rejects(predict(folder, { maxErrors: 1 }), /2 records have failed; --max-errors allows 1/);
    const lines = read(`${folder}/out.partial`).split("\n").slice(0, -1);
    assert.equal(lines.length, 16);
    await assert.rejects(predict(folder, { maxErrors: 2 }), /3 records have failed/);
    assert.equal((await predict(folder)).failed, 10);
  });
  await inFolder(100, async (folder) => {
    await assert.rejects(predict(folder, { maxErrors: 0 }), /: 1 record has failed; --max-errors allows 0$/);
  });
});
