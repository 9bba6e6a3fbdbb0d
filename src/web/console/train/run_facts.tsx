/** What runs, in full. */

import { useStore } from "../store.ts";
import { facts, state } from "./live.ts";

/** A list of paths and arguments. */
export function RunFacts() {
  const known = useStore(facts);
  const { python, pid } = useStore(state);
  if (known === undefined) return null;
  const rows: readonly (readonly [string, string])[] = [
    ["Module", known.module],
    ["Script", known.script],
    ["Arguments", known.args.length === 0 ? "none" : known.args.map(quoted).join(" ")],
    ["Model directory", known.modelDir],
    ["Python", python ?? "–"],
    ["Process", pid === undefined ? "–" : String(pid)],
    ["Event files in", known.folders.join("\n")],
  ];
  return (
    <section class="card" aria-label="Run">
      <h2>Run</h2>
      <dl class="run-facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** A word as a shell would show it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
