/** Reads the timestamp for reproducible output: https://reproducible-builds.org/specs/source-date-epoch/ */

import { UsageError } from "../../errors.ts";
import type { Io } from "../terminal/io.ts";

/** 1980-01-01: the oldest date that all archive formats can express, and about which tar prints no warning. */
export const DEFAULT_MTIME = 315_532_800;
/** The latest time of a tar header: 11 octal digits. */
const MAX_SECONDS = 0o77777777777;

/**
 * The value of `SOURCE_DATE_EPOCH`, in seconds since 1970; undefined if it is not set.
 *
 * @throws {UsageError} if the value is not such a number
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
