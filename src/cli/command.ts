/** What a command's file exports. */

import type { Parser } from "@optique/core/parser";
import type { Message } from "@optique/core/message";
import type { Io } from "./io.ts";

/** A command: its parser, what help says of it, and what it does. */
export interface Command<T> {
  readonly name: string;
  readonly brief: Message;
  readonly description?: Message;
  readonly parser: Parser<"sync", T, unknown>;
  /** A command line of another form, and whether these words are one. */
  readonly otherForm?: {
    readonly parser: Parser<"sync", T, unknown>;
    readonly fits: (words: readonly string[]) => boolean;
  };
  /** Whether it reads or writes so many files that it keeps all permissions, at first: each open is quicker then. */
  readonly manyFiles?: boolean;
  /**
   * Does it.
   *
   * @param args the words behind the command's name, as they were written
   * @returns the exit code
   */
  readonly run: (options: T, io: Io, args: readonly string[]) => Promise<number>;
}

/** Keeps a command's types together. */
export function defineCommand<T, S, S2 = unknown>(
  command: Omit<Command<T>, "parser" | "otherForm"> & {
    readonly parser: Parser<"sync", T, S>;
    readonly otherForm?: {
      readonly parser: Parser<"sync", T, S2>;
      readonly fits: (words: readonly string[]) => boolean;
    };
  },
): Command<T> {
  return command as unknown as Command<T>;
}
