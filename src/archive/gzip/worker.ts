/** The main program of a thread that compresses blocks. It returns each buffer for reuse. */

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
