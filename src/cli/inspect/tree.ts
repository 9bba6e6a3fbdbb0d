/** Draws paths as a tree. */

import { printable } from "../../printable.ts";
import { formatBytes } from "../terminal/format.ts";

/** An entry of the tree. */
export interface TreeEntry {
  readonly path: string;
  readonly kind: string;
  /** In bytes. */
  readonly size: number;
  /** The target of a link; otherwise empty. */
  readonly target: string;
}

interface Node {
  readonly children: Map<string, Node>;
  entry?: TreeEntry;
}

/** The lines of the tree, sorted by name, with each folder before its content. */
export function tree(entries: readonly TreeEntry[]): string[] {
  const root: Node = { children: new Map() };
  for (const entry of entries) {
    let node = root;
    for (const part of entry.path.split("/")) {
      let child = node.children.get(part);
      if (child === undefined) node.children.set(part, child = { children: new Map() });
      node = child;
    }
    node.entry = entry;
  }
  return linesOf(root, "");
}

function linesOf({ children }: Node, indent: string): string[] {
  const sorted = [...children].sort(([a], [b]) => a < b ? -1 : 1);
  return sorted.flatMap(([name, node], index) => {
    const last = index === sorted.length - 1;
    return [
      `${indent}${last ? "└─" : "├─"} ${label(name, node)}`,
      ...linesOf(node, `${indent}${last ? "   " : "│  "}`),
    ];
  });
}

function label(name: string, { children, entry }: Node): string {
  const shown = printable(name);
  if (children.size > 0 || entry?.kind === "directory") return `${shown}/`;
  if (entry?.kind === "file") return `${shown}  ${formatBytes(entry.size)}`;
  return `${shown} -> ${printable(entry?.target ?? "")}`;
}
