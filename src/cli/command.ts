/** The form in which a command describes itself. */

import type { Parser } from "@optique/core/parser";
import type { Message } from "@optique/core/message";
import type { Io } from "./terminal/io.ts";

/** A command line that a user may copy. */
export interface Example {
  /** What it does, in a few words without a full stop. */
  readonly does: string;
  readonly line: string;
}

/** A command: its parser, its help, and the function that carries it out. */
export interface Command<T> {
  /** What help says below its first line. */
  readonly description?: Message;
  /** Two, the usual one first. */
  readonly examples: readonly Example[];
  readonly parser: Parser<"sync", T, unknown>;
  /** Command lines of other forms, and whether these words are one; the first that fits is taken. */
  readonly otherForms?: readonly {
    readonly parser: Parser<"sync", T, unknown>;
    readonly fits: (words: readonly string[]) => boolean;
    /** Whether words that fit are completed in this form, before the line is whole. */
    readonly begins?: boolean;
  }[];
  /** The folder from which a script has its path, where the next word is one: for completion. */
  readonly scriptsIn?: (before: readonly string[]) => string;
  /** What is wrong with words of another program's form, or with one missing, and which form was meant. */
  readonly meant?: (words: readonly string[]) => readonly [string, string] | undefined;
  /**
   * Does it.
   *
   * @param args the words behind the command's name, as they were written
   * @param commands all commands, for one that describes them
   * @returns the exit code
   */
  readonly run: (options: T, io: Io, args: readonly string[], commands: readonly Listed[]) => Promise<number>;
}

/** A command whose options are its own affair. */
export type AnyCommand = Command<
  // deno-lint-ignore no-explicit-any
  any
>;

/** A command in the table of all commands, which is loaded when it is needed. */
export interface Listed {
  readonly name: string;
  /** One sentence. */
  readonly brief: string;
  readonly load: () => Promise<AnyCommand>;
}

/** Defines a command whose options have the type that its parser returns. */
export function defineCommand<T, S>(
  command: Omit<Command<T>, "parser" | "otherForms"> & {
    readonly parser: Parser<"sync", T, S>;
    readonly otherForms?: readonly {
      // Each has a state of its own.
      // deno-lint-ignore no-explicit-any
      readonly parser: Parser<"sync", T, any>;
      readonly fits: (words: readonly string[]) => boolean;
      readonly begins?: boolean;
    }[];
  },
): Command<T> {
  return command as unknown as Command<T>;
}
