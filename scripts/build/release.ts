/** Downloads Deno's base runtime from Deno's release host. */

import type { Target } from "./targets.ts";
import { unzip } from "./zip.ts";

/** How long the host may take to start its answer, in ms. Firewalls that block it often drop packets silently. */
const ANSWER_TIMEOUT = 5_000;

/** How long the whole download may take, in ms: 40 MB at 1 Mbit/s. */
const DOWNLOAD_TIMEOUT = 320_000;

/** The URL of the base runtime. */
export function releaseUrl(version: string, target: Target): string {
  return `https://dl.deno.land/release/v${version}/denort-${target.name}.zip`;
}

/**
 * Downloads the base runtime.
 *
 * @throws {Error} if the host does not answer in time, has no such file, or sends something else
 */
export async function baseFromRelease(version: string, target: Target): Promise<Uint8Array<ArrayBuffer>> {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(new Error(`no answer in ${ANSWER_TIMEOUT / 1000} s`)), ANSWER_TIMEOUT);
  try {
    const response = await fetch(releaseUrl(version, target), { signal: abort.signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`the host answered ${response.status} ${response.statusText}`.trim());
    }
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(new Error(`not done in ${DOWNLOAD_TIMEOUT / 1000} s`)), DOWNLOAD_TIMEOUT);
    return await unzip(new Uint8Array(await response.arrayBuffer()), "denort");
  } finally {
    clearTimeout(timer);
  }
}
