/** Archives on a cluster, the records of their runs, and the processes of jobs. */

import assert from "node:assert/strict";
import { until } from "../../e2e/support/limits.ts";
import { blocksOf } from "../../e2e/support/pages.ts";
import { py, ROOT, type Sandbox } from "../../e2e/support/sandbox.ts";
import { Cluster } from "./cluster.ts";

/** What a record says about its run. */
export interface RunRecord {
  readonly host: { readonly name: string };
  readonly log: string;
  readonly end?: string;
  readonly outcome?: { readonly code: number; readonly message?: string };
}

/** Starts a cluster on which the page's scripts and an archive lie in the working directory. */
export async function prepare(box: Sandbox, scripts: Readonly<Record<string, string>>): Promise<Cluster> {
  for (const { mark, text } of blocksOf(Deno.readTextFileSync(`${ROOT}/docs/slurm.md`))) {
    if (mark?.kind === "file") box.write({ [mark.value]: text });
  }
  const packed = await box.run(["package", "-m", box.module(scripts), "-o", "model.tar.gz"]);
  assert.equal(packed.code, 0, packed.stderr);
  Deno.mkdirSync(box.path("model"));
  return await Cluster.start(box);
}

/** The records of the newest runs by their host. */
export function records(box: Sandbox): Record<string, RunRecord> {
  const folder = box.path("logs");
  const found: RunRecord[] = [...Deno.readDirSync(folder)].filter(({ name }) => /^run\.\d.*\.json$/.test(name))
    .map(({ name }) => JSON.parse(Deno.readTextFileSync(`${folder}/${name}`)));
  const names = found.map(({ host }) => host.name);
  assert.equal(new Set(names).size, names.length, `one record of each host: ${names}`);
  return Object.fromEntries(found.map((record) => [record.host.name, record]));
}

/** How the newest run of each host has ended: its code and its message. */
export function outcomes(box: Sandbox): Record<string, string> {
  return Object.fromEntries(
    Object.entries(records(box)).map((
      [host, { outcome }],
    ) => [host, `${outcome?.code} ${outcome?.message ?? ""}`.trim()]),
  );
}

/** The processes of jobs, without the daemons. */
export function ofJobs(box: Sandbox): string[] {
  return box.processes().map(({ command }) => command).filter((command) =>
    /aimodellib (train|predict)|_bridge/.test(command)
  );
}

/** Waits to be stopped, and does then what its argument says. */
export const WAITING = py`
  import os, time
  def train(model_dir, what):
      name = os.path.join(model_dir, os.uname().nodename)
      open(name + ".begun", "w").close()
      if what == "fail":
          while not all(os.path.exists(os.path.join(model_dir, n + ".begun")) for n in ("n1", "n2")):
              time.sleep(0.02)
          if os.uname().nodename == "n2":
              raise ValueError("n2 is bad")
      try:
          time.sleep(600)
      except KeyboardInterrupt:
          open(name + ".saved", "a").write("saved\n")
          if what == "stay":
              time.sleep(600)
          raise
`;

/** Waits until {@linkcode WAITING} waits on these nodes. */
export function haveBegun(box: Sandbox, ...nodes: string[]): Promise<void> {
  const there = () =>
    nodes.every((node) => [...Deno.readDirSync(box.path("model"))].some(({ name }) => name === `${node}.begun`));
  return until("the scripts run", there);
}
