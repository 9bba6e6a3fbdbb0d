/** The project's own text files. */

import { run } from "../build/process.ts";

/** A text file. */
export interface TextFile {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
}

/**
 * Reads all text files that git tracks, or would if they were added.
 *
 * @param root the project's root
 * @throws {Error} if the root is no git repository
 */
export async function readTextFiles(root: string): Promise<readonly TextFile[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { success, stdout, output } = await run("git", args, { cwd: root });
  if (!success) throw new Error(`Can't list the project's files: 'git ls-files' failed. It said:\n${output}`);
  const files: TextFile[] = [];
  for (const path of new Set(stdout.split("\0").filter(Boolean))) {
    const text = readText(`${root}/${path}`);
    if (text !== undefined) files.push({ path, text });
  }
  return files;
}

/** The file's text; nothing if it was deleted, or is a link, or no text. */
function readText(path: string): string | undefined {
  try {
    if (!Deno.lstatSync(path).isFile) return undefined;
    const bytes = Deno.readFileSync(path);
    return bytes.subarray(0, 8000).includes(0) ? undefined : new TextDecoder().decode(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
