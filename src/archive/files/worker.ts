/** The main program of a thread that writes batches of small files. */

import { reasonOf } from "../../errors.ts";
import { type Batch, type BatchResult, writeFile } from "./write_file.ts";

interface Thread {
  onmessage: (event: MessageEvent<Batch>) => void;
  postMessage(message: BatchResult): void;
}

const thread = globalThis as unknown as Thread;

thread.onmessage = ({ data: { id, root, files } }) => {
  for (const file of files) {
    try {
      writeFile(root, file);
    } catch (error) {
      thread.postMessage({ id, failure: { path: file.path, reason: reasonOf(error) } });
      return;
    }
  }
  thread.postMessage({ id });
};
