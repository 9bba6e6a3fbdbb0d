/** The record of a run. */

import type { Assets } from "../../bridge/mod.ts";
import type { Environment } from "../../environment/environment.ts";
import { maskArguments } from "./mask_arguments.ts";
import { RunRecorder } from "./record.ts";
import type { RunLog } from "./log.ts";
import type { Target } from "./target.ts";

/** What the command line was. */
export interface RecordOptions {
  /** The words behind the command's name. */
  readonly words: readonly string[];
}

/** Begins it; undefined for a serving run without a log that it could be beside. */
export function startRecord(
  command: "train" | "serve",
  { words }: RecordOptions,
  { module, script, archive }: Target,
  { log, say, modelDir, environment, assets }: {
    readonly log: RunLog;
    /** Shows and logs text. */
    readonly say: (text: string) => void;
    readonly modelDir: string;
    readonly environment: Pick<Environment, "python" | "variables">;
    readonly assets: Assets;
  },
): RunRecorder | undefined {
  if (log.path === undefined && command === "serve") return undefined;
  const recorder = new RunRecorder({
    command: ["aimodellib", command, ...maskArguments(words)],
    ...(archive && {
      archive: { name: archive.name, ...(archive.sha256 !== undefined && { sha256: archive.sha256 }) },
    }),
    module,
    script,
    modelDir,
    log: log.path,
    python: { path: environment.python },
  }, {
    logFolder: log.path?.slice(0, log.path.lastIndexOf("/")),
    modelDir: command === "train" ? modelDir : undefined,
    warn: say,
  });
  const { name, origin } = archive ?? {};
  if (name !== undefined && origin !== undefined) {
    recorder.learn(origin.check().then((holds) => holds ? { archive: { name, sha256: origin.sha256 } } : {}));
  }
  recorder.listPackages(assets, environment.variables);
  return recorder;
}
