/** Carries out `aimodellib manifest`. */

import { labelOf, WHEELS_FOLDER } from "../../archive/mod.ts";
import { FileBeside } from "../../atomic_file.ts";
import { decodeRequirements } from "../../environment/requirements_text.ts";
import { printable } from "../../printable.ts";
import { VERSION } from "../../version.ts";
import { scanWhole } from "../archives/scan.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { deployment } from "./deployment.ts";
import { job } from "./job.ts";
import type { Kind } from "./kinds.ts";
import { kserve } from "./kserve.ts";
import { checkOptions, completePlan, type ManifestOptions, type Plan } from "./plan.ts";
import { requiresTorch } from "./torch.ts";
import { trainjob } from "./trainjob.ts";
import { toYaml, type YamlMap } from "./yaml.ts";

const MAKERS: Readonly<Record<Kind, (plan: Plan) => YamlMap[]>> = { deployment, kserve, job, trainjob };

/**
 * Prints a manifest for the image of an archive.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive does not exist, or an option is invalid
 * @throws {ArchiveError} if the archive is not valid, or can't do what the kind is for
 * @throws {WriteError} if the output can't be written
 */
export async function runManifest(options: ManifestOptions, io: Io): Promise<number> {
  const { kind, archive, output } = options;
  const checked = checkOptions(options);
  const { result: { manifest, sha256, requirements, paths }, trust } = await scanWhole(options, io);
  if (trust !== undefined) io.stderrLine(trust.text);
  const wheels = [...paths].filter((path) => path.startsWith(`${WHEELS_FOLDER}/`) && path.endsWith(".whl"))
    .map((path) => path.slice(WHEELS_FOLDER.length + 1));
  const plan = completePlan(checked, kind, {
    label: labelOf(archive),
    trains: manifest.trainingScript !== null,
    serves: manifest.servingScript !== null,
    carriesModel: manifest.modelDirectory !== undefined,
    needsTorch: requiresTorch(requirements === undefined ? "" : decodeRequirements(requirements), wheels),
  });
  const name = printable(archive.slice(archive.lastIndexOf("/") + 1));
  const head = `# ${name}, sha256:${sha256}, by aimodellib ${VERSION}. Check what is marked with 'Edit'.\n`;
  const text = head + toYaml(MAKERS[kind](plan));
  if (output === undefined) io.stdoutData(text);
  else writeFile(output, text);
  return ExitCode.Success;
}

function writeFile(path: string, text: string): void {
  using file = new FileBeside(path);
  file.write(new TextEncoder().encode(text));
  file.commit();
}
