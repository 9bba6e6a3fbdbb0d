/** The chart of the curves of one name. */

import { memo, useState } from "hono/jsx/dom";
import type { Chart } from "./live.ts";
import { formatStep, formatValue, HEIGHT, nearest, part, pathOf, stepsOf, valuesOf, WIDTH } from "./plot.ts";

/** How many colours there are; further curves begin again. */
const TONES = 6;

/** Lines with a legend that shows the last values, or those under the pointer. */
export const CurveChart = memo(function CurveChart({ chart }: { chart: Chart }) {
  const { tag } = chart;
  const curves = chart.curves.map((curve) => ({
    ...curve,
    // The last point may not be among those that are kept.
    points: curve.points.at(-1)?.[0] === curve.last[0] ? curve.points : [...curve.points, curve.last],
  }));
  const [at, setAt] = useState<number | undefined>(undefined);
  const steps = stepsOf(curves);
  const values = valuesOf(curves);
  const shown = curves.map(({ points, last }) => at === undefined ? last : nearest(points, at, steps) ?? last);
  const step = Math.max(...shown.map(([step]) => step));
  const notFinite = curves.reduce((sum, { notFinite }) => sum + notFinite, 0);
  const point = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    setAt(Math.min(1, Math.max(0, (event.clientX - left) / width)));
  };
  return (
    <figure class="card curve">
      <figcaption>
        <h3>{tag}</h3>
        {notFinite > 0 && <span class="not-finite">{notFinite.toLocaleString("en")} not finite</span>}
        <span class="note">step {formatStep(step)}</span>
      </figcaption>
      <div class="curve-plot">
        <div class="curve-scale note" aria-hidden="true">
          <span>{formatValue(values.to)}</span>
          <span>{formatValue(values.from)}</span>
        </div>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${tag} by step`}
          onPointerMove={point}
          onPointerLeave={() => setAt(undefined)}
        >
          {[0, 0.25, 0.5, 0.75, 1].map((place) => (
            <line
              key={place}
              class="grid"
              x1="0"
              x2={String(WIDTH)}
              y1={String(HEIGHT * place)}
              y2={String(HEIGHT * place)}
            />
          ))}
          {at !== undefined && (
            <line
              class="cursor"
              x1={String(WIDTH * part(step, steps))}
              x2={String(WIDTH * part(step, steps))}
              y1="0"
              y2={String(HEIGHT)}
            />
          )}
          {curves.map(({ run, points }, index) => (
            <path
              key={run}
              class={`line tone-${index % TONES}`}
              d={pathOf(points, steps, values)}
            />
          ))}
        </svg>
        <div class="curve-steps note" aria-hidden="true">
          <span>{formatStep(steps.from)}</span>
          <span>{formatStep(steps.to)}</span>
        </div>
      </div>
      <dl class="legend">
        {curves.map(({ run }, index) => (
          <div key={run}>
            <dt class={`tone-${index % TONES}`}>{run || "value"}</dt>
            <dd class={typeof shown[index]![1] === "number" ? "" : "not-finite"}>{formatValue(shown[index]![1])}</dd>
          </div>
        ))}
      </dl>
    </figure>
  );
});
