/** Resolves symbolic links without a file system. */

import { ArchiveError } from "./errors.ts";

/** The most links that one path may pass through, as on Linux (path_resolution(7)). */
const MAX_HOPS = 40;

/** The faults of a link. */
type LinkProblem = "leads out" | "leads in a circle";

/**
 * Follows each link as the system would, through other links.
 *
 * @param links each link's text, by the link's path relative to the root
 * @param leadsOut makes the error for a link that leads out of the root
 * @throws {ArchiveError} for the first link that leads out of the root, or in a circle
 */
export function checkLinks(
  links: ReadonlyMap<string, string>,
  leadsOut: (path: string, target: string) => ArchiveError,
): void {
  for (const [path, target] of links) {
    const { problem } = followLink(path, links);
    if (problem === "leads out") throw leadsOut(path, target);
    if (problem !== undefined) throw new ArchiveError(`contains '${path}', a link that ${problem}`);
  }
}

/**
 * Follows one link as the system would, through other links.
 *
 * @param link the path of a link in `links`
 * @returns the path that it leads to, relative to the root, or what is wrong with it
 */
export function followLink(
  link: string,
  links: ReadonlyMap<string, string>,
): { readonly path?: string; readonly problem?: LinkProblem } {
  const parts = link.split("/").slice(0, -1);
  const rest = links.get(link)!.split("/").reverse();
  for (let hops = 0; rest.length > 0;) {
    const part = rest.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.pop() === undefined) return { problem: "leads out" };
      continue;
    }
    const next = links.get([...parts, part].join("/"));
    if (next === undefined) parts.push(part);
    else if (++hops > MAX_HOPS) return { problem: "leads in a circle" };
    else rest.push(...next.split("/").reverse());
  }
  return { path: parts.join("/") };
}
