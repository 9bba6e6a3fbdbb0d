/** What a server makes of what a client sends, and how two of them differ. */

/** A request that was taken whole, in Latin-1. */
export interface Taken {
  readonly method: string;
  /** As it came; ours leaves out scheme and host. */
  readonly target: string;
  readonly body: string;
}

/** What another server made of it. */
export interface Outcome {
  readonly taken: readonly Taken[];
  /** What comes behind these: it waits for more, has ended the connection since a request says so, or refuses it. */
  readonly end: "open" | "closed" | "refused";
}

/** How ours differs from another in what it takes. */
export interface Difference {
  /** The other takes the same bytes for something else, or nothing there. */
  readonly kind: "other" | "alone";
  readonly request: Taken;
  /** What ours takes, and what the other makes of it. */
  readonly text: string;
}

/**
 * How ours differs from another in a way that can be used against whoever has one before the other: undefined if it does not. To refuse
 * what the other takes is no such way.
 */
export function danger(ours: readonly Taken[], { taken, end }: Outcome): Difference | undefined {
  for (const [i, request] of ours.entries()) {
    const theirs = taken[i];
    if (theirs === undefined) {
      return { kind: "alone", request, text: `${shown(request)}, not taken by the other (${end})` };
    }
    if (request.method !== theirs.method || request.target !== pathOf(theirs.target) || request.body !== theirs.body) {
      return { kind: "other", request, text: `${shown(request)} for ${shown(theirs)}` };
    }
  }
  return undefined;
}

/** A target without scheme and host. */
function pathOf(target: string): string {
  const [, rest] = /^https?:\/\/[^/?]+(.*)$/i.exec(target) ?? [];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function shown({ method, target, body }: Taken): string {
  return JSON.stringify(`${method} ${target} ${body}`.slice(0, 200));
}
