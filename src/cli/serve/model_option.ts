/** Parses `--model`: a name, and the archive or module to serve under it. */

import { UsageError } from "../../errors.ts";
import { namesArchive } from "../run/form.ts";

/** The parsed value of a `--model`. */
export interface ModelOption {
  readonly name: string;
  /** The module's folder; without a script, an archive, packed or unpacked. */
  readonly module: string;
  readonly script: string | undefined;
  /** Undefined for an archive that contains its model. */
  readonly modelDir: string | undefined;
}

/** The characters of a name, which appears unescaped in paths, metrics and logs. */
const NAME = /^[A-Za-z0-9][\w.-]{0,127}$/;

/**
 * Parses `NAME=ARCHIVE,MODEL_DIR` and `NAME=MODULE,SCRIPT,MODEL_DIR`.
 *
 * @throws {UsageError} if a value has neither form, or a name occurs twice
 */
export function parseModelOptions(texts: readonly string[]): ModelOption[] {
  const models = texts.map(parse);
  for (const [index, { name }] of models.entries()) {
    if (models.findIndex((model) => model.name === name) < index) {
      throw new UsageError(`--model uses the name '${name}' twice: each model needs its own`);
    }
  }
  return models;
}

/**
 * Derives a model's name from its folder or archive.
 *
 * @param targets paths; the first one whose last part is a valid name counts
 */
export function nameOf(...targets: readonly string[]): string {
  for (const target of targets) {
    const name = lastOf(target);
    if (name !== "") return name;
  }
  return "model";
}

function lastOf(target: string): string {
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const last = (parts.at(-1) ?? "").replace(/\.(tar\.gz|tgz)$/, "");
  return last.replaceAll(/[^\w.-]/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 128);
}

function parse(text: string): ModelOption {
  const [, name = "", rest = ""] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  const words = rest.split(",").map((word) => word.trim());
  if (!NAME.test(name) || words.includes("")) throw malformed(text);
  const [module = "", second = "", third] = words;
  if (third !== undefined) {
    if (words.length > 3) throw malformed(text);
    return { name, module, script: second, modelDir: third };
  }
  if (!namesArchive(module, undefined)) throw malformed(text);
  return { name, module, script: undefined, modelDir: words.length < 2 ? undefined : second };
}

function malformed(text: string): UsageError {
  return new UsageError(
    `--model must be NAME=ARCHIVE,MODEL_DIR or NAME=MODULE,SCRIPT,MODEL_DIR, with a name of letters, digits and ._-, not '${text}'`,
  );
}
