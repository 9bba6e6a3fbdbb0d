/** Hides keys in the words of a command line. The record of a run contains these words, and is copied together with the model. */

import { HIDDEN, hideCredentials } from "../../credentials.ts";
import { isSecretName } from "../../secret_names.ts";

/** The forms of well-known keys. Names such as `sk-learn-baseline` do not match. */
const KEYS = new RegExp(
  [
    // OpenAI and Anthropic, Hugging Face, GitHub, GitLab, npm, PyPI
    "sk-(?:[a-z0-9]{1,12}-){0,3}[A-Za-z0-9_]{16,}[A-Za-z0-9_-]*",
    "hf_[A-Za-z0-9]{16,}",
    "gh[oprsu]_[A-Za-z0-9]{16,}",
    "github_pat_[A-Za-z0-9_]{16,}",
    "glpat-[A-Za-z0-9_-]{16,}",
    "npm_[A-Za-z0-9]{32,}",
    "pypi-[A-Za-z0-9_-]{32,}",
    // AWS, Google, Slack, Stripe, NVIDIA, Replicate, Groq
    "(?:AKIA|ASIA)[A-Z0-9]{16}",
    "AIza[A-Za-z0-9_-]{35}",
    "ya29\\.[A-Za-z0-9_-]{16,}",
    "xox[abeprs]-[A-Za-z0-9-]{10,}",
    "[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "nvapi-[A-Za-z0-9_-]{16,}",
    "r8_[A-Za-z0-9]{32,}",
    "gsk_[A-Za-z0-9]{32,}",
    // JSON Web Tokens
    "eyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}",
  ].map((form) => `(?<![A-Za-z0-9_-])${form}(?![A-Za-z0-9])`).join("|") +
    "|-----BEGIN [A-Z ]*PRIVATE KEY-----[\\s\\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
  "g",
);

/** `--name=VALUE`, `NAME=VALUE` or `+some.name=VALUE`. */
const ASSIGNMENT = /^((?:--?|\+{1,2}|~)?[\w.@/-]{1,128}=)([\s\S]+)$/;
/** An assignment within a word, in JSON, a list or a header. */
const WITHIN =
  /(?<![\w.-])((["']?)([A-Za-z][\w.-]{0,127})\2\s{0,4}[=:]\s{0,4})("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:(?:Basic|Bearer|Token)\s+)?[^\s,;&{}"']+)/gi;
/** An option, but not a negative number. */
const OPTION = /^--?([A-Za-z][\w.-]*)$/;
/** Values of options such as `--use-auth-token` that are not keys. */
const NO_KEY = /^(?:true|false|yes|no|on|off|none|null|\d{1,3})$/i;

/** Hides keys in other text, such as an error message. */
export function hideKeys(text: string): string {
  return hideCredentials(text).replace(KEYS, HIDDEN);
}

/** Hides the values of options and variables with secret names, and keys anywhere. */
export function maskArguments(words: readonly string[]): string[] {
  return words.map((word, i) => {
    const option = OPTION.exec(words[i - 1] ?? "")?.[1];
    if (option !== undefined && isSecretName(option) && !OPTION.test(word)) return maskedValue(word);
    const [, before, value] = ASSIGNMENT.exec(word) ?? [];
    if (before !== undefined && isSecretName(before)) return before + maskedValue(value!);
    return hideKeys(word.replace(WITHIN, maskPair));
  });
}

function maskPair(all: string, before: string, _quote: string, name: string, value: string): string {
  if (!isSecretName(name)) return all;
  const quote = /^["']/.exec(value)?.[0] ?? "";
  return before + quote + maskedValue(quote === "" ? value : value.slice(1, -1)) + quote;
}

function maskedValue(value: string): string {
  return value === "" || NO_KEY.test(value) ? value : HIDDEN;
}
