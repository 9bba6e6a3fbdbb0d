/** Finds passwords in lists of requirements, which archives contain. */

import { userPartsIn } from "../credentials.ts";
import { listsOf } from "./requirements_lists.ts";
import { physicalLines } from "./requirements_text.ts";

/**
 * Returns a sentence for each line with a password, in a module's `requirements.txt` and the lists that it refers to.
 *
 * @param module the absolute path of its folder
 */
export function writtenPasswords(module: string): string[] {
  const notices: string[] = [];
  for (const { path, text } of listsOf(module)) {
    // Comments count as well: the archive contains them.
    physicalLines(text).forEach((line, i) => {
      const variable = variableFor(line);
      if (variable === undefined) return;
      notices.push(
        `${path} line ${
          i + 1
        } contains a password: write \${${variable}} instead, and set that variable where the packages are installed`,
      );
    });
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
