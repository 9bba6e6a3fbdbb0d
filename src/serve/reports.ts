/** Reports the state of all models to the service manager. */

import type { ServiceManager } from "../platform/systemd.ts";
import type { Models } from "../supervisor/mod.ts";

/** The interval between two looks at the models, in ms. */
const PERIOD_MS = 500;

/**
 * Tells the service manager when the models are ready, under the same condition as `/health/ready`, and how many workers are, until
 * disposed.
 */
export function reportTo(manager: ServiceManager, models: Models, url: string): Disposable {
  const look = () => {
    const { state, all } = models;
    const sum = (count: (model: Models["all"][number]) => number) => all.reduce((total, one) => total + count(one), 0);
    manager.status(`${state}: ${sum((one) => one.readyWorkers)} of ${sum((one) => one.size)} workers ready; ${url}`);
    if (state === "ready" || state === "degraded") manager.ready();
  };
  look();
  const timer = setInterval(look, PERIOD_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
