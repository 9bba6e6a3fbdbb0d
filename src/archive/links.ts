/** Where symbolic links lead, without a file system to ask. */

/** Links that lead to each other end here, as on Linux (path_resolution(7)). */
const MAX_HOPS = 40;

/** What is wrong with a link. */
export type LinkProblem = "leads out" | "leads in a circle";

/**
 * Follows a link as the system would, through other links.
 *
 * @param link its path from the root
 * @param links what each link's path points to, as it is written
 */
export function followLink(link: string, links: ReadonlyMap<string, string>): LinkProblem | undefined {
  const parts = link.split("/").slice(0, -1);
  const rest = links.get(link)!.split("/").reverse();
  for (let hops = 0; rest.length > 0;) {
    const part = rest.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.pop() === undefined) return "leads out";
      continue;
    }
    const next = links.get([...parts, part].join("/"));
    if (next === undefined) parts.push(part);
    else if (++hops > MAX_HOPS) return "leads in a circle";
    else rest.push(...next.split("/").reverse());
  }
  return undefined;
}
