/** The types with which a command describes itself. */

import type { Form } from "./options/form.ts";
import type { Message } from "./options/message.ts";
import type { Io } from "./terminal/io.ts";

/** An example of a command line, which users can copy. */
export interface Example {
  /** Its effect, in a few words without a full stop. */
  readonly does: string;
  readonly line: string;
}

/** A command: its options and arguments, its help, and the function that carries it out. */
export interface Command<T> {
  /** The text of help below its first line. */
  readonly description?: Message;
  /** Two examples, the common one first. */
  readonly examples: readonly Example[];
  /** The usual form of the command line, which help describes. */
  readonly form: Form<T>;
  /** Other forms of the command line. The first one that fits the words is used. */
  readonly otherForms?: readonly {
    readonly form: Form<T>;
    readonly fits: (words: readonly string[]) => boolean;
    /** Whether the shell also completes an unfinished line that fits in this form. */
    readonly begins?: boolean;
  }[];
  /** For completion: the folder to which the path of a script is relative, if the next word is a script. */
  readonly scriptsIn?: (before: readonly string[]) => string;
  /** For a command line that parses incorrectly: what is wrong, and the form that was probably meant. */
  readonly meant?: (words: readonly string[]) => readonly [string, string] | undefined;
  /**
   * Carries out the command.
   *
   * @param args the words after the command's name, unchanged
   * @param commands all commands, for one that describes them
   * @returns the exit code
   */
  readonly run: (options: T, io: Io, args: readonly string[], commands: readonly Listed[]) => Promise<number>;
}

/** A command with any options. */
export type AnyCommand = Command<
  // deno-lint-ignore no-explicit-any
  any
>;

/** A command in the table of commands; the rest of it is loaded when needed. */
export interface Listed {
  readonly name: string;
  /** A description of one sentence. */
  readonly brief: string;
  readonly load: () => Promise<AnyCommand>;
}

/** Defines a command whose options have the type that its form is parsed to. */
export function defineCommand<T>(command: Command<T>): Command<T> {
  return command;
}
