/** A thread that compresses blocks. It gives each buffer back, to be filled again. */

import { type BlockRequest, type BlockResponse, respond } from "./block.ts";

interface Thread {
  onmessage: (event: MessageEvent<BlockRequest>) => void;
  postMessage(message: BlockResponse, transfer: Transferable[]): void;
}

const thread = globalThis as unknown as Thread;

thread.onmessage = ({ data }) => {
  const response = respond(data);
  thread.postMessage(response, [response.buffer]);
};
