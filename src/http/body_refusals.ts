/** Logs in summary the requests that are refused because the bodies in flight use up their memory limit. */

import { getLogger } from "@logtape/logtape";
import { Seldom } from "../observability/seldom.ts";

const log = getLogger(["aimodellib", "http"]);

const REASON = "the bodies of all requests in flight take nearly {limit} bytes (--max-body-memory)";

/** Logs requests that a body budget refuses: the first one at once, and after that their number every 10 s. */
export class BodyRefusals implements Disposable {
  readonly #limit: number;
  readonly #seldom = new Seldom<"memory">((cause, count) =>
    log.warning(`${count === 1 ? "Another request was" : "{count} more requests were"} refused: ${REASON}`, {
      cause,
      count,
      limit: this.#limit,
    })
  );

  /** @param limit the value of the option, in bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Records a refused request. */
  add(): void {
    this.#seldom.add(
      "memory",
      () => log.warning(`A request was refused: ${REASON}`, { cause: "memory", limit: this.#limit }),
    );
  }

  /** Logs the number not logged yet, and stops the timer. */
  [Symbol.dispose](): void {
    this.#seldom.stop();
  }
}
