/** A job with a time limit; Slurm looks at limits twice a minute. */

import assert from "node:assert/strict";
import { until } from "../e2e/support/limits.ts";
import { test } from "../e2e/support/sandbox.ts";
import { HAS_SLURM } from "./support/cluster.ts";
import { haveBegun, ofJobs, outcomes, prepare, WAITING } from "./support/jobs.ts";

test("--signal interrupts the script before the time limit, and the job ends with its record", async (box) => {
  await using cluster = await prepare(box, { "train.py": WAITING });
  // A signal that is due a minute before a limit of a minute is sent at once.
  const id = await cluster.submit("--time=1", "--signal=TERM@60", "save.sbatch", "stop");
  await haveBegun(box, "n1");
  const [job] = await cluster.ended(id);
  assert.equal(job!.state, "FAILED", "it has ended before the limit");
  assert.deepEqual(outcomes(box), { n1: "143 Training was stopped by SIGTERM" });
  assert.equal(box.read("model/n1.saved"), "saved\n");
  await until("no process is left", () => ofJobs(box).length === 0);
}, HAS_SLURM);
