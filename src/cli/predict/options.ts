/** The options of `predict`: how they are parsed, and what they are together. */

import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice, integer, string, type ValueParser, type ValueParserResult } from "@optique/core/valueparser";
import type { InputOptions } from "../../predict/inputs.ts";
import { parseShard, type Shard } from "../../predict/shard.ts";
import type { WorkerChoice } from "../../serve/devices.ts";
import type { PoolConfig } from "../../serve/mod.ts";
import { limitFields, trustFields } from "../archives/options.ts";
import { size } from "../options/values.ts";
import type { EnvironmentChoice } from "../run/environment.ts";
import { runFields } from "../run/options.ts";
import type { TargetOptions } from "../run/target.ts";
import { type LogChoice, logFields, workerFields } from "../serve/options.ts";

/** How inputs become records, and what is done with the answers. */
const recordFields = {
  output: optional(
    option("--output", "-o", string({ metavar: "PATH" }), {
      description: message`Where the answers go: a file, or a folder for several inputs. [standard output]`,
    }),
  ),
  split: optional(
    option("--split", choice(["none", "lines", "csv"]), {
      description:
        message`What a request is: the whole input, each line, or each row of a table, behind its header. [${"lines"} for .jsonl, .ndjson and standard input, ${"none"} for others]`,
    }),
  ),
  contentType: optional(
    option("--content-type", string({ metavar: "TYPE" }), {
      description: message`The Content-Type of each request. [by the name of the input]`,
    }),
  ),
  accept: optional(
    option("--accept", string({ metavar: "TYPES" }), {
      description: message`What answers may be. [application/json for lines and rows, ${"*/*"} for others]`,
    }),
  ),
  join: withDefault(
    flag("--join", { description: message`Write each line with its input, as ${'{"input":…,"output":…}'}.` }),
    false,
  ),
  errors: optional(
    option("--errors", string({ metavar: "FILE" }), {
      description: message`Write the errors of all records into this file as well.`,
    }),
  ),
  maxErrors: optional(
    option("--max-errors", integer({ min: 0, metavar: "N" }), {
      description: message`Stop when more records than this have failed. [no limit]`,
    }),
  ),
  retries: withDefault(
    option("--retries", integer({ min: 0, max: 100, metavar: "N" }), {
      description: message`How often a record is tried again whose worker ended. Exceptions are not tried again.`,
    }),
    1,
  ),
  shard: optional(
    option("--shard", shard(), {
      description:
        message`Predict one part of N: every Nth input or, of a single input, every Nth record. I counts from 0.`,
    }),
  ),
  restart: withDefault(
    flag("--restart", { description: message`Begin anew, instead of going on where a run was stopped.` }),
    false,
  ),
  json: withDefault(flag("--json", { description: message`Print a summary of the run as JSON.` }), false),
  maxBody: withDefault(
    option("--max-body", size(), { description: message`The longest record.` }),
    100 * 2 ** 20,
  ),
};

/** For the URL of a server. */
const serverFields = {
  tokenFile: optional(
    option("--token-file", string({ metavar: "FILE" }), {
      description: message`Send the first token of this file to the server. [${"AIMODELLIB_TOKEN"}]`,
    }),
  ),
  model: optional(
    option("--model", string({ metavar: "NAME" }), {
      description: message`The model to ask, where the server has several.`,
    }),
  ),
  connections: withDefault(
    option("--connections", "-c", integer({ min: 1, max: 1024, metavar: "N" }), {
      description: message`How many requests are sent to the server at once.`,
    }),
    32,
  ),
};

const { queueTimeoutMs: _queueTimeout, queueSize: _queueSize, reload: _reload, ...poolFields } = workerFields;
const { logFormat, logLevel } = logFields;

/** All options of the command. */
export const predictFields = {
  ...recordFields,
  python: runFields.python,
  install: runFields.install,
  ...trustFields,
  ...limitFields,
  ...poolFields,
  ...serverFields,
  logFormat,
  logLevel,
};

/** A shard, such as `0/4`. */
function shard(): ValueParser<"sync", Shard> {
  return {
    mode: "sync",
    metavar: "I/N",
    placeholder: { index: 0, count: 1 },
    parse(input: string): ValueParserResult<Shard> {
      const value = parseShard(input);
      if (value !== undefined) return { success: true, value };
      return {
        success: false,
        error: message`Expected a shard such as ${"0/4"}, where the first number counts from 0, but got ${input}.`,
      };
    },
    format: ({ index, count }) => `${index}/${count}`,
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
  /** Not there for an archive, or for the URL of a server, which `module` is then. */
  readonly modelDir: string | undefined;
  /** For an archive, its model directory may be the first of them. */
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
