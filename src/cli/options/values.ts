/** Options that several commands share, and kinds of values. */

import { addressOf, authority } from "../../host.ts";
import { message } from "./message.ts";
import { flag, grouped, inverted, option, type Otherwise, unset, type Value } from "./option.ts";
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
  check: inverted(
    flag("--no-check", { description: message`Do not check that the scripts define the required functions.` }),
  ),
  python: unset(
    option("--python", program(), {
      description: message`The Python that parses the scripts for the check.`,
      env: "AIMODELLIB_PYTHON",
    }),
    message`the same as for ${"train"}`,
  ),
});

/** A number of bytes, such as `100MiB`. */
export function size(): Value<number> {
  return {
    metavar: "SIZE",
    read: parseSize,
    format: formatSize,
    otherwise: expected((word) => message`Expected a size such as ${"100MiB"}, but got ${word}.`),
  };
}

/** A whole number above 0, or `auto`. */
export function numberOrAuto(): Value<number | "auto"> {
  return {
    bounds: "1 to 9999, or auto",
    metavar: "N",
    read(word) {
      if (word === "auto") return word;
      return /^[1-9]\d{0,3}$/.test(word) ? Number(word) : undefined;
    },
    format: String,
    otherwise: expected((word) => message`Expected a number above 0, or ${"auto"}, but got ${word}.`),
  };
}

/** Seconds above 0, such as `30` or `0.5`, as ms. */
export function seconds(): Value<number> {
  return {
    bounds: "above 0",
    metavar: "SECONDS",
    read(word) {
      const value = /^\d+(\.\d+)?$/.test(word) ? Number(word) * 1000 : 0;
      return value > 0 && value < 2 ** 31 ? value : undefined;
    },
    format: (value) => `${value / 1000} s`,
    otherwise: expected((word) => message`Expected a number of seconds above 0, but got ${word}.`),
  };
}

/**
 * A whole number that is at least `min`.
 *
 * @param max the largest number; no limit if undefined
 */
export function whole(metavar: string, min: number, max?: number): Value<number> {
  return {
    metavar,
    read(word) {
      const value = /^(?:0|[1-9]\d{0,14})$/.test(word) ? Number(word) : undefined;
      return value === undefined || value < min || value > (max ?? Infinity) ? undefined : value;
    },
    bounds: max === undefined ? `${min} or more` : `${min} to ${max}`,
    format: (value) => value.toLocaleString("en"),
    otherwise: { kind: "whole", min, ...(max !== undefined && { max }) },
  };
}

/** The number of a port. @param min 0 if 0 is allowed, which picks a free port */
export function port(min: 0 | 1 = 0, metavar: string = "PORT"): Value<number> {
  return { ...whole(metavar, min, 65_535), format: String };
}

/** A port, or an address and a port, such as `127.0.0.1:8080` or `[::1]:0`. The address is 127.0.0.1 unless it is given. */
export function address(metavar: string = "[HOST:]PORT"): Value<{ readonly host: string; readonly port: number }> {
  return {
    bounds: "port 0 to 65535",
    metavar,
    read(word) {
      const [, given = "127.0.0.1", digits] = /^(?:(\[[\da-fA-F:.]+\]|[^:[\]\s]+):)?(\d{1,5})$/.exec(word) ?? [];
      const port = Number(digits);
      return digits !== undefined && port <= 65_535 ? { host: addressOf(given), port } : undefined;
    },
    format: ({ host, port }) => authority(host, port),
    otherwise: expected((word) =>
      message`Expected a port such as ${"6007"}, or an address and a port such as ${"127.0.0.1:6007"}, but got ${word}.`
    ),
  };
}

/** One of a few words. */
export function oneOf<const T extends string>(words: readonly T[], metavar: string): Value<T> {
  return {
    metavar,
    read: (word) => words.find((known) => known === word),
    format: String,
    otherwise: { kind: "choice", words },
  };
}

/** A time above 0, such as `500ms`, `10s`, `2m` or `1h`, or a number of seconds, as ms. */
export function duration(): Value<number> {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  return {
    bounds: "above 0",
    metavar: "TIME",
    read(word) {
      const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(word) ?? [];
      const value = Number(number) * units[unit]!;
      return value > 0 && value < 2 ** 31 ? value : undefined;
    },
    format: (value) => value % 1000 === 0 ? `${value / 1000} s` : `${value} ms`,
    otherwise: expected((word) => message`Expected a time such as ${"10s"} or ${"2m"}, but got ${word}.`),
  };
}

/** Words that are separated by commas. */
export function list(metavar: string): Value<readonly string[]> {
  return {
    metavar,
    read: (word) => word.split(",").map((part) => part.trim()).filter(Boolean),
    format: (value) => value.join(","),
    otherwise: { kind: "none" },
  };
}

/** The error of a value that names the expected form. */
function expected(describe: Extract<Otherwise, { kind: "message" }>["describe"]): Otherwise {
  return { kind: "message", describe };
}
