/** What can be wrong with a Model Archive. */

import { AimodellibError } from "../errors.ts";
import { printable } from "../printable.ts";

/** An archive that is not what it should be, or not safe. The message names the entry. */
export class ArchiveError extends AimodellibError {
  override readonly name = "ArchiveError";

  /** @param message one line: entries can have any names, in which all that could control a terminal is escaped */
  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}
