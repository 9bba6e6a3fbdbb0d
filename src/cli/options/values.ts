/** Options that several commands share, and value parsers. */

import { message } from "@optique/core/message";
import { map, withDefault } from "@optique/core/modifiers";
import type { NonEmptyString } from "@optique/core/nonempty";
import { choice, integer, type ValueParser, type ValueParserResult } from "@optique/core/valueparser";
import { addressOf, authority } from "../../host.ts";
import { flag, grouped, option, unset, type Value } from "./option.ts";
import { program } from "./paths.ts";
import { formatSize, parseSize } from "./size.ts";

/** The option `--python`, which several commands share. */
export const python = () =>
  unset(
    option("--python", program(), {
      description: message`The Python to run the script with.`,
      env: "AIMODELLIB_PYTHON",
    }),
    message`the module's ${".venv"}, ${"VIRTUAL_ENV"}, ${"CONDA_PREFIX"}, ${"python3"} or ${"python"}`,
  );

/** `--no-check` and the `--python` of a check. */
export const checkFields = grouped("Check", {
  check: map(
    withDefault(
      flag("--no-check", { description: message`Do not check that the scripts define the required functions.` }),
      false,
    ),
    (left) => !left,
  ),
  python: unset(
    option("--python", program(), {
      description: message`The Python that parses the scripts for the check.`,
      env: "AIMODELLIB_PYTHON",
    }),
    message`the same as for ${"train"}`,
  ),
});

/** Parses a number of bytes, such as `100MiB`. */
export function size(): ValueParser<"sync", number> {
  return {
    mode: "sync",
    metavar: "SIZE",
    placeholder: 0,
    parse(input: string): ValueParserResult<number> {
      const value = parseSize(input);
      if (value !== undefined) return { success: true, value };
      return { success: false, error: message`Expected a size such as ${"100MiB"}, but got ${input}.` };
    },
    format: formatSize,
  };
}

/** Parses a whole number above 0, or `auto`. */
export function numberOrAuto(): Value<number | "auto"> {
  return {
    bounds: "1 to 9999, or auto",
    mode: "sync",
    metavar: "N",
    placeholder: 1,
    parse(input: string): ValueParserResult<number | "auto"> {
      if (input === "auto") return { success: true, value: input };
      if (/^[1-9]\d{0,3}$/.test(input)) return { success: true, value: Number(input) };
      return { success: false, error: message`Expected a number above 0, or ${"auto"}, but got ${input}.` };
    },
    format: String,
  };
}

/** Parses seconds above 0, such as `30` or `0.5`, into ms. */
export function seconds(): Value<number> {
  return {
    bounds: "above 0",
    mode: "sync",
    metavar: "SECONDS",
    placeholder: 1000,
    parse(input: string): ValueParserResult<number> {
      const value = /^\d+(\.\d+)?$/.test(input) ? Number(input) * 1000 : 0;
      if (value > 0 && value < 2 ** 31) return { success: true, value };
      return { success: false, error: message`Expected a number of seconds above 0, but got ${input}.` };
    },
    format: (value) => `${value / 1000} s`,
  };
}

/**
 * Parses a whole number that is at least `min`.
 *
 * @param max the largest number; no limit if undefined
 */
export function whole(metavar: NonEmptyString, min: number, max?: number): Value<number> {
  return {
    ...integer({ metavar, min, ...(max !== undefined && { max }) }),
    bounds: max === undefined ? `${min} or more` : `${min} to ${max}`,
    format: (value) => value.toLocaleString("en"),
  };
}

/** Parses a port number. @param min 0 if 0 is allowed, which picks a free port */
export function port(min: 0 | 1 = 0, metavar: NonEmptyString = "PORT"): Value<number> {
  return { ...whole(metavar, min, 65_535), format: String };
}

/** Parses a port, or an address and a port, such as `127.0.0.1:8080` or `[::1]:0`. The address is 127.0.0.1 unless it is given. */
export function address(
  metavar: NonEmptyString = "[HOST:]PORT",
): Value<{ readonly host: string; readonly port: number }> {
  return {
    bounds: "port 0 to 65535",
    mode: "sync",
    metavar,
    placeholder: { host: "127.0.0.1", port: 0 },
    parse(input: string): ValueParserResult<{ readonly host: string; readonly port: number }> {
      const [, given = "127.0.0.1", digits] = /^(?:(\[[\da-fA-F:.]+\]|[^:[\]\s]+):)?(\d{1,5})$/.exec(input) ?? [];
      const port = Number(digits);
      if (digits !== undefined && port <= 65_535) return { success: true, value: { host: addressOf(given), port } };
      return {
        success: false,
        error:
          message`Expected a port such as ${"6007"}, or an address and a port such as ${"127.0.0.1:6007"}, but got ${input}.`,
      };
    },
    format: ({ host, port }) => authority(host, port),
  };
}

/** Parses one of a few words. */
export function oneOf<const T extends string>(words: readonly T[], metavar: NonEmptyString): Value<T> {
  return choice(words, { metavar, suggest: "nearest" });
}

/** Parses a time above 0, such as `500ms`, `10s`, `2m` or `1h`, or a number of seconds, into ms. */
export function duration(): Value<number> {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  return {
    bounds: "above 0",
    mode: "sync",
    metavar: "TIME",
    placeholder: 1000,
    parse(input: string): ValueParserResult<number> {
      const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(input) ?? [];
      const value = Number(number) * units[unit]!;
      if (value > 0 && value < 2 ** 31) return { success: true, value };
      return { success: false, error: message`Expected a time such as ${"10s"} or ${"2m"}, but got ${input}.` };
    },
    format: (value) => value % 1000 === 0 ? `${value / 1000} s` : `${value} ms`,
  };
}

/** Parses words that are separated by commas. */
export function list(metavar: NonEmptyString): ValueParser<"sync", readonly string[]> {
  return {
    mode: "sync",
    metavar,
    placeholder: [],
    parse: (input) => ({ success: true, value: input.split(",").map((word) => word.trim()).filter(Boolean) }),
    format: (value) => value.join(","),
  };
}
