/** The events that a worker reports to its slot. */

import type { Exit } from "../bridge/mod.ts";
import type { ScriptError } from "../errors.ts";
import type { Job } from "./job.ts";
import type { ScriptMetric } from "./script_report.ts";

/** Histograms of a worker since its start, from a STATS frame: the counts of the buckets, followed by the sum of the values. */
export type Times = Readonly<Record<string, readonly number[]>>;

/** The resources that a worker's process uses. */
export interface Usage {
  /** Resident memory, in bytes. */
  readonly rss: number;
  /** Processor time since its start, in seconds. */
  readonly cpu: number;
  /** Histograms since its start. */
  readonly times: Times;
}

/** Callbacks through which a worker reports its events. */
export interface WorkerEvents {
  /** The worker has loaded the model. */
  readonly onReady: () => void;
  /** The worker has room for another job. */
  readonly onRoom: () => void;
  /** The worker should be replaced; `reason` is for the log. */
  readonly onWorn: (reason: string) => void;
  /** The worker reports its usage; `before` is its previous report. */
  readonly onUsage: (usage: Usage, before: Usage | undefined) => void;
  /** The worker reports its script's metrics; `since` is when the worker was started, in ms of `performance.now()`. */
  readonly onScriptMetrics: (metrics: readonly ScriptMetric[], since: number) => void;
  /** The worker has not begun these jobs, and another may take them. They are in order. */
  readonly onTakenBack: (jobs: readonly Job[]) => void;
  /** The worker is dead. It never began `orphans`, which are in order. */
  readonly onDead: (death: Death, orphans: readonly Job[]) => void;
}

/** How a worker ended. */
export interface Death {
  /** The cause, as part of a sentence. */
  readonly cause: string;
  /** Set if the script could not be loaded: a restart won't help until it is corrected. */
  readonly loadError?: ScriptError;
  /** How long the worker was ready, in ms; 0 if it never was. */
  readonly readyMs: number;
  /** Whether the worker ended because it was asked to: after it had answered its jobs, or while it was loading. */
  readonly stopped: boolean;
  /** Whether we killed the worker because a request took too long. */
  readonly overran: boolean;
  /** The ids of requests that it had begun and not finished, the oldest first. Requests without an id are left out. */
  readonly requests: readonly string[];
  /** The last reading of the process's memory, in bytes, and how long before the end it was taken, in ms; undefined if there is none. */
  readonly memory?: { readonly bytes: number; readonly ageMs: number } | undefined;
  /** How the process ended; undefined if it could not be started, or SIGKILL did not end it. */
  readonly exit?: Exit | undefined;
}
