/** The state of a training, and the pages that follow it. While no page is open, nothing is read or computed. */

import { parseScalars } from "./scalars.ts";
import { Curves } from "./curves.ts";
import { EventFiles } from "./event_files.ts";
import { EventStreams } from "../recent/event_stream.ts";
import { Gpus } from "../recent/gpus.ts";
import { TrainLog } from "./log.ts";
import { ProcessTree } from "./processes.ts";
import type { Ended, TrainEvents, TrainFacts, TrainState, Usage } from "../web/train_wire.ts";

/** The most pages at the same time. */
export const MAX_PAGES = 16;

/** How often a page gets an update, and how often the processes are read, in ms. */
const INTERVAL_MS = 500;
const USAGE_MS = 2_000;

/** How long new lines of the log are gathered, in ms. */
const GATHER_MS = 100;

/** The most lines in one event. */
const MAX_LINES = 200;

/** A training, as its console sees it. */
export class TrainRun implements Disposable {
  readonly #facts: TrainFacts;
  readonly #curves = new Curves();
  readonly #files: EventFiles;
  readonly #log: TrainLog;
  readonly #tree = new ProcessTree();
  readonly #gpus = new Gpus(USAGE_MS);
  #state: TrainState = { state: "preparing" };
  #usage: Usage | undefined;
  #usageAt = -Infinity;
  #ended: Ended | undefined;
  readonly #pages = new EventStreams(MAX_PAGES);
  #isWatching = false;
  #isClosed = false;
  #woken = Promise.withResolvers<void>();
  #endPause: (() => void) | undefined;
  #gathering: ReturnType<typeof setTimeout> | undefined;

  constructor(facts: TrainFacts) {
    this.#facts = facts;
    this.#files = new EventFiles(facts.folders, facts.started, (...scalar) => this.#curves.add(...scalar));
    this.#log = new TrainLog(() => this.#onLine());
  }

  /** Takes text of the log. */
  readonly log = (bytes: Uint8Array): void => this.#log.take(bytes);

  /** Takes the body of a SCALARS frame. */
  readonly scalars = (body: Uint8Array): void => {
    for (const { name, step, value, time } of parseScalars(body)) this.#curves.add(name, "", step, value, time);
  };

  /** Tells the pages how far the run is. */
  reach(state: TrainState): void {
    this.#state = state;
    this.#wake();
  }

  /** Whether a page follows. */
  get isWatched(): boolean {
    return this.#pages.size > 0;
  }

  /** Tells the pages that the run has ended; their streams end when they have everything. */
  async end(code: number, message: string | undefined): Promise<void> {
    this.#log.take.flush();
    if (this.isWatched) {
      // The rest of the curves.
      await this.#files.poll();
      this.#usage = undefined;
    }
    this.#ended = { t: Date.now(), code, ...(message !== undefined && { message }) };
    this.#endPause?.();
    this.#wake();
  }

  /** The events of this run as a stream. If there are {@linkcode MAX_PAGES} pages already, the oldest stream ends; undefined if all are new. */
  follow(): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    if (this.#isClosed) return undefined;
    const stream = this.#pages.open({
      next: this.#reader(),
      woken: () => this.#woken.promise,
      isOver: () => this.#isClosed,
      leave: () => {
        if (!this.isWatched) this.#endPause?.();
      },
    });
    if (stream !== undefined) void this.#watch();
    return stream;
  }

  /** Ends all streams and timers. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#gathering);
    this.#log.take.flush();
    this.#endPause?.();
    this.#wake();
  }

  /** Makes a function that returns the next event for one page, undefined if nothing has happened since, and null after the last event. */
  #reader(): () => string | null | undefined {
    const { lines } = this.#log;
    const nextCurve = this.#curves.reader();
    let greeted = false;
    let state: TrainState | undefined;
    let usage: Usage | undefined;
    let notes = 0;
    let line = lines.forgotten;
    let ended = false;
    return () => {
      if (!greeted) {
        greeted = true;
        return event("hello", { ...this.#facts, now: Date.now() });
      }
      if (state !== this.#state) {
        state = this.#state;
        return event("state", state);
      }
      const curve = nextCurve();
      if (curve !== undefined) return event("curve", curve);
      const unseen = lines.after(line, MAX_LINES);
      if (unseen !== undefined) {
        line = unseen.last;
        return event("log", { lines: unseen.items, ...(unseen.skipped > 0 && { skipped: unseen.skipped }) });
      }
      if (this.#usage !== undefined && usage !== this.#usage) {
        usage = this.#usage;
        return event("usage", usage);
      }
      const all = this.#notes();
      if (all.length !== notes) {
        notes = all.length;
        return event("notes", all);
      }
      if (this.#ended === undefined) return undefined;
      if (ended) return null;
      ended = true;
      return event("ended", this.#ended);
    };
  }

  #notes(): string[] {
    return [
      ...this.#files.notes,
      ...(this.#curves.isFull ? ["There are more curves than the console keeps: only the first ones are shown"] : []),
    ];
  }

  /** Reads event files, and looks at the processes, as long as there are pages. */
  async #watch(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    while (this.isWatched && this.#ended === undefined && !this.#isClosed) {
      const hasMore = await this.#files.poll();
      this.#look();
      this.#wake();
      await this.#wait(hasMore ? 0 : INTERVAL_MS);
    }
    this.#isWatching = false;
  }

  #look(): void {
    const { pid } = this.#state;
    const now = performance.now();
    if (pid === undefined || this.#ended !== undefined || now - this.#usageAt < USAGE_MS) return;
    this.#usageAt = now;
    this.#usage = { t: Date.now(), ...this.#tree.read(pid), gpus: this.#gpus.newest() };
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      Deno.unrefTimer(Number(timer));
      this.#endPause = end;
    });
  }

  #onLine(): void {
    if (!this.isWatched || this.#gathering !== undefined) return;
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined;
      this.#wake();
    }, GATHER_MS);
    Deno.unrefTimer(Number(this.#gathering));
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }
}

/** The text of an event (WHATWG HTML, section 9.2). */
function event<Name extends keyof TrainEvents>(name: Name, data: TrainEvents[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
