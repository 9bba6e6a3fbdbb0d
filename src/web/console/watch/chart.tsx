/** A chart of a few lines over the last quarter of an hour. */

import { useState } from "hono/jsx/dom";
import { formatTime } from "../format.ts";
import { POINTS } from "./series.ts";

/** A line of a chart. */
export interface Series {
  readonly name: string;
  /** The name of its colour in the style sheet. */
  readonly tone: string;
  readonly values: readonly (number | undefined)[];
}

/** What a chart shows. */
export interface ChartProps {
  readonly title: string;
  readonly series: readonly Series[];
  /** The ends of the points, in seconds since 1970. */
  readonly times: readonly number[];
  readonly format: (value: number) => string;
}

/** The height of a chart in its own units; a point is one unit wide. */
const HEIGHT = 60;

/** Lines with a legend that shows the values of the newest point, or of the one under the pointer. */
export function Chart({ title, series, times, format }: ChartProps) {
  const [at, setAt] = useState<number | undefined>(undefined);
  const top = niceTop(Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const point = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    setAt(Math.min(POINTS - 1, Math.max(0, Math.round((event.clientX - left) / width * (POINTS - 1)))));
  };
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <span class="note">{at === undefined ? "" : formatTime(times[at]! * 1000)}</span>
      </figcaption>
      <div class="plot" onPointerMove={point} onPointerLeave={() => setAt(undefined)}>
        <span class="note plot-top">{format(top)}</span>
        <svg viewBox={`0 0 ${POINTS - 1} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={title}>
          {[0, 0.5, 1].map((part) => (
            <line
              key={part}
              class="grid"
              x1="0"
              x2={String(POINTS - 1)}
              y1={String(HEIGHT * part)}
              y2={String(HEIGHT * part)}
            />
          ))}
          {series.map(({ name, tone, values }) => (
            <path key={name} class={`line tone-${tone}`} d={pathOf(values, top)} />
          ))}
          {at !== undefined && <line class="cursor" x1={String(at)} x2={String(at)} y1="0" y2={String(HEIGHT)} />}
        </svg>
        <div class="plot-foot note">
          <span>{formatTime(times[0]! * 1000)}</span>
          <span>{formatTime(times.at(-1)! * 1000)}</span>
        </div>
      </div>
      <dl class="legend">
        {series.map(({ name, tone, values }) => {
          const value = at === undefined
            ? values.findLast((one) => one !== undefined)
            : values[at];
          return (
            <div key={name}>
              <dt class={`tone-${tone}`}>{name}</dt>
              <dd>{value === undefined ? "–" : format(value)}</dd>
            </div>
          );
        })}
      </dl>
    </figure>
  );
}

/** The path of a line, with gaps where nothing is known. A point without neighbours is a short line. */
export function pathOf(values: readonly (number | undefined)[], top: number): string {
  let path = "";
  let isDrawing = false;
  for (const [x, value] of values.entries()) {
    if (value === undefined) {
      isDrawing = false;
      continue;
    }
    const y = (HEIGHT - HEIGHT * Math.min(1, value / top)).toFixed(2);
    path += isDrawing ? `L${x} ${y}` : `M${x} ${y}h0.4`;
    isDrawing = true;
  }
  return path;
}

/** The next of 1, 2, 5, 10, 20 and so on that is not below a value. */
function niceTop(value: number): number {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value) ?? 10 * unit;
}
