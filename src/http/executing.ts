/** Requests that have come whole and are not answered yet: their connections are quiet with good reason. */

/** What Deno tells of a request's connection. */
export type Connected = Partial<Deno.ServeHandlerInfo>;

/**
 * Of one server.
 *
 * They are kept in places that are used again. A Set costs a request 2 microseconds more: V8 makes new tables for it again and again,
 * and old ones keep requests alive.
 */
export class Executing {
  readonly #places: (Connected | undefined)[] = [];
  readonly #free: number[] = [];

  /** @param request what the server has handed over with it @returns its place, for {@linkcode leave} */
  enter(request: Connected): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = request;
    return place;
  }

  leave(place: number): void {
    this.#places[place] = undefined;
    this.#free.push(place);
  }

  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** The ports of their clients. */
  ports(): ReadonlySet<number> {
    const ports = new Set<number>();
    for (const request of this.#places) {
      const address = request?.remoteAddr;
      if (address !== undefined && "port" in address) ports.add(address.port);
    }
    return ports;
  }
}
