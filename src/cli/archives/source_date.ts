/** The time that reproducible output has: https://reproducible-builds.org/specs/source-date-epoch/ */

import { UsageError } from "../../errors.ts";
import type { Io } from "../terminal/io.ts";

/** What a tar header has room for: 11 octal digits. */
const MAX_SECONDS = 0o77777777777;

/**
 * `SOURCE_DATE_EPOCH`, in seconds since 1970.
 *
 * @throws {UsageError} if it is no such number
 */
export function sourceDateEpoch(io: Pick<Io, "env">): number | undefined {
  const text = io.env("SOURCE_DATE_EPOCH");
  if (!text) return undefined;
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds > MAX_SECONDS) {
    throw new UsageError(`SOURCE_DATE_EPOCH must be a number of seconds since 1970, not '${text}'`);
  }
  return seconds;
}
