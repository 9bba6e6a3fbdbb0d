/** Finds out whether the kernel killed a process because memory ran out. */

import { oomKills } from "../control_group.ts";

/** Of the kills that the system has counted, those that are the ends of children that we have seen end. */
let claimed = 0;

/** Made when a process is started. */
export class OomEvidence {
  readonly #count: () => number | undefined;
  readonly #before: number | undefined;

  /** @param count how many processes the system has killed for memory */
  constructor(count: () => number | undefined = oomKills) {
    this.#count = count;
    this.#before = count();
  }

  /** Whether the system has killed a process since then which is not known to be another one. It is known from now on. */
  claim(): boolean {
    const now = this.#count();
    if (now === undefined || this.#before === undefined) return false;
    const known = Math.max(this.#before, claimed);
    if (now <= known) return false;
    claimed = known + 1;
    return true;
  }
}
