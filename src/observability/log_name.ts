/** The path of a log file: its name comes from the clock, and it must stay inside the run's root. */

import { UsageError } from "../errors.ts";
import { exists } from "../files.ts";
import { strftime } from "./strftime.ts";

/** The options that determine the path of a log. */
export interface LogPlace {
  /** The absolute path of the run's root. */
  readonly root: string;
  /** The folder of logs, relative to the root. */
  readonly directory: string;
  /** The file name as a `strftime` format; a `/` in it creates folders. */
  readonly format: string;
}

/**
 * Returns the absolute path of a log at a time.
 *
 * @param zone returns the abbreviation of the time zone at a time
 * @throws {UsageError} if the path leads out of the root, or the name is empty
 */
export function logPath({ root, directory, format }: LogPlace, time: Date, zone: (time: Date) => string): string {
  const name = strftime(format, time, zone);
  const parts = `${directory}/${name}`.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || parts.includes("..") || name.includes("\0")) {
    throw new UsageError(`The log's name '${name}' leads out of the run's folder '${root}': change '${format}'`);
  }
  if (name === "" || name.endsWith("/")) throw new UsageError(`'${format}' gives the log no name, but '${name}'`);
  return `${root}/${parts.join("/")}`;
}

/**
 * Creates the folder of a log, unless a link on its path leads out of the root.
 *
 * @throws {UsageError} if a link leads out of the root
 * @throws {Deno.errors} if the folder can't be created
 */
export function makeFolder(path: string, root: string): void {
  const folder = path.slice(0, path.lastIndexOf("/"));
  let there = folder;
  while (there !== root && !exists(there)) there = there.slice(0, there.lastIndexOf("/"));
  Deno.mkdirSync(root, { recursive: true });
  const [real, realRoot] = [Deno.realPathSync(there), Deno.realPathSync(root)];
  if (real !== realRoot && !real.startsWith(`${realRoot === "/" ? "" : realRoot}/`)) {
    throw new UsageError(`The log '${path}' leads out of the run's folder '${root}', through a link to '${real}'`);
  }
  Deno.mkdirSync(folder, { recursive: true });
}

/** Returns the name of the `n`th concurrent run's log: `x.log`, `x-2.log`, `x-3.log`. */
export function nthPath(path: string, n: number): string {
  if (n === 1) return path;
  const [, stem = "", extension = ""] = /^(.*?[^/])(\.[^./]*)?$/s.exec(path) ?? [];
  return `${stem}-${n}${extension}`;
}

/** Returns a function that asks `date` for the abbreviation of the time zone, once for each offset. */
export function zoneNames(): (time: Date) => string {
  const known = new Map<number, string>();
  return (time) => {
    const offset = time.getTimezoneOffset();
    const name = known.get(offset) ?? askZone(time);
    known.set(offset, name);
    return name;
  };
}

function askZone(time: Date): string {
  try {
    const { success, stdout } = new Deno.Command("date", {
      args: ["-d", `@${Math.floor(time.getTime() / 1000)}`, "+%Z"],
    }).outputSync();
    if (success) return new TextDecoder().decode(stdout).trim();
  } catch {
    // The system has no `date`.
  }
  return strftime("%z", time);
}
