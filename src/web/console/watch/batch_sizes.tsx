/** How many requests were predicted together, over all seconds that are kept. */

import type { Second } from "../../wire.ts";
import { sizesOf } from "./series.ts";

/** A bar for each range of sizes, as high as the share of batches; renders nothing if there were none. */
export function BatchSizes({ seconds, limits }: { seconds: readonly Second[]; limits: readonly number[] }) {
  const { batches, mean, ranges } = sizesOf(seconds, limits);
  if (mean === undefined) return null;
  const greatest = Math.max(...ranges.map((range) => range.batches));
  return (
    <section class="card chart" aria-label="Batch sizes">
      <div class="chart-head">
        <h2>Batch sizes</h2>
        <span class="note">
          {`${batches.toLocaleString("en")} ${batches === 1 ? "batch" : "batches"}, ${
            mean.toFixed(1)
          } requests on average`}
        </span>
      </div>
      <ol class="bars sizes">
        {ranges.map((range) => (
          <li key={range.name} data-greatest={range.batches === greatest ? "" : undefined}>
            <span class="bar-index">{range.name}</span>
            <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
              <rect width="100" height="1" />
              <rect class="bar" width={String(100 * range.batches / batches)} height="1" />
            </svg>
            <span class="bar-value">{shareOf(range.batches / batches)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function shareOf(part: number): string {
  const percent = 100 * part;
  return percent > 0 && percent < 1 ? "under 1 %" : `${Math.round(percent)} %`;
}
