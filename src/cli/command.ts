/** What a command's file exports. */

import type { Parser } from "@optique/core/parser";
import type { Message } from "@optique/core/message";
import type { Io } from "./terminal/io.ts";

/** A command: its parser, what help says of it, and what it does. */
export interface Command<T> {
  readonly name: string;
  readonly brief: Message;
  readonly description?: Message;
  readonly parser: Parser<"sync", T, unknown>;
  /** Command lines of other forms, and whether these words are one; the first that fits is taken. */
  readonly otherForms?: readonly {
    readonly parser: Parser<"sync", T, unknown>;
    readonly fits: (words: readonly string[]) => boolean;
  }[];
  /**
   * Does it.
   *
   * @param args the words behind the command's name, as they were written
   * @returns the exit code
   */
  readonly run: (options: T, io: Io, args: readonly string[]) => Promise<number>;
}

/** Keeps a command's types together. */
export function defineCommand<T, S>(
  command: Omit<Command<T>, "parser" | "otherForms"> & {
    readonly parser: Parser<"sync", T, S>;
    readonly otherForms?: readonly {
      // Each has a state of its own.
      // deno-lint-ignore no-explicit-any
      readonly parser: Parser<"sync", T, any>;
      readonly fits: (words: readonly string[]) => boolean;
    }[];
  },
): Command<T> {
  return command as unknown as Command<T>;
}
