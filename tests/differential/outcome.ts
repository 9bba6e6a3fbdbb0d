/** The result of a server for the input of a client, and the comparison of two results. */

/** An accepted, complete request, in Latin-1. */
export interface Taken {
  readonly method: string;
  /** The target; for ours without scheme and host. */
  readonly target: string;
  readonly body: string;
}

/** The result of another server. */
export interface Outcome {
  readonly taken: readonly Taken[];
  /** The state after these requests: it waits for more, has closed the connection as a request demands, or refuses the rest. */
  readonly end: "open" | "closed" | "refused";
}

/** A difference between the requests that ours and another server accept. */
export interface Difference {
  /** The other server reads the same bytes as another request, or as none. */
  readonly kind: "other" | "alone";
  readonly request: Taken;
  /** The request that ours accepts, and the result of the other server. */
  readonly text: string;
}

/**
 * Finds a difference that an attacker could exploit if one server is a proxy for the other; undefined if there is none. Refusing what the
 * other accepts is harmless.
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

/** Removes scheme and host from a target. */
function pathOf(target: string): string {
  const [, rest] = /^https?:\/\/[^/?]+(.*)$/i.exec(target) ?? [];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function shown({ method, target, body }: Taken): string {
  return JSON.stringify(`${method} ${target} ${body}`.slice(0, 200));
}
