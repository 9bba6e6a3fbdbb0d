/** Prepares the Python of a run, with the packages that its module requires. */

import type { Assets } from "../../bridge/mod.ts";
import { labelOf } from "../../archive/errors.ts";
import { cacheDir } from "../../cache/folder.ts";
import { type Environment, type InstallWhen, prepareEnvironment } from "../../environment/environment.ts";
import { findPython } from "../../environment/find_python.ts";
import { unreadList } from "../../environment/other_lists.ts";
import { printable } from "../../printable.ts";
import type { Io } from "../terminal/io.ts";
import type { RunLog } from "./log.ts";
import type { Target } from "./target.ts";

/** The options that choose the Python of a run, and when requirements are installed. */
export interface EnvironmentChoice {
  readonly python?: string | undefined;
  readonly install: InstallWhen;
}

/** What a run provides for preparing its Python. */
export interface EnvironmentContext {
  readonly assets: Assets;
  readonly io: Io;
  readonly log: RunLog;
  /** Shows and logs text that comes in pieces. */
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Finds the Python, and installs requirements that are not met.
 *
 * @throws {UsageError} if no Python is found
 * @throws {InstallerError} if a package can't be installed
 */
export async function openEnvironment(
  { module, archive }: Target,
  { python, install }: EnvironmentChoice,
  { assets, io, say, signal }: EnvironmentContext,
): Promise<Environment> {
  const { path } = findPython({ python, moduleDir: module, env: io.env });
  const unread = unreadList(module, labelOf(archive?.name ?? module));
  // If the module has a Python of its own, the tool that reads that list has installed its packages there.
  if (unread !== undefined && install !== "never" && !path.startsWith(`${module}/`)) say(`${printable(unread)}\n`);
  return await prepareEnvironment({
    python: path,
    module,
    archive: archive?.sha256 === undefined
      ? undefined
      : { label: labelOf(archive.name), sha256: archive.sha256, signed: archive.signed ?? false, root: archive.root },
    wheels: archive?.wheels,
    install,
    cacheDir: cacheDir(io.env),
    assets,
    env: io.env,
    signal,
    output: say,
  });
}
