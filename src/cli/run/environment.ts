/** The Python of a run, with what its module asks for. */

import type { Assets } from "../../bridge/mod.ts";
import { cacheDir } from "../../cache/folder.ts";
import { type Environment, type InstallWhen, prepareEnvironment } from "../../environment/environment.ts";
import { findPython } from "../../environment/find_python.ts";
import { unreadList } from "../../environment/other_lists.ts";
import { printable } from "../../printable.ts";
import type { Io } from "../terminal/io.ts";
import type { RunLog } from "./log.ts";
import type { Target } from "./target.ts";

/** The options that say which Python a run uses, and whether requirements are installed for it. */
export interface EnvironmentChoice {
  readonly python?: string | undefined;
  readonly install: InstallWhen;
}

/** What it is given by its caller. */
export interface EnvironmentContext {
  readonly assets: Assets;
  readonly io: Io;
  readonly log: RunLog;
  /** Shows and logs text, which comes in pieces. */
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Finds the Python, and installs what is missing.
 *
 * @throws {UsageError} if there is none
 * @throws {InstallerError} if something can't be installed
 */
export async function openEnvironment(
  { module, archive }: Target,
  { python, install }: EnvironmentChoice,
  { assets, io, say, signal }: EnvironmentContext,
): Promise<Environment> {
  const { path } = findPython({ python, moduleDir: module, env: io.env });
  const unread = unreadList(module, archive?.name);
  // A Python of the module's own has been given what it needs by the tool that reads that list.
  if (unread !== undefined && install !== "never" && !path.startsWith(`${module}/`)) say(`${printable(unread)}\n`);
  return await prepareEnvironment({
    python: path,
    module,
    archive: archive?.sha256 === undefined
      ? undefined
      : { name: archive.name, sha256: archive.sha256, signed: archive.signed ?? false, root: archive.root },
    wheels: archive?.wheels,
    install,
    cacheDir: cacheDir(io.env),
    assets,
    env: io.env,
    signal,
    output: say,
  });
}
