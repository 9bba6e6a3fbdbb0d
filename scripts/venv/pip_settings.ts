/** Translates the settings of pip, which uv does not read, into options of uv. */

/** Options and variables for `uv pip install`. */
export interface UvOptions {
  readonly args: readonly string[];
  readonly env: Record<string, string>;
}

/** Options of uv that take each of the words of a setting. */
const OPTIONS: Readonly<Record<string, string>> = {
  "index-url": "--default-index",
  "extra-index-url": "--index",
  "find-links": "--find-links",
  "constraint": "--constraint",
  "trusted-host": "--allow-insecure-host",
};

/** Variables that have the meaning of a setting. */
const VARIABLES: Readonly<Record<string, string>> = {
  cert: "SSL_CERT_FILE",
  "default-timeout": "UV_HTTP_TIMEOUT",
  timeout: "UV_HTTP_TIMEOUT",
};

/** Settings without effect on what is installed into an environment. */
const HARMLESS: ReadonlySet<string> = new Set([
  "break-system-packages",
  "cache-dir",
  "color",
  "disable-pip-version-check",
  "no-cache-dir",
  "no-color",
  "no-input",
  "no-python-version-warning",
  "no-warn-script-location",
  "prefer-binary",
  "progress-bar",
  "quiet",
  "require-virtualenv",
  "retries",
  "root-user-action",
  "user",
]);

/** A line such as `global.index-url='https://example.org/simple'`. A command's section counts for more than `global`, a variable for most. */
const LINE = /^(global|install|:env:)\.([\w-]+)='(.*)'$/;
const SECTIONS = ["global", "install", ":env:"];

/**
 * Translates settings.
 *
 * @param list the output of `pip config list`
 * @returns undefined if uv has no counterpart of a setting
 */
export function uvOptions(list: string): UvOptions | undefined {
  const settings = new Map<string, { readonly rank: number; readonly value: string }>();
  for (const line of list.split("\n")) {
    const [, section, key = "", value = ""] = LINE.exec(line) ?? [];
    if (section === undefined) {
      // Settings of other commands, such as `freeze`.
      if (line.trim() === "" || /^[\w-]+\./.test(line) && !/^(global|install)\./.test(line)) continue;
      return undefined;
    }
    const rank = SECTIONS.indexOf(section);
    if (rank >= (settings.get(key)?.rank ?? -1)) settings.set(key, { rank, value });
  }
  // As pip does, uv takes the best version that any of the indexes has.
  const args = ["--index-strategy", "unsafe-best-match"];
  const env: Record<string, string> = {};
  for (const [key, { value }] of settings) {
    const option = OPTIONS[key];
    const variable = VARIABLES[key];
    // pip separates the values of a list by blanks or line ends; `pip config list` escapes the latter.
    if (option !== undefined) {
      args.push(...value.split(/(?:\s|\\n)+/).filter(Boolean).flatMap((word) => [option, word]));
    } else if (variable !== undefined) env[variable] = value;
    else if (!HARMLESS.has(key)) return undefined;
  }
  return { args, env };
}
