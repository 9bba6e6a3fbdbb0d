/** The error of this folder. */

import { AimodellibError } from "../errors.ts";
import { printable } from "../printable.ts";

/** An image can't be made, because of its base or of what should go into it, for example. */
export class ImageError extends AimodellibError {
  override readonly name = "ImageError";

  /** @param message characters that could control a terminal are escaped */
  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}
