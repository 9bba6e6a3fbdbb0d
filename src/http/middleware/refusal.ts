/** How a wrapper answers a request that it does not pass on. */

import type { Answer, Incoming } from "../h1/mod.ts";
import type { HttpProblem } from "../problem.ts";

/** Counts a request that is refused, and makes its answer. */
export type Refusal = (request: Incoming, problem: HttpProblem) => Promise<Answer>;
