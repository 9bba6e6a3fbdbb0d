/** What can be wrong with a Model Archive, and the one place that adds the archive's name to it. */

import { AimodellibError } from "../errors.ts";
import { printable } from "../printable.ts";

/**
 * An archive can't be read, checked, unpacked, packed or signed. Whatever detects the fault gives a reason that reads after the
 * archive's name, such as "is truncated: the gzip stream ends early"; {@linkcode named} and {@linkcode naming} add the name.
 */
export class ArchiveError extends AimodellibError {
  override readonly name = "ArchiveError";
  /** A verb and what follows it, on one line; characters that could control a terminal are escaped. */
  readonly reason: string;
  /** The archive's name as {@linkcode labelOf} gives it; undefined until one is added. */
  readonly label: string | undefined;

  constructor(reason: string, { label, ...options }: ErrorOptions & { readonly label?: string } = {}) {
    super(printable(`${label ?? "The archive"} ${reason}`), options);
    this.reason = printable(reason);
    this.label = label;
  }
}

/** What messages call an archive, a manifest or a folder: its path in quotes; `-` is standard input. */
export function labelOf(path: string): string {
  return path === "-" ? "standard input" : `'${path}'`;
}

/** The error with the archive's name added, if it is an {@linkcode ArchiveError} without one; any other error unchanged. */
export function named(error: unknown, label: string): unknown {
  if (!(error instanceof ArchiveError) || error.label !== undefined) return error;
  return new ArchiveError(error.reason, { label, cause: error.cause });
}

/** Runs something that works on an archive. @throws {ArchiveError} with the archive's name, where `run` throws one without */
export async function naming<T>(label: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw named(error, label);
  }
}
