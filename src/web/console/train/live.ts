/** What the page knows of a training: it reads `GET console/events`, and keeps what it needs to show. */

import type { CurveUpdate, Ended, Point, TrainEvents, TrainFacts, TrainState, Usage } from "../../train_wire.ts";
import type { LogLine } from "../../wire.ts";
import { EventReader, type ServerEvent } from "../events.ts";
import { connection, logLines, mayReadLog } from "../live.ts";
import { Store } from "../store.ts";

/** How much the page keeps. */
const MAX_LINES = 2000;
const MAX_USAGES = 150;

/** How long the page waits before it connects again, in ms. */
const PAUSE_MS = 2000;

/** How often curves and lines are drawn, in ms: there may be thousands of points in a second. */
const FLUSH_MS = 250;

/** A curve, with all points that the page has. */
export interface Curve extends Omit<CurveUpdate, "isNew"> {
  readonly points: readonly Point[];
}

/** The curves of one name, in the order of their runs. */
export interface Chart {
  readonly tag: string;
  readonly curves: readonly Curve[];
}

/** What runs; undefined until the server has said it. `clock` is by how much the server's clock is ahead, in ms. */
export const facts: Store<(TrainFacts & { readonly clock: number }) | undefined> = new Store<
  (TrainFacts & { readonly clock: number }) | undefined
>(undefined);

/** How far the run is. */
export const state: Store<TrainState> = new Store<TrainState>({ state: "preparing" });

/** How the run has ended; undefined while it goes on. */
export const ended: Store<Ended | undefined> = new Store<Ended | undefined>(undefined);

/** What the processes used in the last minutes, the oldest first. */
export const usages: Store<readonly Usage[]> = new Store<readonly Usage[]>([]);

/** The curves, by the names of their charts. */
export const charts: Store<readonly Chart[]> = new Store<readonly Chart[]>([]);

/** What the server can't show. */
export const notes: Store<readonly string[]> = new Store<readonly string[]>([]);

let lines: LogLine[] = [];
let curves = new Map<string, Map<string, Curve>>();
let changed = new Set<string>();
let flushing: ReturnType<typeof setTimeout> | undefined;

/** Follows the training until it has ended, and connects again if the connection is lost. */
export async function followTraining(): Promise<void> {
  mayReadLog.set(true);
  while (ended.value === undefined) {
    await follow().catch(() => {});
    if (ended.value !== undefined) return;
    connection.set("lost");
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Reads the stream until it ends. @throws {TypeError} if the server can't be reached */
async function follow(): Promise<void> {
  const response = await fetch("console/events", { headers: { accept: "text/event-stream" } });
  if (!response.ok) return;
  const events = new EventReader();
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    for (const event of events.push(value!)) take(event);
  }
}

function take({ name, data }: ServerEvent): void {
  switch (name as keyof TrainEvents) {
    case "hello": {
      const hello: TrainEvents["hello"] = JSON.parse(data);
      forget();
      facts.set({ ...hello, clock: hello.now - Date.now() });
      connection.set("open");
      break;
    }
    case "state":
      state.set(JSON.parse(data) as TrainEvents["state"]);
      break;
    case "usage":
      usages.set([...usages.value, JSON.parse(data) as TrainEvents["usage"]].slice(-MAX_USAGES));
      break;
    case "notes":
      notes.set(JSON.parse(data) as TrainEvents["notes"]);
      break;
    case "curve":
      takeCurve(JSON.parse(data) as TrainEvents["curve"]);
      break;
    case "log":
      lines.push(...(JSON.parse(data) as TrainEvents["log"]).lines);
      break;
    case "ended":
      ended.set(JSON.parse(data) as TrainEvents["ended"]);
  }
  flushing ??= setTimeout(flush, FLUSH_MS);
}

function takeCurve({ isNew, ...update }: CurveUpdate): void {
  const { tag, run } = update;
  const runs = curves.get(tag) ?? new Map<string, Curve>();
  curves.set(tag, runs);
  const before = isNew ? [] : runs.get(run)?.points ?? [];
  runs.set(run, { ...update, points: [...before, ...update.points] });
  changed.add(tag);
}

function flush(): void {
  flushing = undefined;
  if (lines.length > 0) logLines.set([...logLines.value, ...lines].slice(-MAX_LINES));
  lines = [];
  if (changed.size === 0) return;
  // A chart that has not changed keeps its identity, and is not drawn again.
  const before = new Map(charts.value.map((chart) => [chart.tag, chart]));
  charts.set(
    [...curves.keys()].sort().map((tag) =>
      changed.has(tag) ? { tag, curves: sorted([...curves.get(tag)!.values()]) } : before.get(tag)!
    ),
  );
  changed = new Set();
}

function sorted(curves: readonly Curve[]): Curve[] {
  return curves.toSorted((one, other) => one.run < other.run ? -1 : 1);
}

function forget(): void {
  lines = [];
  curves = new Map();
  changed = new Set();
  logLines.set([]);
  charts.set([]);
  notes.set([]);
}
