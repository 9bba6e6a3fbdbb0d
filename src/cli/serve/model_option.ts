/** What `--model` names: a model, and what it is made of. */

import { UsageError } from "../../errors.ts";
import { namesArchive } from "../run/form.ts";

/** One of several models. */
export interface ServedTarget {
  readonly name: string;
  /** Or an archive, packed or unpacked, if there is no script. */
  readonly module: string;
  readonly script: string | undefined;
  /** Not there for an archive that carries its model. */
  readonly modelDir: string | undefined;
}

/** What stands in paths, metrics and logs as it is. */
const NAME = /^[A-Za-z0-9][\w.-]{0,127}$/;

/**
 * Reads `NAME=ARCHIVE,MODEL_DIR` or `NAME=MODULE,SCRIPT,MODEL_DIR`.
 *
 * @throws {UsageError} if it is neither, or a name is there twice
 */
export function parseServedModels(texts: readonly string[]): ServedTarget[] {
  const models = texts.map(parse);
  for (const [index, { name }] of models.entries()) {
    if (models.findIndex((model) => model.name === name) < index) {
      throw new UsageError(`--model names '${name}' twice: each model needs a name of its own`);
    }
  }
  return models;
}

/**
 * A name for what has none: that of its folder or archive.
 *
 * @param targets paths, of which the first that ends with a name is taken
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

function parse(text: string): ServedTarget {
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
