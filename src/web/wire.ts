/**
 * What the server sends to the console: the JSON of `GET /console/facts` and of the events of `GET /console/events`.
 *
 * The server and the page in the browser both import these types; the module must not import anything that one of them does not have.
 * A time is in milliseconds since 1970 unless its comment says something else, and a duration in seconds.
 */

/** The answer to `GET /console/facts`. */
export interface Facts {
  /** The version of aimodellib. */
  readonly version: string;
  /** When this server started. */
  readonly started: number;
  /** The server's clock at the time of the answer. */
  readonly now: number;
  readonly models: readonly ModelFacts[];
  readonly limits?: Limits | undefined;
  /** Whether requests need a token. */
  readonly secured: boolean;
  /** What the caller may do: read log lines and paths, and reload models. */
  readonly may: { readonly logs: boolean; readonly reload: boolean };
}

/** The facts of a model. Those that are unknown, or that the caller may not see, are left out. */
export interface ModelFacts {
  readonly name: string;
  readonly state: ModelState;
  /** The path that takes requests, relative to the console: `invocations` or `models/NAME/invocations`. */
  readonly path: string;
  /** The number of workers, and how many of them can execute requests. */
  readonly workers: number;
  readonly ready: number;
  /** The file name of the archive. */
  readonly archive?: string | undefined;
  /** SHA-256 of the archive in hexadecimal, and its first 12 digits. */
  readonly sha256?: string | undefined;
  readonly digest?: string | undefined;
  /** The path of the script, relative to the module. */
  readonly script?: string | undefined;
  /** The version of Python. */
  readonly python?: string | undefined;
  /** Absolute paths, for callers who may read the log. */
  readonly module?: string | undefined;
  readonly modelDir?: string | undefined;
  readonly pythonPath?: string | undefined;
  /** Why the model failed, as part of a sentence; only for callers who may read the log. */
  readonly failure?: string | undefined;
}

/** The state of a model. */
export type ModelState = "loading" | "ready" | "degraded" | "restarting" | "stopping" | "failed";

/** The limits that the server was started with. Sizes are in bytes, times in seconds; those that are not set are left out. */
export interface Limits {
  readonly maxBody: number;
  readonly maxBodyMemory?: number | undefined;
  readonly queueSize: number;
  readonly queueTimeout: number;
  readonly requestTimeout?: number | undefined;
  readonly maxBatchSize: number;
  readonly concurrency: number;
  readonly threads: number;
}

/**
 * The events of `GET /console/events`, by name, each with the JSON of its `data`.
 *
 * `hello` comes first; then the history: `seconds` for each model, `worker` and `log`. From then on the stream has `second` and `workers`
 * once a second, `scripts` every five seconds if a script has metrics of its own, and `worker` and `log` as they happen. A request with the header `Last-Event-ID` gets only what came after that event.
 * A reader that is too slow misses the oldest items; a later event says how many.
 */
export interface Events {
  readonly hello: Hello;
  readonly seconds: Seconds;
  readonly second: Tick;
  readonly workers: readonly WorkerNow[];
  readonly scripts: ScriptFigures;
  readonly worker: WorkerEvents;
  readonly log: LogLines;
}

/** The first event of a stream. */
export interface Hello {
  /** Identifies this run of the server. After a restart, numbers begin at zero again. */
  readonly run: string;
  /** The server's clock. */
  readonly now: number;
  /** Whether only what came after `Last-Event-ID` follows. If not, a page should forget what it has. */
  readonly resumed: boolean;
  /** Whether log lines follow. */
  readonly logs: boolean;
  /** The names of all models. */
  readonly models: readonly string[];
  /** The upper bounds of the buckets of {@linkcode Second.latency}, in seconds; one more bucket is unbounded. */
  readonly latencyLimits: readonly number[];
  /** The upper bounds of the buckets of {@linkcode Second.batches}, in requests; one more bucket is unbounded. */
  readonly batchLimits: readonly number[];
}

/** Seconds of one model, the oldest first. */
export interface Seconds {
  readonly model: string;
  readonly seconds: readonly Second[];
}

/** The newest second of all models. */
export interface Tick {
  readonly models: Readonly<Record<string, Second>>;
}

/** What happened to a model within one second. Counts of zero are left out. */
export interface Second {
  /** The end of the second, in seconds since 1970. A second may be missing, such as while the machine was suspended. */
  readonly t: number;
  /** Answers by status: below 400, 4xx, 5xx, and requests whose client disconnected first. */
  readonly answers?: readonly [ok: number, refused: number, failed: number, left: number];
  /** Durations of the requests that were answered, in seconds. */
  readonly latency?: Sparse;
  /** Times in the queue and in the functions of the script. */
  readonly stages?: Readonly<Partial<Record<Stage, Sum>>>;
  /** Sizes of batches, in requests. */
  readonly batches?: Sparse;
  /** Requests that wait for a worker, and that workers have, at the end of the second. */
  readonly queued?: number;
  readonly busy?: number;
  /** Workers that can execute requests, at the end of the second. */
  readonly ready?: number;
}

/** Where a request spends time. */
export type Stage = "queue" | "deserialize" | "predict" | "serialize";

/** How many values there were, and their sum. */
export type Sum = readonly [count: number, sum: number];

/** A histogram without its empty buckets. */
export interface Sparse {
  /** Pairs of a bucket's index and its count, in one list: `[index, count, index, count]`. */
  readonly counts: readonly number[];
  /** The sum of all values. */
  readonly sum: number;
}

/** A worker as it is now. */
export interface WorkerNow {
  /** Its name in logs: `1`, or `MODEL/1` if there are several models. */
  readonly name: string;
  readonly model: string;
  /** `restarting`: it has ended, and another is about to start. `ending`: it answers what it has and takes nothing more. */
  readonly state: "starting" | "loading" | "ready" | "ending" | "restarting";
  readonly pid?: number | undefined;
  /** When its process was started, and when it was ready. */
  readonly started?: number | undefined;
  readonly ready?: number | undefined;
  /** Requests that it has not answered. */
  readonly busy: number;
  /** Resident memory in bytes. */
  readonly memory?: number | undefined;
  /** Processors that it used since the event before: 1 is one whole processor. */
  readonly cpu?: number | undefined;
  /** The device that it was given, such as `cpu` or `GPU 0`. */
  readonly device?: string | undefined;
  /** How often a worker in this place ended without being asked to, and how often one was replaced. */
  readonly deaths: number;
  readonly replaced: number;
}

/** The metrics that scripts have of their own, over all workers of a model. */
export interface ScriptFigures {
  readonly models: Readonly<Record<string, readonly ScriptSeries[]>>;
  /** How many series are left out, since there are too many to show. */
  readonly more?: number | undefined;
}

/** One series of a script's metric. */
export interface ScriptSeries {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: Readonly<Record<string, string | number>>;
  /** The value of a counter or gauge; the sum of a histogram's values. JSON has no NaN and no infinite numbers. */
  readonly value: number | "NaN" | "Infinity" | "-Infinity";
  /** How many values a histogram has. */
  readonly count?: number | undefined;
}

/** Events of workers, the oldest first. */
export interface WorkerEvents {
  readonly events: readonly WorkerEvent[];
  /** How many events before these have been dropped. */
  readonly skipped?: number | undefined;
}

/** Something that happened to a worker. */
export interface WorkerEvent {
  readonly t: number;
  readonly kind: "started" | "ready" | "ended";
  /** The worker's name in logs. */
  readonly worker: string;
  readonly model: string;
  readonly pid?: number | undefined;
  /** For `ready`: how long it took to load, in seconds. */
  readonly seconds?: number | undefined;
  /** For `ended`: whether it was asked to, and why it ended, as part of a sentence. */
  readonly expected?: boolean | undefined;
  readonly cause?: string | undefined;
  /** For `ended`: ids of the requests that were in it, at most 20, and how many there were. */
  readonly requests?: readonly string[] | undefined;
  readonly requestCount?: number | undefined;
  /** For `ended`: the resident memory that was seen last, in bytes. */
  readonly memory?: number | undefined;
}

/** Lines of the log, the oldest first. */
export interface LogLines {
  readonly lines: readonly LogLine[];
  /** How many lines before these have been dropped. */
  readonly skipped?: number | undefined;
}

/** A line of the log. */
export interface LogLine {
  readonly t: number;
  readonly level: LogLevel;
  /** `worker` for what a script printed or logged; else the part of the server. */
  readonly logger: string;
  /** The worker's name, and the id of the request, if it is about one. */
  readonly worker?: string | undefined;
  readonly request?: string | undefined;
  readonly text: string;
  /** Python's traceback. */
  readonly traceback?: string | undefined;
}

/** The level of a log line. */
export type LogLevel = "trace" | "debug" | "info" | "warning" | "error" | "fatal";

/** The answer to `POST /admin/reload`. */
export interface Reloaded {
  readonly models: readonly {
    readonly name: string;
    readonly reloaded: boolean;
    readonly cause?: string | undefined;
  }[];
}
