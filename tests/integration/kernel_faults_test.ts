/** Interrupted and failing system calls of a worker, which strace injects. */

import assert from "node:assert/strict";
import { runs } from "../e2e/support/needs.ts";
import { assertInOrder, live, type Mode, MODES, processesLeft, PYTHON } from "./support/books.ts";
import { Folders } from "./support/lives.ts";

const CAN_TRACE = runs("strace", "-qq", "-o", "/dev/null", "-e", "inject=uname:error=EINTR", "true");

for (
  const [what, calls, fault] of [
    // Not every architecture has all of these calls.
    [
      "a signal breaks off every second one",
      "sendto,recvfrom,pwrite64,pselect6,epoll_pwait,?poll,?ppoll,?select,?epoll_wait",
      "error=EINTR:when=1+2",
    ],
    ["the disk of the exchange is full", "pwrite64", "error=ENOSPC"],
  ] as const
) {
  for (const mode of Object.keys(MODES) as Mode[]) {
    // Parts do not use the exchange.
    if (mode === "async parts" && calls === "pwrite64") continue;
    Deno.test({
      name: `every request is answered when ${what} (${mode})${CAN_TRACE ? "" : " (skipped: strace is not permitted)"}`,
      ignore: !CAN_TRACE,
      async fn() {
        using folders = new Folders();
        const trace = `${folders.path}/trace`;
        const python = `${folders.path}/python3`;
        Deno.writeTextFileSync(
          python,
          `#!/bin/sh\nexec strace -D -f -qqq -o '${trace}' -e trace=${calls} -e inject=${calls}:${fault} '${PYTHON}' "$@"\n`,
        );
        Deno.chmodSync(python, 0o755);
        const mark = crypto.randomUUID();
        const books = await live({ mode, folder: folders.next(), mark, python });
        assertInOrder(books);
        assert.deepEqual([...books.outcomes.values()].filter((fate) => fate !== "right"), []);
        assert.deepEqual(await processesLeft(mark), []);
        assert.match(Deno.readTextFileSync(trace), /INJECTED/);
      },
    });
  }
}
