/** Carries out `aimodellib dockerfile`. */

import { ArchiveError, joinPath, labelOf, type Manifest, RESOLVED_NAME, WHEELS_FOLDER } from "../../archive/mod.ts";
import { installFromList } from "../../environment/wheels.ts";
import { UsageError } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import { ExitCode } from "../errors.ts";
import { healthCode } from "../image/running.ts";
import type { Io } from "../terminal/io.ts";
import { IMAGE_ARCHIVE, IMAGE_MODEL, IMAGE_USER } from "../archives/image_layout.ts";
import { type ReadOptions, scanWhole } from "../archives/scan.ts";

/** The options of the command. */
export interface DockerfileOptions extends ReadOptions {
  readonly baseImage?: string | undefined;
  readonly modelDir: string;
  readonly port: number;
}

/** The facts about an archive that a Dockerfile depends on. */
interface Found {
  /** The archive's name in the build context. */
  readonly name: string;
  readonly sha256: string;
  readonly manifest: Manifest;
  readonly hasRequirements: boolean;
  /** The file names of the wheels in the archive. */
  readonly wheels: readonly string[];
  /** Whether the archive contains a list of its wheels. */
  readonly isResolved: boolean;
}

/** The version of Python unless wheels determine another. */
const PYTHON = "3.13";
/** Characters of variables and patterns, which COPY would expand; it has no way to quote both. */
const SPECIAL = /[$*?[\]\\"'\p{Cc}]/u;

/**
 * Prints a Dockerfile for an archive.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive does not exist, or a name can't be written in a Dockerfile
 * @throws {ArchiveError} if the archive is not valid, or can neither train nor serve
 */
export async function runDockerfile(options: DockerfileOptions, io: Io): Promise<number> {
  const { archive, modelDir } = options;
  if (archive === "-") {
    throw new UsageError("An archive from standard input can't be copied into an image: pass the path of a file");
  }
  if (modelDir.startsWith("/") || modelDir.split("/").includes("..")) {
    throw new UsageError(`--model-dir must be a relative path inside the build context, not '${modelDir}'`);
  }
  const name = archive.slice(archive.lastIndexOf("/") + 1);
  refuseSpecial(name);
  refuseSpecial(modelDir);
  const { result: { manifest, sha256, hasRequirements, paths }, trust } = await scanWhole(options, io);
  if (trust !== undefined) io.stderrLine(trust.text);
  refuseSpecial(manifest.module);
  if (manifest.servingScript === null && manifest.trainingScript === null) {
    const reason = "can neither train nor serve: both scripts in its manifest.json are null";
    throw new ArchiveError(reason, { label: labelOf(archive) });
  }
  io.stdoutData(
    render({
      name,
      sha256,
      manifest,
      hasRequirements,
      wheels: wheelsIn(paths),
      isResolved: paths.has(`${WHEELS_FOLDER}/${RESOLVED_NAME}`),
    }, options),
  );
  return ExitCode.Success;
}

/** The file names of the wheels in an archive, in the archive's order. */
function wheelsIn(paths: Iterable<string>): string[] {
  return [...paths].map((path) => path.split("/"))
    .filter(([folder, name]) => folder === WHEELS_FOLDER && name?.endsWith(".whl")).map(([, name]) => name!);
}

function refuseSpecial(path: string): void {
  if (SPECIAL.test(path)) {
    throw new UsageError(`'${path}' contains a character with a special meaning in a Dockerfile: rename it`);
  }
}

function installOptions(hasWheels: boolean, isResolved: boolean): string {
  const wheels = `${IMAGE_ARCHIVE}/${WHEELS_FOLDER}`;
  if (hasWheels && isResolved) return installFromList(wheels).join(" ");
  return `${hasWheels ? `--no-index --find-links ${wheels} ` : ""}--requirement requirements.txt`;
}

function render(
  { name, sha256, manifest, hasRequirements, wheels, isResolved }: Found,
  options: DockerfileOptions,
): string {
  const { modelDir, port } = options;
  const image = options.baseImage ?? `python:${pythonOf(wheels) ?? PYTHON}-slim`;
  const serves = manifest.servingScript !== null;
  const carriesModel = manifest.modelDirectory !== undefined;
  const python = hasRequirements ? "/opt/venv/bin/python" : "python3";
  const packed = `/build/${name}`;
  const steps = [
    "chmod 755 /build/aimodellib",
    `/build/aimodellib verify --quiet --no-check --checksum sha256:${sha256} '${packed}'`,
    `/build/aimodellib unpack --quiet '${packed}' ${IMAGE_ARCHIVE}`,
  ];
  const install = [
    // The environment sees the base's pip; one of its own would make the image 10 to 25 MB larger.
    "python3 -m venv --system-site-packages --without-pip /opt/venv",
    `{ ${python} -m pip --version || ${python} -m ensurepip; }`,
    `${python} -m pip install --no-cache-dir` +
    ` ${installOptions(wheels.length > 0, isResolved)}`,
    ...(wheels.length === 0 ? [] : [`rm -r ${IMAGE_ARCHIVE}/${WHEELS_FOLDER}`]),
  ];
  const command = serves
    ? ["serve", "--host", "0.0.0.0", "--port", String(port), "--install", "never", IMAGE_ARCHIVE].concat(
      carriesModel ? [] : [IMAGE_MODEL],
    )
    : ["train", "--install", "never", IMAGE_ARCHIVE, IMAGE_MODEL];
  const lines = [
    `# ${name}, made by aimodellib ${VERSION}. The build context must contain:`,
    "#     aimodellib   the executable, for the image's platform",
    `#     ${name}`,
    ...(serves && !carriesModel ? [`#     ${modelDir}/   the model directory, as training left it`] : []),
    `# docker build --tag model . && docker run ${serves ? `--publish ${port}:${port} ` : ""}model`,
    "",
    `FROM ${image} AS build`,
    `COPY ${words(["aimodellib", name, "/build/"])}`,
    run(steps),
    ...(hasRequirements ? [`WORKDIR ${IMAGE_ARCHIVE}/${joinPath(manifest.module)}`, run(install)] : []),
    "",
    `FROM ${image}`,
    `RUN useradd --no-log-init --uid ${IMAGE_USER} --create-home app`,
    ...(hasRequirements ? ["COPY --from=build /opt/venv /opt/venv"] : []),
    "COPY --from=build /build/aimodellib /usr/local/bin/aimodellib",
    `COPY --from=build ${IMAGE_ARCHIVE} ${IMAGE_ARCHIVE}`,
    ...(serves
      ? carriesModel ? [] : [`COPY ${words([`${modelDir}/`, `${IMAGE_MODEL}/`])}`]
      : [`RUN mkdir ${IMAGE_MODEL} && chown ${IMAGE_USER} ${IMAGE_MODEL}`, `VOLUME ${IMAGE_MODEL}`]),
    ...(hasRequirements ? [`ENV AIMODELLIB_PYTHON=${python}`] : []),
    "# A number, so that Kubernetes can check that it is not root.",
    `USER ${IMAGE_USER}`,
    "# Logs are written to a folder in this one.",
    "WORKDIR /home/app",
    ...(serves ? [`EXPOSE ${port}`, ...healthCheck(python, port)] : []),
    'ENTRYPOINT ["aimodellib"]',
    `CMD ${words(command)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The HEALTHCHECK instruction. It uses Python, because slim images have no curl. */
function healthCheck(python: string, port: number): string[] {
  const code = healthCode(port);
  return [
    "HEALTHCHECK --interval=15s --timeout=5s --start-period=5m --retries=2 \\",
    `    CMD ${words([python, "-c", code])}`,
  ];
}

/**
 * The version of Python that wheels are for, such as 3.12: that of the first wheel for a single version. Wheels of the stable ABI
 * also run on later versions.
 */
function pythonOf(wheels: readonly string[]): string | undefined {
  for (const wheel of wheels) {
    const [, abi] = wheel.slice(0, -".whl".length).split("-").slice(-3);
    const [, major, minor] = /^cp(\d)(\d+)$/.exec(abi ?? "") ?? [];
    if (minor !== undefined) return `${major}.${minor}`;
  }
  return undefined;
}

function run(steps: readonly string[]): string {
  return `RUN ${steps.join(" \\\n && ")}`;
}

/** Formats words in the exec form of an instruction, which uses no shell. */
function words(list: readonly string[]): string {
  return `[${list.map((word) => JSON.stringify(word)).join(", ")}]`;
}
