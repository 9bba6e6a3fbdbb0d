/** Runs the checks that each commit has to pass: `scripts/deno task ok`. */

import { type StepResult, steps } from "./ok/steps.ts";
import { ROOT } from "./project.ts";
import { messageOf } from "../src/errors.ts";

/**
 * Runs all steps, even if some fail, and prints their results.
 *
 * @param root the project's root
 */
export async function ok(root: string): Promise<readonly StepResult[]> {
  return await Promise.all(
    steps(root).map(async ({ name, check }) => {
      const result = await check().catch((error): StepResult => ({
        state: "failed",
        output: messageOf(error),
      }));
      switch (result.state) {
        case "passed":
          console.log(`ok       ${name}`);
          break;
        case "skipped":
          console.log(`skipped  ${name}: ${result.reason}`);
          break;
        case "failed":
          console.log(`FAILED   ${name}\n${result.output.replaceAll(/^/gm, "    ")}`);
      }
      return result;
    }),
  );
}

if (import.meta.main) {
  const results = await ok(ROOT);
  Deno.exit(results.some(({ state }) => state === "failed") ? 1 : 0);
}
