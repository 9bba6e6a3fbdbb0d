/** Options and arguments whose help includes bounds and an environment variable, which the parser's library does not support. */

import { group } from "@optique/core/constructs";
import type { DocEntry } from "@optique/core/doc";
import { type Message, message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import type { Parser } from "@optique/core/parser";
import { flag as parseFlag, option as parseOption } from "@optique/core/primitives";
import type { ValueParser, ValueParserResult } from "@optique/core/valueparser";

type Name = `-${string}`;

/** A value parser with an optional description of its bounds, such as `1 to 65535`. */
export type Value<T> = ValueParser<"sync", T> & { readonly bounds?: string };

/** The help of an option. */
export interface OptionHelp {
  readonly description: Message;
  /** The environment variable that is read if the option is not given. */
  readonly env?: string;
}

/** An entry of help, for an option or an argument. */
export type HelpEntry = DocEntry & { readonly bounds?: string; readonly env?: string };

/**
 * The error of an option's parser for a word that is a different option. Users never see it, since the command's parser reports a better
 * one. Without it, each option would search for similar names, which takes longer than all other parsing.
 */
const errors = { noMatch: message`This is another option.` };

/** Makes the parser of an option without a value. */
export function flag(
  ...args: [name: Name, help: OptionHelp] | [name: Name, short: Name, help: OptionHelp]
): Parser<"sync", true, ValueParserResult<true> | undefined> {
  const { description } = args.at(-1) as OptionHelp;
  return parseFlag(...args.slice(0, -1) as [Name, ...Name[]], { description, errors });
}

/** Makes the parser of an option with a value. */
export function option<T>(
  ...args: [name: Name, value: Value<T>, help: OptionHelp] | [
    name: Name,
    short: Name,
    value: Value<T>,
    help: OptionHelp,
  ]
): Parser<"sync", T, ValueParserResult<T> | undefined> {
  const [value, help] = args.slice(-2) as [Value<T>, OptionHelp];
  const names = args.slice(0, -2) as [Name, ...Name[]];
  const parser = parseOption(...names, value, { description: help.description, errors });
  const { bounds } = value;
  const { env } = help;
  if (bounds === undefined && env === undefined) return parser;
  const known = { ...(bounds !== undefined && { bounds }), ...(env !== undefined && { env }) };
  return {
    ...parser,
    getDocFragments(state, defaultValue) {
      const { fragments, ...others } = parser.getDocFragments(state, defaultValue);
      return { ...others, fragments: fragments.map((fragment) => ({ ...fragment, ...known })) };
    },
  };
}

/**
 * Makes an option whose value is undefined if it is not given.
 *
 * @param otherwise describes the default in help
 */
export function unset<T, S>(
  parser: Parser<"sync", T, S>,
  otherwise: Message,
): Parser<"sync", T | undefined, [S] | undefined> {
  return withDefault(parser, undefined, { message: otherwise });
}

/** Puts options under a title in help. */
export function grouped<F extends Readonly<Record<string, Parser<"sync", unknown, unknown>>>>(
  title: string,
  fields: F,
): F {
  return Object.fromEntries(Object.entries(fields).map(([key, parser]) => [key, group(title, parser)])) as unknown as F;
}
