/** Reports the result of a run. */

import { getLogger } from "@logtape/logtape";
import type { Tally } from "../../predict/mod.ts";
import type { ServeLog } from "../serve/log.ts";
import { formatCount } from "../terminal/format.ts";
import type { Io } from "../terminal/io.ts";

const log = getLogger(["aimodellib", "predict"]);

/** A run that has ended. */
export interface Summary extends Tally {
  readonly seconds: number;
  /** Whether all records were predicted, even if some failed. */
  readonly complete: boolean;
  /** The absolute path of the output; undefined for standard output. */
  readonly output: string | undefined;
}

/** Prints the summary: with `--json` as JSON, to standard output unless the answers go there; else to standard error. */
export function showSummary(
  summary: Summary,
  { json }: { readonly json: boolean },
  io: Io,
  { format }: Pick<ServeLog, "format">,
): void {
  const { records, resumed, skipped, failed, seconds, complete, output } = summary;
  const rate = (records - resumed) / Math.max(seconds, 0.001);
  const facts = {
    records,
    failed,
    resumed,
    skipped,
    seconds: Math.round(seconds * 1000) / 1000,
    rate: Math.round(rate),
    complete,
    output: output ?? null,
  };
  if (json) {
    const line = `${JSON.stringify(facts)}\n`;
    output === undefined ? io.raw.stderr(line) : io.stdoutJson(line);
  } else if (format === "json") logTally(facts);
  else io.stderrLine(summaryLine(summary, rate));
}

/** Logs how many records were predicted until now. @param facts the fields of the record */
export function logTally(
  facts: Pick<Tally, "records" | "failed"> & { readonly seconds: number } & Readonly<Record<string, unknown>>,
): void {
  const records = facts.records === 1 ? "record" : "records";
  log.info(`Predicted {records} ${records} in {seconds} s; {failed} failed`, facts);
}

function summaryLine({ records, resumed, skipped, failed, seconds, output, complete }: Summary, rate: number): string {
  const texts = [
    `${formatCount(records)} ${records === 1 ? "record" : "records"} in ${seconds.toFixed(1)} s (${
      formatCount(rate)
    }/s)`,
  ];
  if (resumed > 0) texts.push(`${formatCount(resumed)} of them by earlier runs`);
  if (skipped > 0) {
    texts.push(`${formatCount(skipped)} ${skipped === 1 ? "input was" : "inputs were"} finished earlier`);
  }
  texts.push(`${failed === 0 ? "none" : formatCount(failed)} failed`);
  if (output !== undefined) texts.push(complete ? `written to ${output}` : `${output} is not complete`);
  return `Predicted ${texts.join("; ")}`;
}
