/** The metrics that a script has of its own, with their newest values. */

import type { ScriptSeries } from "../../wire.ts";

/** A row for each series; renders nothing if the script has none. */
export function ScriptTable({ series, more }: { series: readonly ScriptSeries[]; more: number }) {
  if (series.length === 0) return null;
  return (
    <section class="card" aria-label="Metrics of the script">
      <div class="card-head">
        <h2>Metrics of the script</h2>
      </div>
      <div class="table" tabindex={0} role="group" aria-label="Metrics">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Labels</th>
              <th scope="col">Help</th>
              <th scope="col" class="number">Value</th>
            </tr>
          </thead>
          <tbody>
            {series.map((one) => (
              <tr key={`${one.name} ${labelsOf(one)}`}>
                <td>
                  <code>{one.name}</code>
                </td>
                <td>{labelsOf(one)}</td>
                <td>{one.help}</td>
                <td class="number">{valueOf(one)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {more > 0 && <p class="note">{more.toLocaleString("en")} more series are on /metrics.</p>}
    </section>
  );
}

function labelsOf({ labels }: ScriptSeries): string {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(", ");
}

function valueOf({ value, count: values }: ScriptSeries): string {
  const number = Number(value);
  if (values === undefined) return short(number);
  return values === 0 ? "no values" : `${short(number / values)} on average of ${values.toLocaleString("en")}`;
}

function short(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 6 });
}
