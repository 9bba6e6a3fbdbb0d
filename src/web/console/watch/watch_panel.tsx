/** The panel "Watch": what the chosen model did in the last quarter of an hour, and its workers now. */

import { useMemo } from "hono/jsx/dom";
import { formatMs } from "../format.ts";
import { bounds, connection, scripts, seconds, workerEvents, workers } from "../live.ts";
import { useModel } from "../server.ts";
import { useStore } from "../store.ts";
import { BatchSizes } from "./batch_sizes.tsx";
import { Chart, type Series } from "./chart.tsx";
import { ReloadButton } from "./reload_button.tsx";
import { ScriptTable } from "./script_table.tsx";
import { type Point, pointsOf, STAGES, stepOf } from "./series.ts";
import { WorkerEvents } from "./worker_events.tsx";
import { WorkersTable } from "./workers_table.tsx";

/** The charts and the workers of a model. */
export function WatchPanel() {
  const model = useModel();
  const where = useStore(connection);
  const all = useStore(seconds);
  const limits = useStore(bounds);
  const own = all.get(model?.name ?? "") ?? [];
  const points = useMemo(() => pointsOf(own, limits), [own, limits]);
  const { models, more = 0 } = useStore(scripts);
  const now = useStore(workers).filter((worker) => worker.model === model?.name);
  const events = useStore(workerEvents).filter((event) => event.model === model?.name);
  if (where === "off") return <p class="card">This server keeps no figures for the console.</p>;
  const times = points.map(({ t }) => t);
  const line = (name: string, tone: string, value: (point: Point) => number | undefined): Series => ({
    name,
    tone,
    values: points.map(value),
  });
  return (
    <div class="watch">
      <div class="watch-head">
        <p class="note">
          {where === "lost"
            ? "Not connected: these are the last figures"
            : stepOf(own) === 1
            ? "The last 3 minutes, a point for each second"
            : "The last 15 minutes, a point for 5 seconds"}
        </p>
        <ReloadButton />
      </div>
      <div class="charts">
        <Chart
          title="Requests a second"
          times={times}
          format={number}
          series={[
            line("answered", "accent", ({ ok }) => ok),
            line("refused", "warn", ({ refused }) => refused),
            line("failed", "bad", ({ failed }) => failed),
          ]}
        />
        <Chart
          title="Time until the answer"
          times={times}
          format={formatMs}
          series={[
            line("p50", "accent", ({ p50 }) => p50),
            line("p90", "violet", ({ p90 }) => p90),
            line("p99", "warn", ({ p99 }) => p99),
          ]}
        />
        <Chart
          title="Time in each stage"
          times={times}
          format={formatMs}
          series={STAGES.map((stage, index) => line(stage, TONES[index]!, ({ stages }) => stages[index]))}
        />
        <Chart
          title="Requests in the server"
          times={times}
          format={number}
          series={[
            line("waiting", "warn", ({ queued }) => queued),
            line("in workers", "accent", ({ busy }) => busy),
          ]}
        />
        {points.some(({ batch }) => batch !== undefined) && (
          <Chart
            title="Requests in a batch"
            times={times}
            format={number}
            series={[
              line("mean", "accent", ({ batch }) => batch),
              line("p90", "violet", ({ batchP90 }) => batchP90),
            ]}
          />
        )}
        <BatchSizes seconds={own} limits={limits.batches} />
      </div>
      <ScriptTable series={new Map(Object.entries(models)).get(model?.name ?? "") ?? []} more={more} />
      <WorkersTable workers={now} />
      <WorkerEvents events={events} />
    </div>
  );
}

/** The colours of the stages. */
const TONES = ["warn", "green", "accent", "violet"];

function number(value: number): string {
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}
