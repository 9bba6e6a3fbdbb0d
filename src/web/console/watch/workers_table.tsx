/** The workers of a model, as they are now. */

import type { WorkerNow } from "../../wire.ts";
import { formatBytes, formatTime } from "../format.ts";

/** A row for each worker. */
export function WorkersTable({ workers }: { workers: readonly WorkerNow[] }) {
  return (
    <section class="card" aria-label="Workers">
      <div class="card-head">
        <h2>Workers</h2>
      </div>
      <div class="table" tabindex={0} role="group" aria-label="Workers now">
        <table>
          <thead>
            <tr>
              {["Worker", "State", "Process", "Since", "Device"].map((name) => <th key={name} scope="col">{name}</th>)}
              {["In flight", "Memory", "Processor", "Deaths", "Replaced"].map((name) => (
                <th key={name} scope="col" class="number">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {workers.map(({ name, state, pid, started, ready, device, busy, memory, cpu, deaths, replaced }) => {
              const since = ready ?? started;
              return (
                <tr key={name}>
                  <td>{name}</td>
                  <td>
                    <span class="state" data-state={SHOWN[state]}>{state}</span>
                  </td>
                  <td>{pid ?? "–"}</td>
                  <td>{since === undefined ? "–" : formatTime(since)}</td>
                  <td>{device ?? "–"}</td>
                  <td class="number">{busy}</td>
                  <td class="number">{memory === undefined ? "–" : formatBytes(memory)}</td>
                  <td class="number">{cpu === undefined ? "–" : `${Math.round(cpu * 100)} %`}</td>
                  <td class="number">{deaths}</td>
                  <td class="number">{replaced}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The states of a model that are shown in the same colour. */
const SHOWN: Readonly<Record<WorkerNow["state"], string>> = {
  starting: "loading",
  loading: "loading",
  ready: "ready",
  ending: "stopping",
  restarting: "failed",
};
