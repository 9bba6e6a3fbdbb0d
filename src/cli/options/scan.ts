/** Finds the arguments of a command line that are not options, without parsing it. */

import type { Fields } from "./option.ts";

/** The options of a command line, and its other arguments. */
export interface Scanned {
  /** The words that are neither options nor their values. */
  readonly words: readonly string[];
  /** The options that were given, by the names that were used. */
  readonly options: ReadonlySet<string>;
}

/** Matches a word that the parser treats as an option, whether or not it exists. */
const OPTION = /^(?!--=)--?[a-z0-9-]+(?:=|$)/i;

/**
 * Scans a command line to distinguish the forms of a command. It does not check the values of options: the parser of the form
 * reports errors in them.
 *
 * @param fields the command's options
 * @param given the words after the command's name
 * @param order whether options may follow other arguments. With `first`, everything after the first other argument counts as such
 * @returns undefined if a word is an unknown option, or a value is missing
 */
export function scan(
  fields: Fields,
  given: readonly string[],
  order: "any" | "first" = "any",
): Scanned | undefined {
  const known = optionsIn(fields);
  const words: string[] = [];
  const options = new Set<string>();
  for (let at = 0; at < given.length; at++) {
    const word = given[at]!;
    if (word === "--") return { words: [...words, ...given.slice(at + 1)], options };
    const { flags, last } = flagsIn(word, known);
    for (const flag of flags) options.add(flag);
    const [name = "", ...inline] = last.split("=");
    if (flags.length > 0 && last === "") continue;
    const hasValue = known.get(name);
    if (hasValue === undefined || (inline.length > 0 && (!hasValue || !name.startsWith("--")))) {
      if (order === "first") return { words: given.slice(at), options };
      if (flags.length > 0 || OPTION.test(word)) return undefined;
      words.push(word);
      continue;
    }
    options.add(name);
    if (hasValue && inline.length === 0 && ++at === given.length) return undefined;
  }
  return { words, options };
}

/** The options of commands: a command line is scanned several times. */
const scanned = new WeakMap<Fields, ReadonlyMap<string, boolean>>();

/** Whether an option has a value, by its names. */
function optionsIn(fields: Fields): ReadonlyMap<string, boolean> {
  const before = scanned.get(fields);
  if (before !== undefined) return before;
  const known = new Map<string, boolean>();
  for (const { names, value } of Object.values(fields)) for (const name of names) known.set(name, value !== undefined);
  scanned.set(fields, known);
  return known;
}

/** Splits `-qo` into the flag `-q` and what may be an option with a value. */
function flagsIn(word: string, known: ReadonlyMap<string, boolean>) {
  const flags: string[] = [];
  let last = word;
  while (/^-[^-]/.test(last) && known.get(last.slice(0, 2)) === false) {
    flags.push(last.slice(0, 2));
    last = last.length > 2 ? `-${last.slice(2)}` : "";
  }
  return { flags, last };
}
