/** Recognizes command lines of other programs, or with a word missing, and says the form that was meant. */

import { stat } from "../../files.ts";
import { quote } from "../terminal/quote.ts";
import { namesArchive } from "./form.ts";

/** How a command names what it runs. */
export interface MeantCommand {
  readonly name: "train" | "serve" | "predict";
  /** The script that `package` would take. */
  readonly usual: "train.py" | "serve.py";
}

/**
 * Recognizes `serve iris/serve.py out`, which is `serve iris serve.py out` here, and `serve iris` and `serve iris out`, which lack
 * the script.
 *
 * @param words the command line's words that are no options
 * @returns what is wrong, and what was meant; undefined if the words can be what they say
 */
export function meantForm(
  { name, usual }: MeantCommand,
  words: readonly string[],
): readonly [string, string] | undefined {
  const [first, second, ...others] = words;
  if (first === undefined) return undefined;
  if (first.endsWith(".py") && stat(first)?.isFile) {
    const slash = first.lastIndexOf("/");
    const module = slash < 0 ? "." : first.slice(0, slash) || "/";
    const rest = second === undefined ? ["MODEL_DIR"] : [second, ...others];
    return [
      `'${first}' is a script: the folder with its module comes before it`,
      did(name, [module, first.slice(slash + 1), ...rest]),
    ];
  }
  if (!stat(first)?.isDirectory || namesArchive(first, second)) return undefined;
  if (second !== undefined && !isModelDir(first, second, others)) return undefined;
  const script = stat(`${first}/${usual}`)?.isFile ? usual : "SCRIPT";
  return [
    second === undefined ? "The script is missing" : `'${second}' is no script of the module '${first}'`,
    did(name, [first, script, ...(second === undefined ? ["MODEL_DIR"] : [second, ...others])]),
  ];
}

/** Whether the word behind a module is where the model is, and not its script, however that is misspelt. */
function isModelDir(module: string, word: string, others: readonly string[]): boolean {
  if (word.endsWith(".py") || stat(`${module}/${word}`)?.isFile || stat(`${module}/${word}.py`)?.isFile) return false;
  const found = stat(word);
  return found === undefined ? others.length === 0 : found.isDirectory;
}

function did(name: string, words: readonly string[]): string {
  return `Did you mean: aimodellib ${[name, ...words].map(quote).join(" ")}`;
}
