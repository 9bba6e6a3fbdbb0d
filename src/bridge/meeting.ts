/** The content of a worker's private directory: two files, and two sockets to which it connects. */

import { Exchange } from "./exchange.ts";
import { Ledger } from "./ledger.ts";

/** The files and sockets of one worker. Disposing closes the sockets; the owner closes the files. */
export class Meeting implements Disposable {
  readonly ledger: Ledger;
  readonly exchange: Exchange;
  /** The socket to which the worker connects. */
  readonly listener: Deno.UnixListener;
  /** The socket to which the worker's keeper connects. */
  readonly keeperListener: Deno.UnixListener;

  /** @throws {Error} if a file or socket can't be made in the directory `path`; those already made are closed */
  constructor(path: string) {
    using made = new DisposableStack();
    this.ledger = made.use(new Ledger(`${path}/ledger`));
    this.exchange = made.use(new Exchange(`${path}/exchange`, this.ledger));
    this.listener = made.use(Deno.listen({ transport: "unix", path: `${path}/bridge.sock` }));
    this.keeperListener = made.use(Deno.listen({ transport: "unix", path: `${path}/keeper.sock` }));
    made.move();
  }

  /** Closes the sockets and the files. */
  abandon(): void {
    this[Symbol.dispose]();
    this.ledger[Symbol.dispose]();
    this.exchange[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const listener of [this.listener, this.keeperListener]) {
      try {
        listener.close();
      } catch (error) {
        // It was closed before.
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
    }
  }
}
