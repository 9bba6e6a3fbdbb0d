/** Errors that a caller acts on. Everything else is a built-in class, by its meaning. */

import { hideCredentials } from "./credentials.ts";
import { printable } from "./printable.ts";

/** Base of the errors whose message is written for the user: it is shown without a stack, and without credentials of URLs. */
export class AimodellibError extends Error {
  override readonly name: string = "AimodellibError";

  constructor(message: string, options?: ErrorOptions) {
    super(hideCredentials(message), options);
  }
}

/** What the user asked for can't be done as asked: a wrong value, a file that isn't there. */
export class UsageError extends AimodellibError {
  override readonly name = "UsageError";

  /** @param message one line, or several; paths can have any names, in which all that could control a terminal is escaped */
  constructor(message: string | readonly string[], options?: ErrorOptions) {
    super(typeof message === "string" ? printable(message) : message.map(printable).join("\n"), options);
  }
}

/** The other side of a connection sent what the protocol does not allow. */
export class ProtocolError extends AimodellibError {
  override readonly name = "ProtocolError";
}

/** The user's script could not be loaded, or lacks what it must define. */
export class ScriptError extends AimodellibError {
  override readonly name = "ScriptError";
}

/** What an exception says: its message, or the thrown value itself as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A system's error without what it was done to, which the message names itself. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/: \w+ '.*$/, "") : String(cause);
}
