/** Carries out `aimodellib image`. */

import {
  ArchiveError,
  labelOf,
  type Manifest,
  RESOLVED_NAME,
  type ScanResult,
  unknownKeys,
  unpack,
  WHEELS_FOLDER,
} from "../../archive/mod.ts";
import { FileBeside, temporaryBeside } from "../../atomic_file.ts";
import { makeTemporaryFolder } from "../../cache/temporary.ts";
import { reasonOf, UsageError } from "../../errors.ts";
import { isSpecial } from "../../files.ts";
import { openBase } from "../../image/base.ts";
import { variableOf } from "../../image/compose.ts";
import { ImageError } from "../../image/errors.ts";
import { type BasePython, findPython, pythonAt } from "../../image/find_python.ts";
import { checkDiffIds } from "../../image/gunzip.ts";
import type { Layer } from "../../image/layer.ts";
import { ImageTar } from "../../image/write.ts";
import { VERSION } from "../../version.ts";
import { readArchive, type ReadOptions, stopOnSignal } from "../archives/scan.ts";
import { DEFAULT_MTIME, sourceDateEpoch } from "../archives/source_date.ts";
import { ExitCode } from "../errors.ts";
import { formatBytes } from "../terminal/format.ts";
import type { Io } from "../terminal/io.ts";
import { Layers } from "./layers.ts";
import { findExecutable, parsePlatform } from "./platform.ts";
import { runningOf } from "./running.ts";

/** The options of the command. */
export interface ImageOptions extends ReadOptions {
  readonly base: string;
  readonly output: string;
  readonly tag: string;
  readonly modelDir?: string | undefined;
  readonly port: number;
  readonly platform?: string | undefined;
  readonly executable?: string | undefined;
  readonly basePython?: string | undefined;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** A name of an image as registries accept it, with a tag. */
const TAG = /^[a-z0-9][a-z0-9._-]*(?::\d+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?$/;

/**
 * Writes an image for an archive.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive or the base does not exist, or is for another platform
 * @throws {ArchiveError} if the archive is not valid, or can neither train nor serve
 * @throws {ImageError} if the base is damaged, or the wheels do not suit it
 */
export async function runImage(options: ImageOptions, io: Io): Promise<number> {
  const { archive, output, json } = options;
  const quiet = options.quiet || json;
  if (!TAG.test(options.tag)) {
    throw new UsageError(
      `--tag must be a name in lower case, such as iris:1 or registry.example/iris:1, not '${options.tag}'`,
    );
  }
  const tag = /:[^/]*$/.test(options.tag) ? options.tag : `${options.tag}:latest`;
  const given = options.basePython === undefined ? undefined : pythonAt(options.basePython);
  if (options.basePython !== undefined && given === undefined) {
    throw new UsageError(
      `--base-python must be an absolute path that ends with the version, such as /usr/bin/python3.12, not '${options.basePython}'`,
    );
  }
  const executable = findExecutable(options.executable);
  const platform = parsePlatform(options.platform, executable);
  const mtime = sourceDateEpoch(io) ?? DEFAULT_MTIME;
  using base = openBase(options.base, platform);
  using stop = stopOnSignal(io, "made into an image");
  const { signal } = stop;
  const folder = makeFolder(output, io);
  try {
    const root = `${folder}/root`;
    const { result, trust } = await readArchive({ ...options, quiet }, "made into an image", io, (source, rest) => {
      return unpack(source.read, root, { ...rest, noteOrigin: archive });
    });
    const { manifest, hasRequirements } = result;
    if (manifest.servingScript === null && manifest.trainingScript === null) {
      const reason = "can neither train nor serve: both scripts in its manifest.json are null";
      throw new ArchiveError(reason, { label: labelOf(archive) });
    }
    if (options.modelDir !== undefined && manifest.modelDirectory !== undefined) {
      throw new UsageError(`${labelOf(archive)} contains a model: leave out --model-dir`);
    }
    using file = new FileBeside(output);
    const tar = new ImageTar({ tag, mtime, signal, write: (bytes) => file.write(bytes) });
    // This checks the layers of the base, which are searched for a Python afterwards.
    tar.addBase(base);
    await checkDiffIds(base.layers, base.label, signal);
    const installs = hasList(result);
    const python: BasePython | undefined = installs
      ? given ?? await findPython({ layers: base.layers, label: base.label, searchPath: variableOf(base, "PATH") })
      : undefined;
    const maker = new Layers({ folder, root, mtime, signal, maxSize: options.maxSize });
    const layers: Layer[] = [await maker.executable(executable.path)];
    if (python !== undefined) layers.push(await maker.environment(python, platform.architecture));
    const serves = manifest.servingScript !== null;
    const model = modelOf(manifest, options.modelDir);
    layers.push(await maker.code(manifest, python !== undefined));
    layers.push(await maker.model(model, manifest));
    const running = runningOf({
      serves,
      port: options.port,
      modelIn: manifest.modelDirectory !== undefined ? "archive" : options.modelDir !== undefined ? "image" : "volume",
      hasEnvironment: python !== undefined,
      hasRequirements,
      title: archive === "-" ? undefined : archive.slice(archive.lastIndexOf("/") + 1),
      sha256: result.sha256,
      created: new Date(mtime * 1000).toISOString().replace(".000Z", "Z"),
    });
    const digest = tar.finish({ base, layers, running, created: running.created, author: `aimodellib ${VERSION}` });
    const { size } = file.file.statSync();
    file.commit();
    const notices = [
      ...unknownKeys(labelOf(archive), result.unknown),
      ...(!hasRequirements || python !== undefined ? [] : [
        "The archive has a requirements.txt and no list of wheels: the base must contain these packages, or containers need a " +
        "network at each start. 'aimodellib package --bundle-wheels' adds the wheels",
      ]),
      ...(serves && model === undefined
        ? ["The image has no model: mount one at /srv/model, or include it with --model-dir"]
        : []),
    ];
    if (json) {
      const shown = {
        archive,
        sha256: result.sha256,
        image: {
          file: output,
          tag,
          digest,
          size,
          platform: `${base.config.os}/${base.config.architecture}`,
          base: base.digest ?? null,
          layers: layers.map(({ what, descriptor: { digest, size }, diffId }) => ({ what, digest, size, diffId })),
        },
        notices,
      };
      io.stdoutJson(`${JSON.stringify(shown, null, 2)}\n`);
    } else if (!quiet) {
      for (const notice of notices) io.stderrLine(notice);
      if (trust !== undefined) io.stderrLine(trust.text);
      io.stderrLine(`Wrote ${output} (${formatBytes(size)}): ${tag}, ${digest}`);
    }
    return ExitCode.Success;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Whether an archive contains wheels with a list, which this program installs itself. */
function hasList({ paths }: ScanResult): boolean {
  return paths.has(`${WHEELS_FOLDER}/${RESOLVED_NAME}`);
}

/** The folder that the layer of the model is made from: in the archive, or on this machine. */
function modelOf(manifest: Manifest, modelDir: string | undefined): string | undefined {
  return manifest.modelDirectory ?? modelDir;
}

/** Makes a folder for the unpacked archive and for layers: beside the image, where there must be room for it. */
function makeFolder(output: string, io: Io): string {
  if (isSpecial(output)) return makeTemporaryFolder("image", io.env);
  const path = temporaryBeside(output);
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
    return path;
  } catch (cause) {
    throw new ImageError(`The image can't be written to '${output}': ${reasonOf(cause)}`, { cause });
  }
}
