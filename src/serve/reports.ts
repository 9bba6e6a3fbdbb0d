/** Reports the state of all models to the service manager. */

import type { ServiceManager } from "../platform/systemd.ts";
import type { Models } from "../supervisor/mod.ts";

/** The interval between two looks at the models, in ms. */
const PERIOD_MS = 500;

/**
 * Tells the service manager when the models are ready, under the same condition as `/health/ready`, and how many workers are, until
 * disposed.
 *
 * @param shown resolves when clients can connect: a Unix socket may get its name later
 */
export function reportTo(manager: ServiceManager, models: Models, url: string, shown: Promise<void>): Disposable {
  let isShown = false;
  let ended = false;
  const look = () => {
    const { state, all } = models;
    const sum = (count: (model: Models["all"][number]) => number) => all.reduce((total, one) => total + count(one), 0);
    manager.status(`${state}: ${sum((one) => one.readyWorkers)} of ${sum((one) => one.size)} workers ready; ${url}`);
    if (isShown && (state === "ready" || state === "degraded")) manager.ready();
  };
  look();
  void shown.then(() => {
    isShown = true;
    if (!ended) look();
  });
  const timer = setInterval(look, PERIOD_MS);
  return {
    [Symbol.dispose]() {
      ended = true;
      clearInterval(timer);
    },
  };
}
