/** Logs the exceptions of a script while they are few: each of a million records may raise one. */

import { getLogger } from "@logtape/logtape";
import { logFailure } from "../supervisor/mod.ts";

const log = getLogger(["aimodellib", "predict"]);

/** How many exceptions are logged. */
const MOST = 5;

/** Makes a function that logs the first failures of a run, with their tracebacks, and then says that it logs no more. */
export function fewFailures(): typeof logFailure {
  let count = 0;
  return (worker, failure) => {
    count++;
    if (count <= MOST) logFailure(worker, failure);
    if (count === MOST) {
      log.warning("Further exceptions are not logged; the output contains them without tracebacks");
    }
  };
}
