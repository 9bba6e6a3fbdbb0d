/**
 * What a training sends to its console: the events of `GET /console/events`, with the JSON of their `data`.
 *
 * The server and the page in the browser both import these types; the module must not import anything that one of them does not have.
 * A time is in milliseconds since 1970.
 */

import type { LogLines } from "./wire.ts";

/** The events by name. `hello` and `state` come first, then everything that is known, then what happens. `ended` is the last. */
export interface TrainEvents {
  readonly hello: TrainFacts;
  readonly state: TrainState;
  readonly usage: Usage;
  readonly curve: CurveUpdate;
  /** What the console can't show, and why. */
  readonly notes: readonly string[];
  readonly log: LogLines;
  readonly ended: Ended;
}

/** What runs, as far as it is known at the start. */
export interface TrainFacts {
  /** The version of aimodellib. */
  readonly version: string;
  /** The server's clock, and when the run began. */
  readonly now: number;
  readonly started: number;
  /** The name of the module or the archive. */
  readonly name: string;
  readonly module: string;
  readonly script: string;
  readonly modelDir: string;
  /** The arguments of the script. Secrets are masked. */
  readonly args: readonly string[];
  /** The folders whose event files are read. */
  readonly folders: readonly string[];
}

/** The progress of a run. What is not known yet is left out. */
export interface TrainState {
  /** `preparing`: the environment is made; `training`: the script runs. */
  readonly state: "preparing" | "training";
  /** The path of the Python. */
  readonly python?: string | undefined;
  readonly pid?: number | undefined;
}

/** The processor and memory use of a training's processes. */
export interface Usage {
  readonly t: number;
  readonly processes: number;
  /** Processors: 1 is one whole processor. Left out in the first reading. */
  readonly cpu?: number | undefined;
  /** Resident memory in bytes. Pages that processes share count for each of them. */
  readonly memory: number;
  readonly gpus: readonly Gpu[];
}

/** An NVIDIA device. Values are those of the whole device, whoever uses it. */
export interface Gpu {
  readonly index: string;
  readonly name: string;
  /** 0 to 100; left out if the device does not report it. */
  readonly percent?: number | undefined;
  /** Memory in bytes. */
  readonly used: number;
  readonly total: number;
}

/** A number. Strings stand for NaN and infinite numbers, which JSON lacks. */
export type ScalarValue = number | "NaN" | "Infinity" | "-Infinity";

/** A point of a curve. */
export type Point = readonly [step: number, value: ScalarValue, t: number];

/** New points of a curve. */
export interface CurveUpdate {
  readonly tag: string;
  /** Distinguishes curves of one tag, such as `train` and `validation`; often empty. */
  readonly run: string;
  /** Whether the points replace those from before. If not, they follow them. */
  readonly isNew: boolean;
  readonly points: readonly Point[];
  readonly last: Point;
  /** How many points there were, of which the page gets an even selection, and how many had no finite value. */
  readonly count: number;
  readonly notFinite: number;
}

/** How a run has ended. */
export interface Ended {
  readonly t: number;
  readonly code: number;
  /** Why it has failed, or a warning. */
  readonly message?: string | undefined;
}
