/**
 * Writes to the standard streams for commands. Names in archives, values of manifests and output of other programs must not control
 * a terminal: everything that is not marked as raw is escaped here. Standard error often ends up in logs, so credentials in URLs are
 * hidden there.
 */

import { hideCredentials } from "../../credentials.ts";
import { printable, printableJson, printableLines } from "../../printable.ts";

/** The functions with which commands write. */
export interface Writers {
  /** Writes text of several lines, for people, to standard output; the text ends its last line itself. */
  readonly stdout: (text: string) => void;
  /** Writes text of several lines, for people, to standard error; the text ends its last line itself. */
  readonly stderr: (text: string) => void;
  /** Writes one line to standard output and ends it; a newline in it is escaped as well. */
  readonly stdoutLine: (line: string) => void;
  /** Writes one line to standard error and ends it; a newline in it is escaped as well. */
  readonly stderrLine: (line: string) => void;
  /** Writes JSON to standard output unchanged, or with more escapes in its strings if that is a terminal. */
  readonly stdoutJson: (json: string) => void;
  /** Writes other text for programs to standard output unchanged, or escaped if that is a terminal. */
  readonly stdoutData: (text: string) => void;
  /** Write text unchanged, with colors and cursor movements of this program. */
  readonly raw: {
    readonly stdout: (text: string) => void;
    readonly stderr: (text: string) => void;
  };
}

/**
 * Makes the writers of two streams.
 *
 * @param terminal whether standard output is a terminal
 */
export function writersTo(raw: Writers["raw"], terminal: boolean): Writers {
  return {
    stdout: (text) => raw.stdout(printableLines(text)),
    stderr: (text) => raw.stderr(printableLines(hideCredentials(text))),
    stdoutLine: (line) => raw.stdout(`${printable(line)}\n`),
    stderrLine: (line) => raw.stderr(`${printable(hideCredentials(line))}\n`),
    // JSON from an archive may have the line endings of another system.
    stdoutJson: (json) => raw.stdout(terminal ? json.split(/\r?\n/).map(printableJson).join("\n") : json),
    stdoutData: (text) => raw.stdout(terminal ? printableLines(text) : text),
    raw,
  };
}
