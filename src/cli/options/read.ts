/**
 * Parses command lines of the usual kind, fast. Everything else is left to the library's parser (`parser.ts`), which knows all forms
 * and makes the errors: this one never decides that a command line is wrong.
 */

import type { Form } from "./form.ts";
import type { Field } from "./option.ts";

/** What the quick parser has made of a command line. */
export type Read<T> =
  | { readonly kind: "parsed"; readonly value: T }
  /** The library has to parse it. `word` is where reading has ended; undefined: at the end. */
  | { readonly kind: "unusual"; readonly word: string | undefined };

/** Parses the words after a command's name, if each of them has the usual form. */
export function read<T>(form: Form<T>, words: readonly string[]): Read<T> {
  const fields = Object.entries(form.fields);
  const options = new Map(fields.flatMap(([key, field]) => field.names.map((name) => [name as string, key] as const)));
  const positions = fields.filter(([, { kind }]) => kind !== "option").map(([key]) => key);
  const found = new Map<string, unknown[]>();
  const take = (key: string, value: unknown): boolean => {
    const values = found.get(key);
    if (value === undefined || (values !== undefined && form.fields[key]!.absent.kind !== "empty")) return false;
    if (values === undefined) found.set(key, [value]);
    else values.push(value);
    return true;
  };
  let position = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const key = positions[position];
    const field = key === undefined ? undefined : form.fields[key]!;
    if (key !== undefined && field?.kind === "rest") {
      // It ends the options, and may not belong to these words.
      if (word === "--") return { kind: "unusual", word };
      found.set(key, words.slice(at));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      if (key === undefined || field === undefined || !take(key, readValue(field, word))) {
        return { kind: "unusual", word };
      }
      if (field.absent.kind !== "empty") position++;
      continue;
    }
    if (form.options === "first" && position > 0) return { kind: "unusual", word };
    const end = word.startsWith("--") ? word.indexOf("=") : -1;
    const name = options.get(end < 0 ? word : word.slice(0, end));
    if (name === undefined) return { kind: "unusual", word };
    const option = form.fields[name]!;
    if (option.value === undefined) {
      if (end >= 0 || !take(name, true)) return { kind: "unusual", word };
      continue;
    }
    const text = end < 0 ? words[++at] : word.slice(end + 1);
    if (text === undefined || (end < 0 && /^-./.test(text)) || !take(name, readValue(option, text))) {
      return { kind: "unusual", word };
    }
  }
  const values: Record<string, unknown> = {};
  for (const [key, field] of fields) {
    const given = found.get(key);
    if (given === undefined && field.absent.kind === "refused") return { kind: "unusual", word: undefined };
    values[key] = valueOf(field, given);
  }
  return { kind: "parsed", value: form.result(values) };
}

function readValue({ value }: Field<unknown>, word: string): unknown {
  return value?.read(word);
}

function valueOf({ absent, convert = (value) => value }: Field<unknown>, given: readonly unknown[] | undefined) {
  if (absent.kind === "empty") return convert(given ?? []);
  if (given !== undefined) return convert(given[0]);
  return convert(absent.kind === "value" ? absent.value : undefined);
}
