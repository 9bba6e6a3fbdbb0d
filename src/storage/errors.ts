/** The error of this folder. */

import { AimodellibError } from "../errors.ts";
import { printable } from "../printable.ts";

/** Artifacts can't be fetched; the message names the URI or the object. */
export class StorageError extends AimodellibError {
  override readonly name = "StorageError";

  /** @param message one line; characters from a server that could control a terminal are escaped */
  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}
