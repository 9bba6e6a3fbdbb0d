/** What a worker tells its slot. */

import type { Exit } from "../bridge/mod.ts";
import type { ScriptError } from "../errors.ts";
import type { Job } from "./job.ts";

/** What a worker counts since its start, as STATS has it: counts by buckets, and behind them their sum. */
export type Times = Readonly<Record<string, readonly number[]>>;

/** What a worker's process takes of the machine. */
export interface Usage {
  /** Memory that is in RAM, in bytes. */
  readonly rss: number;
  /** Time of processors since its start, in seconds. */
  readonly cpu: number;
  /** What it has counted since then. */
  readonly times: Times;
}

/** What a worker tells its pool. */
export interface WorkerEvents {
  /** It has loaded the model. */
  readonly onReady: () => void;
  /** It has room for another job. */
  readonly onRoom: () => void;
  /** It should be replaced, for a reason to be shown. */
  readonly onWorn: (reason: string) => void;
  /** It says what it takes, and has counted; `before` is what it said last. */
  readonly onUsage: (usage: Usage, before: Usage | undefined) => void;
  /** It has not begun these jobs, and another worker may take them; in their order. */
  readonly onTakenBack: (jobs: readonly Job[]) => void;
  /** It is dead. `orphans` were never begun, in their order. */
  readonly onDead: (death: Death, orphans: readonly Job[]) => void;
}

/** How a worker ended. */
export interface Death {
  /** In words, to follow "because of". */
  readonly cause: string;
  /** Set when the script could not be loaded: restarting won't help until it is mended. */
  readonly loadError?: ScriptError;
  /** How long it had been ready, in ms; 0 if it never was. */
  readonly readyMs: number;
  /** Whether it ended as it was asked to: when it had answered what it had, or while it was loading. */
  readonly stopped: boolean;
  /** Whether it was ended since a request took too long. */
  readonly overran: boolean;
  /** The ids of the requests that it had begun, and not finished, as far as they have some; the oldest first. */
  readonly requests: readonly string[];
  /** The memory that its process had, in bytes, and how long before it ended that was, in ms; undefined if nobody has looked. */
  readonly memory?: { readonly bytes: number; readonly ageMs: number } | undefined;
  /** How its process ended; undefined if it could not be started. */
  readonly exit?: Exit | undefined;
}
