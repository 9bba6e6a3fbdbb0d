/** Finds a command line's words that are no options, without parsing it. */

import type { Usage, UsageTerm } from "@optique/core/usage";

/** What a command line consists of. */
export interface Scanned {
  /** The words that are neither options nor their values. */
  readonly words: readonly string[];
  /** The options that were given, by the names that were used. */
  readonly options: ReadonlySet<string>;
}

/** A word that the parser takes for an option, whether there is such an option or not. */
const OPTION = /^(?!--=)--?[a-z0-9-]+(?:=|$)/i;

/**
 * Scans a command line, to tell the forms of a command apart. The values of options are not checked: whatever is wrong with them, the
 * parser of the form reports. Parsing takes a hundred times as long, as it prepares an error for each option that a word is not.
 *
 * @param usage of a parser of the command's options
 * @param given the words behind the command's name
 * @param order whether options may follow other words. With `first`, all that follows the first word that is no option is a word
 * @returns undefined if a word is an unknown option, or a value is missing
 */
export function scan(usage: Usage, given: readonly string[], order: "any" | "first" = "any"): Scanned | undefined {
  const known = new Map(optionsIn(usage));
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

/** Yields the name of each option, and whether it has a value. */
function* optionsIn(usage: Usage): Generator<[name: string, hasValue: boolean]> {
  for (const term of usage) {
    if (term.type === "option") { for (const name of term.names) yield [name, term.metavar !== undefined]; }
    for (const terms of within(term)) yield* optionsIn(terms);
  }
}

function within(term: UsageTerm): readonly Usage[] {
  if (term.type === "exclusive") return term.terms;
  return "terms" in term ? [term.terms] : [];
}
