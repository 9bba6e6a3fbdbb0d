/** The row of figures: how long the run takes, and what it uses. */

import { useEffect, useState } from "hono/jsx/dom";
import type { Gpu } from "../../train_wire.ts";
import { formatBytes } from "../format.ts";
import { useStore } from "../store.ts";
import { ended, facts, usages } from "./live.ts";
import { formatElapsed } from "./plot.ts";

/** The size of a line in its own units. */
const [WIDTH, HEIGHT] = [100, 24];

/** Tiles for time, processors, memory and each GPU. */
export function Tiles() {
  const all = useStore(usages);
  const now = all.at(-1);
  return (
    <section class="tiles" aria-label="Resources">
      <Elapsed />
      <Tile
        title="CPU"
        value={now?.cpu === undefined ? "–" : `${Math.round(now.cpu * 100)} %`}
        note={now === undefined ? "" : `${now.processes} process${now.processes === 1 ? "" : "es"}`}
        line={all.map(({ cpu }) => cpu)}
        top={1}
      />
      <Tile
        title="Memory"
        value={now === undefined ? "–" : formatBytes(now.memory)}
        note={now === undefined ? "" : `at most ${formatBytes(Math.max(...all.map(({ memory }) => memory)))}`}
        line={all.map(({ memory }) => memory)}
      />
      {(now?.gpus ?? []).map(({ index, name, percent, used, total }) => {
        const line = all.map(({ gpus }) => gpus.find((gpu: Gpu) => gpu.index === index)?.percent);
        return (
          <Tile
            key={index}
            title={`GPU ${index}`}
            label={name}
            value={percent === undefined ? "–" : `${Math.round(percent)} %`}
            note={`${formatBytes(used)} of ${formatBytes(total)}`}
            line={line}
            top={100}
          />
        );
      })}
    </section>
  );
}

function Elapsed() {
  const known = useStore(facts);
  const end = useStore(ended);
  const [, tick] = useState(0);
  useEffect(() => {
    if (end !== undefined) return;
    const timer = setInterval(() => tick((count: number) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [end === undefined]);
  const until = end?.t ?? Date.now() + (known?.clock ?? 0);
  return (
    <Tile
      title="Elapsed"
      value={known === undefined ? "–" : formatElapsed(until - known.started)}
      note={known === undefined ? "" : `since ${new Date(known.started).toTimeString().slice(0, 5)}`}
    />
  );
}

interface TileProps {
  readonly title: string;
  readonly value: string;
  readonly note: string;
  /** What the title stands for. */
  readonly label?: string;
  /** The values of the last minutes; undefined where nothing is known. */
  readonly line?: readonly (number | undefined)[];
  /** The least value at the top of the line. */
  readonly top?: number;
}

function Tile({ title, value, note, label, line, top = 0 }: TileProps) {
  return (
    <div class="card tile" title={label}>
      <h2>{title}</h2>
      <p class="tile-value">{value}</p>
      <p class="note">{note}</p>
      {line !== undefined && (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <path class="line tone-0" d={pathOf(line, top)} />
        </svg>
      )}
    </div>
  );
}

function pathOf(line: readonly (number | undefined)[], top: number): string {
  const most = Math.max(top, ...line.map((value) => value ?? 0)) || 1;
  let path = "";
  for (const [i, value] of line.entries()) {
    if (value === undefined) continue;
    const x = line.length > 1 ? WIDTH * i / (line.length - 1) : WIDTH;
    const y = 1 + (HEIGHT - 2) * (1 - value / most);
    path += `${path === "" ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }
  return path;
}
