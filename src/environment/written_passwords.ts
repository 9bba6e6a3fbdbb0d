/** Finds passwords in lists of requirements, which archives contain. */

import { userPartsIn } from "../credentials.ts";
import { stat } from "../files.ts";
import { decodeRequirements, namedBy, physicalLines, writtenLines } from "./requirements_text.ts";

/** The largest list that is searched, in bytes, and the most lists. */
const MAX_BYTES = 1024 * 1024;
const MAX_LISTS = 100;

/**
 * Returns a sentence for each line with a password, in a module's `requirements.txt` and the lists that it refers to.
 *
 * @param module the absolute path of its folder
 */
export function writtenPasswords(module: string): string[] {
  const notices: string[] = [];
  const lists = new Set(["requirements.txt"]);
  for (const list of lists) {
    const text = read(`${module}/${list}`);
    if (text === undefined) continue;
    // Comments count as well: the archive contains them.
    physicalLines(text).forEach((line, i) => {
      const variable = variableFor(line);
      if (variable === undefined) return;
      notices.push(
        `${list} line ${
          i + 1
        } contains a password: write \${${variable}} instead, and set that variable where the packages are installed`,
      );
    });
    const folder = list.slice(0, list.lastIndexOf("/") + 1);
    for (const named of writtenLines(text).map(namedBy)) {
      if (named.kind !== "nested" || named.path.startsWith("/") || lists.size >= MAX_LISTS) continue;
      const path = joined(`${folder}${named.path}`);
      if (path !== undefined) lists.add(path);
    }
  }
  return notices;
}

/** The name of a variable for the password in a line; undefined for a line without one. */
function variableFor(line: string): string | undefined {
  for (const { start, end, scheme } of userPartsIn(line)) {
    const user = line.slice(start, end);
    const colon = user.indexOf(":");
    // A user part without a colon is a token; with SSH it is an account.
    if (colon < 0 && (/(?:^|\+)ssh$/i.test(scheme) || user === "git")) continue;
    if (user.slice(colon + 1).replaceAll(/\$\{\w+\}/g, "") === "") continue;
    return /^(?:git|hg|svn|bzr)\+/i.test(scheme) ? "REPOSITORY_PASSWORD" : "INDEX_PASSWORD";
  }
  return undefined;
}

/** A normalized path relative to the module's folder; undefined if it leads out. */
function joined(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function read(path: string): string | undefined {
  const found = stat(path);
  if (found === undefined || !found.isFile || found.size > MAX_BYTES) return undefined;
  try {
    return decodeRequirements(Deno.readFileSync(path));
  } catch {
    // Packing or installing an unreadable list fails later, with an error that says why.
    return undefined;
  }
}
