/**
 * Makes the library's parser for a form of a command line. It parses what `read.ts` does not, makes the errors, and suggests completions.
 * The library is slow to load: import this file late.
 */

import { object, seq } from "@optique/core/constructs";
import { map, multiple, withDefault } from "@optique/core/modifiers";
import type { NonEmptyString } from "@optique/core/nonempty";
import type { Parser } from "@optique/core/parser";
import { argument, flag, option, passThrough } from "@optique/core/primitives";
import { choice, integer, string, type ValueParser } from "@optique/core/valueparser";
import type { Form } from "./form.ts";
import { message } from "./message.ts";
import type { Field, Value } from "./option.ts";

/**
 * The error of an option's parser for a word that is a different option. Users never see it, since the command's parser reports a better
 * one. Without it, each option would search for similar names, which takes longer than all other parsing.
 */
const errors = { noMatch: message`This is another option.` };

/** Makes the library's parser for a form. */
export function parserOf<T>({ fields, options, result }: Form<T>): Parser<"sync", T, unknown> {
  const parsers = Object.entries(fields).map(([key, field]) => [key, fieldParser(field)] as const);
  if (options === "anywhere") return map(object(Object.fromEntries(parsers)), result);
  const isOption = (key: string) => fields[key]!.kind === "option";
  const named = object(Object.fromEntries(parsers.filter(([key]) => isOption(key))));
  const others = parsers.filter(([key]) => !isOption(key));
  const ordered = others.map(([, parser], index) =>
    (index === 0 && others.length < parsers.length) ? withErrorsOf(named, parser) : parser
  );
  return map(
    seq(named, ...ordered),
    ([given, ...values]) =>
      result({
        ...given as Record<string, unknown>,
        ...Object.fromEntries(others.map(([key], index) => [key, values[index]])),
      }),
  );
}

/** The parser of the first argument: for an unknown option, it returns the error of the options' parser, which suggests a similar one. */
function withErrorsOf(
  options: Parser<"sync", unknown, unknown>,
  first: Parser<"sync", unknown, unknown>,
): Parser<"sync", unknown, unknown> {
  return {
    ...first,
    parse(context) {
      const result = first.parse(context);
      if (result.success || context.buffer.length === 0) return result;
      const complaint = options.parse({ ...context, state: options.initialState });
      return complaint.success ? result : { ...result, error: complaint.error };
    },
  };
}

function fieldParser(field: Field<unknown>): Parser<"sync", unknown, unknown> {
  const { absent, convert } = field;
  const single = primitive(field);
  const parser: Parser<"sync", unknown, unknown> = field.kind === "rest" || absent.kind === "refused"
    ? single
    : absent.kind === "empty"
    ? multiple(single)
    : withDefault(single, absent.value);
  return convert === undefined ? parser : map(parser, convert);
}

function primitive({ kind, names, value, description }: Field<unknown>): Parser<"sync", unknown, unknown> {
  const [name, ...others] = names;
  if (kind === "option" && name !== undefined) {
    if (value === undefined) return flag(name, ...others, { description, errors });
    return option(name, ...others, valueParser(value), { description, errors });
  }
  if (kind === "argument" && value !== undefined) return argument(valueParser(value), { description });
  // Otherwise the parser would drop a second `--` as well.
  return { ...passThrough({ format: "greedy", description }), canSkip: () => false };
}

function valueParser({ metavar, read, format, otherwise, suggest }: Value<unknown>): ValueParser<"sync", unknown> {
  const name = metavar as NonEmptyString;
  const offered = { format, ...(suggest && { suggest }) };
  switch (otherwise.kind) {
    case "whole": {
      const { min, max } = otherwise;
      return { ...unknown(integer({ metavar: name, min, ...(max !== undefined && { max }) })), ...offered };
    }
    case "choice":
      return { ...unknown(choice(otherwise.words, { metavar: name, suggest: "nearest" })), ...offered };
    case "none":
    case "message":
      return {
        ...unknown(string({ metavar: name })),
        parse(word) {
          const value = read(word);
          if (value !== undefined || otherwise.kind === "none") return { success: true, value };
          return { success: false, error: otherwise.describe(word) };
        },
        ...offered,
      };
  }
}

/** Forgets the type of the values: a field's type says it. */
function unknown<T>(parser: ValueParser<"sync", T>): ValueParser<"sync", unknown> {
  return parser as ValueParser<"sync", unknown>;
}
