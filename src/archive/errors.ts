/** What can be wrong with a Model Archive. */

import { AimodellibError } from "../errors.ts";

/** An archive that is not what it should be, or not safe. The message names the entry. */
export class ArchiveError extends AimodellibError {
  override readonly name = "ArchiveError";
}
