/** The same requests, sent to the executable. */

import assert from "node:assert/strict";
import { type RawAnswer, RawConnection } from "../e2e/support/raw.ts";
import { echo, test } from "../e2e/support/sandbox.ts";
import { CASES } from "./corpus.ts";

/** Statuses of accepted requests: the method or the path has no route. */
const TAKEN = new Set([200, 404, 405]);

/** Returns all answers except interim responses. */
async function ask(port: number, sent: string): Promise<RawAnswer[]> {
  using connection = await RawConnection.open(port);
  try {
    await connection.send(sent);
    await connection.closeWrite();
  } catch {
    // The server has answered and closed the connection before everything was sent.
  }
  const answers: RawAnswer[] = [];
  for (let next = await connection.receive(); next !== undefined; next = await connection.receive()) answers.push(next);
  return answers.filter(({ status }) => status >= 200);
}

test("the executable accepts or refuses each case as it declares, and keeps running", async (box) => {
  const server = await box.serve(echo(), { args: ["--port", "0", "--allow-host", "*"] });
  for (const { name, sent, taken, refused } of CASES) {
    const answers = await ask(server.port, sent);
    const said = `${name}: ${answers.map(({ status }) => status)}`;
    // A chunked body that no route reads is not received, and the connection is closed.
    const unread = /^[A-Z]+ with chunks$/.test(name) ? 1 : 0;
    assert.equal(answers.length, taken + (refused === undefined ? 0 : 1) - unread, said);
    if (refused !== undefined) assert.equal(answers.pop()?.status, refused, said);
    for (const { status, body } of answers) {
      assert.ok(TAKEN.has(status), said);
      // The model has received only the body.
      if (status === 200) assert.doesNotMatch(body, /HTTP\/1|Host:/, name);
    }
  }
  assert.equal((await server.invoke("still here")).text, "still here");
  assert.doesNotMatch(server.log, /ERROR|Traceback/);
  await server.stop();
});
