/** Finds the inputs, and where their answers go. */

import { UsageError } from "../../errors.ts";
import { isSameFile, isSpecial, stat } from "../../files.ts";
import {
  fileInput,
  type Input,
  type InputOptions,
  isIn,
  type Shard,
  standardInput,
  statOf,
  walkInputs,
} from "../../predict/mod.ts";
import { absolute } from "../run/module.ts";

/** The options about inputs and outputs. */
export interface PlaceOptions extends InputOptions {
  readonly inputs: readonly string[];
  readonly output?: string | undefined;
  readonly join: boolean;
  readonly errors?: string | undefined;
  readonly maxErrors?: number | undefined;
  readonly shard?: Shard | undefined;
}

/** Inputs and outputs of a run. */
export type Places =
  /** An input that is one record. */
  | { readonly kind: "one"; readonly input: Input; readonly output?: string | undefined }
  /** An input of many records; without an output, their answers go to standard output. */
  | { readonly kind: "records"; readonly input: Input; readonly output?: string | undefined }
  /** Inputs of several files or folders; `inputs` can be called several times. */
  | { readonly kind: "folder"; readonly inputs: () => Iterable<Input>; readonly output: string };

/**
 * Finds inputs and outputs.
 *
 * @param terminal whether standard input is a terminal
 * @throws {UsageError} if an input does not exist, or the options contradict each other
 */
export function placesOf(options: PlaceOptions, terminal: boolean): Places {
  const { inputs } = options;
  for (const [name, value] of [["--content-type", options.contentType], ["--accept", options.accept]] as const) {
    if (value !== undefined && !/^[\x20-\x7e]+$/.test(value)) {
      throw new UsageError(`${name} must be visible ASCII, not '${value}'`);
    }
  }
  const output = options.output === "-" ? undefined : options.output;
  if (inputs.length === 0 && terminal) {
    throw new UsageError("There is no input: name a file or a folder, or '-' to type it");
  }
  const [only = "-"] = inputs;
  const info = only === "-" ? undefined : statOf(only);
  if (inputs.length > 1 && inputs.includes("-")) {
    throw new UsageError("Standard input, '-', can't be combined with other inputs");
  }
  const intoFolder = output !== undefined && (output.endsWith("/") || stat(output)?.isDirectory);
  if (inputs.length > 1 || info?.isDirectory || intoFolder) {
    if (output === undefined) {
      throw new UsageError("Several inputs need a folder for their outputs: name one with --output");
    }
    if (stat(output)?.isFile) {
      throw new UsageError(`Several inputs need a folder for their outputs, but '${output}' is a file`);
    }
    const folder = absolute(output);
    refuseSame(inputs, folder);
    const words = inputs.length === 0 ? ["-"] : inputs;
    if (words.includes("-")) return { kind: "folder", inputs: () => [standardInput(options)], output: folder };
    return { kind: "folder", inputs: () => walkInputs(words, options, folder), output: folder };
  }
  const input = info === undefined ? standardInput(options) : fileInput(only, info, options);
  if (output !== undefined && info !== undefined && isSameFile(output, only) && !isSpecial(output)) {
    throw new UsageError(`'${output}' is the input: name another file with --output`);
  }
  if (input.split !== "none") return { kind: "records", input, output: output && absolute(output) };
  refuseForOne(options);
  return { kind: "one", input, output: output && absolute(output) };
}

/** Yields the inputs of a shard. */
export function* shardOf(inputs: Iterable<Input>, shard: Shard): Generator<Input> {
  let number = 0;
  for (const input of inputs) if (isIn(shard, number++)) yield input;
}

function refuseSame(inputs: readonly string[], folder: string): void {
  for (const input of inputs) {
    if (isSameFile(input, folder)) {
      throw new UsageError(
        `The outputs can't go into '${input}', the folder of the inputs: name another with --output`,
      );
    }
  }
}

/** Refuses options for many records with an input that is one record. */
function refuseForOne({ join, errors, maxErrors, shard }: PlaceOptions): void {
  const given = [
    join && "--join",
    errors !== undefined && "--errors",
    maxErrors !== undefined && "--max-errors",
    shard !== undefined && "--shard",
  ].filter((name) => name !== false);
  if (given.length > 0) {
    throw new UsageError(
      `${given.join(", ")}: the whole input is one request. Split it with '--split lines' or '--split csv'`,
    );
  }
}
