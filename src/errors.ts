/** The classes of errors that callers distinguish; all other errors use built-in classes. */

import { hideCredentials } from "./credentials.ts";
import { printable } from "./printable.ts";

/** Base of errors whose message is for the user: it is shown without a stack, and credentials in URLs are hidden. */
export class AimodellibError extends Error {
  override readonly name: string = "AimodellibError";

  constructor(message: string, options?: ErrorOptions) {
    super(hideCredentials(message), options);
  }
}

/** A command can't be carried out as written, because of a wrong value or a missing file, for example. */
export class UsageError extends AimodellibError {
  override readonly name = "UsageError";

  /** @param message one line, or several; characters in paths that could control a terminal are escaped */
  constructor(message: string | readonly string[], options?: ErrorOptions) {
    super(typeof message === "string" ? printable(message) : message.map(printable).join("\n"), options);
  }
}

/** A signal has stopped a command. */
export class StoppedError extends AimodellibError {
  override readonly name = "StoppedError";

  /** @param code the exit code, 128 + n for signal n */
  constructor(message: string, readonly code: number) {
    super(message);
  }
}

/** The other side of a connection has violated the protocol. */
export class ProtocolError extends AimodellibError {
  override readonly name = "ProtocolError";
}

/** The user's script can't be loaded, or lacks a required function. */
export class ScriptError extends AimodellibError {
  override readonly name = "ScriptError";
}

/** The message of an exception, or the thrown value as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message of a system error without the operation and the path that Deno appends, for messages that name the path themselves. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/: \w+ '.*$/, "") : String(cause);
}
