/**
 * How commands write to the standard streams. Names in archives, values of manifests and text of other programs must not control
 * the terminal that shows them: all but what is marked as raw is escaped here. On standard error, which ends up in logs, no
 * credentials of URLs are shown.
 */

import { hideCredentials } from "../../credentials.ts";
import { printable, printableJson, printableLines } from "../../printable.ts";

/** What commands write with. */
export interface Writers {
  /** Writes text of several lines, for people, to standard output; the text ends its last line itself. */
  readonly stdout: (text: string) => void;
  /** Writes text of several lines, for people, to standard error; the text ends its last line itself. */
  readonly stderr: (text: string) => void;
  /** Writes one line to standard output and ends it; a newline in it is escaped too. */
  readonly stdoutLine: (line: string) => void;
  /** Writes one line to standard error and ends it; a newline in it is escaped too. */
  readonly stderrLine: (line: string) => void;
  /** Writes JSON, for programs, to standard output: as it is, or with more escapes in its strings if a terminal shows it. */
  readonly stdoutJson: (json: string) => void;
  /** Writes text that is for programs and no JSON to standard output: as it is, or escaped if a terminal shows it. */
  readonly stdoutData: (text: string) => void;
  /** Writes text as it is: for colours and cursor movements of our own. */
  readonly raw: {
    readonly stdout: (text: string) => void;
    readonly stderr: (text: string) => void;
  };
}

/**
 * Makes the writers of two streams.
 *
 * @param terminal whether standard output is shown by a terminal
 */
export function writersTo(raw: Writers["raw"], terminal: boolean): Writers {
  return {
    stdout: (text) => raw.stdout(printableLines(text)),
    stderr: (text) => raw.stderr(printableLines(hideCredentials(text))),
    stdoutLine: (line) => raw.stdout(`${printable(line)}\n`),
    stderrLine: (line) => raw.stderr(`${printable(hideCredentials(line))}\n`),
    // The ends of lines between its values may be those of another system.
    stdoutJson: (json) => raw.stdout(terminal ? json.split(/\r?\n/).map(printableJson).join("\n") : json),
    stdoutData: (text) => raw.stdout(terminal ? printableLines(text) : text),
    raw,
  };
}
