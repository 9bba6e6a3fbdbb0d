/**
 * The lines of the access log.
 *
 * A small request takes about 20 µs of CPU time in all; `JSON.stringify()` and the searches for what must be escaped or hidden would add
 * several. Nearly all lines need neither: they differ from others only in their numbers and their id. Such a line is put together from text
 * that was checked once.
 */

import { hideCredentials } from "../credentials.ts";
import { printable, printableJson } from "../printable.ts";

/** A request that was answered, or whose client disconnected. */
export interface AccessRecord {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Time from the request's head to the end of its answer, in ms; the line rounds it to microseconds. */
  readonly ms: number;
  /** The number of parts, for an answer in parts. */
  readonly parts?: number | undefined;
  readonly request_id: string;
  readonly trace_id?: string | undefined;
}

/** What lines with the same method, path and status have in common. */
interface Shared {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** The text between the time and the duration; undefined if something in it may have to be escaped or hidden. */
  readonly before: string | undefined;
  /** In JSON, the text between the message and the duration as a field. */
  readonly after: string;
}

/** Text that no format escapes, and in which `hideCredentials()` finds nothing, since it has no `@`, `%40` or `=`. */
const PLAIN = /^(?:[!#$&-<>?A-[\]^_`a-z{|}~]|%(?!40))*$/;
/** The same for ids of requests and traces, which have few characters. */
const PLAIN_ID = /^[\w.:/+-]*$/;

/** The longest path for which a {@linkcode Shared} is kept, in characters, and how many are kept: clients choose the paths. */
const MAX_PATH = 256;
const MAX_KEPT = 256;

/** What follows the whole milliseconds of a duration, by its microseconds. */
const DECIMALS = Array.from({ length: 1000 }, (_, i) => String(i / 1000).slice(1));

/** Formats the lines of the access log. */
export class AccessLines {
  readonly #json: boolean;
  readonly #kept = new Map<string, Shared>();
  #last: Shared = { method: "", path: "", status: 0, before: undefined, after: "" };
  #lastTime = NaN;
  /** How lines of that time begin. */
  #beginning = "";

  constructor(format: "text" | "json") {
    this.#json = format === "json";
  }

  /** Formats a record as a line, with its line break. @param time when the request was answered, in ms since 1970 */
  format(record: AccessRecord, time: number): string {
    const { method, path, status, parts, request_id: id, trace_id: trace } = record;
    let shared = this.#last;
    if (status !== shared.status || path !== shared.path || method !== shared.method) {
      shared = this.#last = this.#sharedOf(method, path, status);
    }
    const { before } = shared;
    if (before === undefined || !PLAIN_ID.test(id) || (trace !== undefined && !PLAIN_ID.test(trace))) {
      return this.#json ? jsonLine(record, time) : textLine(record, time);
    }
    if (time !== this.#lastTime) {
      this.#lastTime = time;
      this.#beginning = beginningOf(this.#json, time);
    }
    const ms = durationOf(record.ms);
    const message = this.#beginning + before + (ms + (parts === undefined ? " ms" : ` ms, ${parts} parts`));
    if (!this.#json) return `${message}\n`;
    const line = message + shared.after + (parts === undefined ? ms : `${ms},"parts":${parts}`) + ',"request_id":"' +
      id;
    return trace === undefined ? `${line}"}\n` : `${line}","trace_id":"${trace}"}\n`;
  }

  #sharedOf(method: string, path: string, status: number): Shared {
    const key = `${status} ${method} ${path}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const shared = {
      method,
      path,
      status,
      before: PLAIN.test(method) && PLAIN.test(path) ? `${method} ${path} ${status} ` : undefined,
      after: `","method":"${method}","path":"${path}","status":${status},"ms":`,
    };
    if (path.length <= MAX_PATH) {
      if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
      this.#kept.set(key, shared);
    }
    return shared;
  }
}

function beginningOf(json: boolean, time: number): string {
  const text = new Date(time).toISOString();
  return json ? `{"time":"${text}","level":"info","logger":"access","message":"` : `${text} INFO `;
}

/** A duration as text, as `String()` formats it after rounding to microseconds. */
function durationOf(ms: number): string {
  const micros = Math.round(ms * 1000);
  const whole = Math.floor(micros / 1000);
  return whole + DECIMALS[micros - whole * 1000]!;
}

function textLine(record: AccessRecord, time: number): string {
  return hideCredentials(`${new Date(time).toISOString()} INFO ${printable(messageOf(record))}\n`);
}

function jsonLine(record: AccessRecord, time: number): string {
  const { method, path, status, parts, request_id, trace_id } = record;
  const fields = {
    time: new Date(time).toISOString(),
    level: "info",
    logger: "access",
    message: messageOf(record),
    method,
    path,
    status,
    ms: Number(durationOf(record.ms)),
    parts,
    request_id,
    trace_id,
  };
  return hideCredentials(`${printableJson(JSON.stringify(fields))}\n`);
}

function messageOf({ method, path, status, ms, parts }: AccessRecord): string {
  return `${method} ${path} ${status} ${durationOf(ms)} ms${parts === undefined ? "" : `, ${parts} parts`}`;
}
