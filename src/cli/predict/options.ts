/** The options of `predict`, and the types of their values. */

import type { InputOptions } from "../../predict/inputs.ts";
import { parseShard, type Shard } from "../../predict/shard.ts";
import type { WorkerChoice } from "../../serve/devices.ts";
import type { PoolConfig } from "../../serve/mod.ts";
import { limitFields, trustFields } from "../archives/options.ts";
import { anyPath, file } from "../options/paths.ts";
import { oneOf, size, whole } from "../options/values.ts";
import type { EnvironmentChoice } from "../run/environment.ts";
import { runFields } from "../run/options.ts";
import type { TargetOptions } from "../run/target.ts";
import { type LogChoice, logFields, workerFields } from "../serve/options.ts";
import { message } from "../options/message.ts";
import { flag, grouped, option, unset, type Value, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

/** Options for how inputs become records, and where the answers go. */
const recordFields = grouped("Records", {
  output: unset(
    option("--output", "-o", anyPath("PATH"), {
      description: message`Where to write the answers: a file, or a folder for several inputs.`,
    }),
    message`standard output`,
  ),
  split: unset(
    option("--split", oneOf(["none", "lines", "csv"], "HOW"), {
      description: message`What makes a request: the whole input, each line, or each row of a table with its header.`,
    }),
    message`${"lines"} for .jsonl, .ndjson and standard input, ${"none"} for others`,
  ),
  contentType: unset(
    option("--content-type", text("TYPE"), { description: message`The Content-Type of each request.` }),
    message`by the input's file name`,
  ),
  accept: unset(
    option("--accept", text("TYPES"), {
      description: message`The acceptable content types of answers.`,
    }),
    message`application/json for lines and rows, ${"*/*"} for others`,
  ),
  join: withDefault(
    flag("--join", { description: message`Write each line with its input, as ${'{"input":…,"output":…}'}.` }),
    false,
  ),
  errors: unset(
    option("--errors", file(), { description: message`Write the errors of all records into this file as well.` }),
    message`none`,
  ),
  maxErrors: unset(
    option("--max-errors", whole("N", 0), { description: message`Stop when more records than this have failed.` }),
    message`no limit`,
  ),
  retries: withDefault(
    option("--retries", whole("N", 0, 100), {
      description: message`How often a record is retried if its worker died. Exceptions are not retried.`,
    }),
    1,
  ),
  shard: unset(
    option("--shard", shard(), {
      description:
        message`Predict one part of N: every Nth input or, of a single input, every Nth record. I counts from 0.`,
    }),
    message`all records`,
  ),
  restart: withDefault(
    flag("--restart", { description: message`Start over instead of resuming a run that was stopped.` }),
    false,
  ),
  json: withDefault(flag("--json", { description: message`Print a summary of the run as JSON.` }), false),
  maxBody: withDefault(
    option("--max-body", size(), { description: message`The longest record.` }),
    100 * 2 ** 20,
  ),
});

/** Options for the URL of a server. */
const serverFields = grouped("Server", {
  tokenFile: unset(
    option("--token-file", file(), {
      description: message`Send the first token of this file to the server.`,
      env: "AIMODELLIB_TOKEN",
    }),
    message`no token`,
  ),
  model: unset(
    option("--model", text("NAME"), {
      description: message`The model to use if the server has several.`,
    }),
    message`the only one`,
  ),
  connections: withDefault(
    option("--connections", "-c", whole("N", 1, 1024), {
      description: message`How many requests are sent to the server at once.`,
    }),
    32,
  ),
});

const { reload: _reload, ...poolFields } = workerFields;
const { logFormat, logLevel } = logFields;

/** All options of the command. */
export const predictFields = {
  ...recordFields,
  ...poolFields,
  ...serverFields,
  python: runFields.python,
  install: runFields.install,
  ...trustFields,
  ...limitFields,
  logFormat,
  logLevel,
};

/** A shard, such as `0/4`. */
function shard(): Value<Shard> {
  return {
    metavar: "I/N",
    read: parseShard,
    format: ({ index, count }) => `${index}/${count}`,
    otherwise: {
      kind: "message",
      describe: (word) =>
        message`Expected a shard such as ${"0/4"}, where the first number counts from 0, but got ${word}.`,
    },
  };
}

/** The options of the command. */
export interface PredictOptions
  extends
    TargetOptions,
    EnvironmentChoice,
    LogChoice,
    InputOptions,
    WorkerChoice,
    Omit<PoolConfig, "workers" | "queueSize" | "queueTimeoutMs" | "maxAnswer" | "drainTimeoutMs" | "reload"> {
  /** Undefined if `module` is an archive or the URL of a server. */
  readonly modelDir: string | undefined;
  /** The inputs; after an archive, the first of them may be its model directory. */
  readonly inputs: readonly string[];
  readonly output?: string | undefined;
  readonly join: boolean;
  readonly errors?: string | undefined;
  readonly maxErrors?: number | undefined;
  readonly retries: number;
  readonly shard?: Shard | undefined;
  readonly restart: boolean;
  readonly json: boolean;
  readonly maxBody: number;
  readonly tokenFile?: string | undefined;
  readonly model?: string | undefined;
  readonly connections: number;
}
