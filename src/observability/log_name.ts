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
 * The absolute path of a log at a time.
 *
 * @param zone names the time zone then
 * @throws {UsageError} if it leads out of the root, or there is no name
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
 * Makes the folder of a log. Links in the way must not lead out of the root.
 *
 * @throws {UsageError} if one does
 * @throws {Deno.errors} if it can't be made
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

/** The name of a run's log where other runs have those before it: `x.log`, `x-2.log`, `x-3.log`. */
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
