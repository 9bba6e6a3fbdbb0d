/** Logs that requests are refused since the bodies in flight take all the memory that they may, and not each of them. */

import { getLogger } from "@logtape/logtape";
import { Seldom } from "../observability/seldom.ts";

const log = getLogger(["aimodellib", "http"]);

const REASON = "the bodies of all requests in flight take nearly {limit} bytes (--max-body-memory)";

/** Logs requests that a body budget refuses: the first at once, and those that follow as a number every 10 s. */
export class BodyRefusals implements Disposable {
  readonly #limit: number;
  readonly #seldom = new Seldom<"memory">((cause, count) =>
    log.warning(`${count === 1 ? "Another request was" : "{count} more requests were"} refused: ${REASON}`, {
      cause,
      count,
      limit: this.#limit,
    })
  );

  /** @param limit what the option says, in bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A request was refused. */
  add(): void {
    this.#seldom.add(
      "memory",
      () => log.warning(`A request was refused: ${REASON}`, { cause: "memory", limit: this.#limit }),
    );
  }

  /** Tells what was not told. */
  [Symbol.dispose](): void {
    this.#seldom.stop();
  }
}
