/** The project's own files. */

import { run } from "../build/process.ts";

/** A file of the project. */
export interface ProjectFile {
  /** Relative to the project's root. */
  readonly path: string;
  /** Its content, if that is text. */
  readonly text?: string;
}

/**
 * Reads all files that git tracks or does not ignore.
 *
 * @param root the project's root
 * @throws {Error} if the root is not a git repository
 */
export async function readFiles(root: string): Promise<readonly ProjectFile[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { success, stdout, output } = await run("git", args, { cwd: root });
  if (!success) throw new Error(`Can't list the project's files: 'git ls-files' failed. It said:\n${output}`);
  const files: ProjectFile[] = [];
  for (const path of new Set(stdout.split("\0").filter(Boolean))) {
    const file = readFile(root, path);
    if (file !== undefined) files.push(file);
  }
  return files;
}

/** Reads a file; returns undefined if it was deleted. */
function readFile(root: string, path: string): ProjectFile | undefined {
  try {
    if (!Deno.lstatSync(`${root}/${path}`).isFile) return { path };
    const bytes = Deno.readFileSync(`${root}/${path}`);
    return bytes.subarray(0, 8000).includes(0) ? { path } : { path, text: new TextDecoder().decode(bytes) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
