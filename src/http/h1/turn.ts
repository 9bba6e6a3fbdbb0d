/** Whose turn it is: a client that is waited for has a limited time. */

/** Measures how long a connection has been waiting for its client. */
export class ClientTurn {
  /** Since when the client is waited for, in ms of `performance.now()`; 0 if it is not. */
  since = performance.now();
  /** How many bytes had come from it by then. */
  receivedBefore = 0;
  /** When it was last waited for. */
  usedAt = this.since;

  /** It is the client's turn to send, unless it was already. @param received how many bytes have come from it */
  waitToReceive(received: number): void {
    if (this.since !== 0) return;
    this.since = performance.now();
    this.receivedBefore = received;
  }

  /** It is the client's turn to take what is sent: from now on, whatever it was before. What it sends meanwhile gives it no more time. */
  waitToSend(): void {
    this.since = performance.now();
    this.receivedBefore = Infinity;
  }

  /** It is not. */
  end(): void {
    if (this.since === 0) return;
    this.usedAt = this.since;
    this.since = 0;
  }
}
