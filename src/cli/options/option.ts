/**
 * Defines options and arguments as data, from which help, completion and two parsers are made. `read.ts` parses usual command lines.
 * `parser.ts` uses a library for all others, and is imported late because the library is slow to load.
 */

import type { Suggestion } from "@optique/core/parser";
import type { Message } from "./message.ts";

type Name = `-${string}`;

/** A kind of value: how its text is parsed and shown. */
export interface Value<T> {
  /** The placeholder for the value in help. */
  readonly metavar: string;
  /** Parses a word. @returns undefined if it is invalid */
  readonly read: (word: string) => T | undefined;
  readonly format: (value: T) => string;
  /** What the library's parser does with an invalid word, which decides the error. */
  readonly otherwise: Otherwise;
  /** A description of the accepted range, such as `1 to 65535`. */
  readonly bounds?: string;
  /** What a shell offers for a word that begins like this; undefined: the words of `otherwise`, or nothing. */
  readonly suggest?: (begin: string) => Iterable<Suggestion>;
}

/** The error for an invalid word: the library's own for whole numbers and a choice of words, or a message. */
export type Otherwise =
  | { readonly kind: "none" }
  | { readonly kind: "whole"; readonly min: number; readonly max?: number }
  | { readonly kind: "choice"; readonly words: readonly string[] }
  | { readonly kind: "message"; readonly describe: (word: string) => Message };

/** What stands for a field that is not given. */
export type Absent =
  | { readonly kind: "refused" }
  | { readonly kind: "value"; readonly value: unknown; readonly described?: Message }
  /** The field may be given any number of times: its value is an array. */
  | { readonly kind: "empty" };

// Holds the type of a field's value, which no property has.
declare const TYPE: unique symbol;

/** An option, an argument, or all words that remain, with a value of type `T`. */
export interface Field<T> {
  readonly [TYPE]?: T;
  readonly kind: "option" | "argument" | "rest";
  /** The names of an option. */
  readonly names: readonly Name[];
  /** Undefined for an option without a value, and for the remaining words. */
  readonly value?: Value<unknown>;
  readonly description: Message;
  /** The environment variable that is read if the option is not given. */
  readonly env?: string;
  readonly absent: Absent;
  /** Makes the field's value from what was read. */
  readonly convert?: (value: unknown) => unknown;
  /** The title in help under which the option is listed. */
  readonly title?: string;
}

/** The fields of a command line, by the names of their values. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The help of an option. */
export interface OptionHelp {
  readonly description: Message;
  /** The environment variable that is read if the option is not given. */
  readonly env?: string;
}

/** Defines an option without a value. */
export function flag(
  ...args: [name: Name, help: OptionHelp] | [name: Name, short: Name, help: OptionHelp]
): Field<true> {
  const help = args.at(-1) as OptionHelp;
  return { kind: "option", names: args.slice(0, -1) as Name[], ...help, absent: { kind: "refused" } };
}

/** Defines an option with a value. */
export function option<T>(
  ...args: [name: Name, value: Value<T>, help: OptionHelp] | [
    name: Name,
    short: Name,
    value: Value<T>,
    help: OptionHelp,
  ]
): Field<T> {
  const [value, help] = args.slice(-2) as [Value<unknown>, OptionHelp];
  return { kind: "option", names: args.slice(0, -2) as Name[], value, ...help, absent: { kind: "refused" } };
}

/**
 * Defines an argument of the command line.
 *
 * @param description undefined if another form of the command line describes it
 */
export function argument<T>(value: Value<T>, { description = [] }: { readonly description?: Message } = {}): Field<T> {
  return {
    kind: "argument",
    names: [],
    value: value as Value<unknown>,
    description,
    absent: { kind: "refused" },
  };
}

/** Defines the words after all arguments, which may look like options. */
export function rest(description: Message): Field<readonly string[]> {
  return { kind: "rest", names: [], description, absent: { kind: "empty" } };
}

/**
 * Gives a field a value for the case that it is not given.
 *
 * @param described describes the value in help; undefined: the value itself
 */
export function withDefault<T, const D>(field: Field<T>, value: D, described?: Message): Field<T | D> {
  return { ...field as Field<unknown>, absent: { kind: "value", value, ...(described && { described }) } } as Field<
    T | D
  >;
}

/**
 * Makes an option whose value is undefined if it is not given.
 *
 * @param otherwise describes the default in help
 */
export function unset<T>(field: Field<T>, otherwise: Message): Field<T | undefined> {
  return withDefault(field, undefined, otherwise);
}

/** Makes an argument whose value is undefined if it is not given. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return withDefault(field, undefined);
}

/** Makes a field that may be given any number of times. */
export function multiple<T>(field: Field<T>): Field<readonly T[]> {
  return { ...field as Field<unknown>, absent: { kind: "empty" } } as Field<readonly T[]>;
}

/** Makes an option without a value that turns something off: its value is true if it is not given. */
export function inverted(field: Field<true>): Field<boolean> {
  return { ...withDefault(field, false), convert: (given) => !given };
}

/** Puts options under a title in help. */
export function grouped<F extends Fields>(title: string, fields: F): F {
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, { ...field, title }])) as unknown as F;
}
