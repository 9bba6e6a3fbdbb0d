import assert from "node:assert/strict";
import { ProtocolError } from "../../../src/errors.ts";
import { type Frame, FrameBuffer, FrameDecoder, HEADER_BYTES, type Kind } from "../../../src/bridge/frame.ts";
import { concat, utf8 } from "../helper/bytes.ts";

/** The recorded frames with which both ends are tested. */
const RECORDED: {
  readonly frames: readonly {
    readonly name: string;
    readonly bytes: string;
    readonly kind: Kind;
    readonly id: number;
    readonly metadata: string;
    readonly body: string;
  }[];
  readonly refused: readonly { readonly name: string; readonly bytes: string; readonly message: string }[];
} = JSON.parse(Deno.readTextFileSync(new URL("../../fixtures/frames.json", import.meta.url)));

const LIMIT = 2 ** 20;

/** Returns all frames in these bytes; a rest is an error, as at the end of a stream. */
function decode(bytes: Uint8Array): Frame[] {
  const decoder = new FrameDecoder(LIMIT);
  decoder.space().set(bytes);
  decoder.filled(bytes.length);
  const frames: Frame[] = [];
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame);
  if (!decoder.atBoundary) throw new ProtocolError("The stream of a worker ended within a frame");
  return frames;
}

for (const { name, bytes, ...expected } of RECORDED.frames) {
  Deno.test(`FrameDecoder reads the recorded ${name}, and FrameBuffer writes it`, () => {
    const [frame, ...more] = decode(Uint8Array.fromHex(bytes));
    assert.ok(frame !== undefined && more.length === 0);
    const { kind, id, metadata, body } = frame;
    assert.deepEqual({ kind, id, metadata: new TextDecoder().decode(metadata), body: body.toHex() }, expected);
    const text = utf8(expected.metadata);
    const content = Uint8Array.fromHex(expected.body);
    const buffer = new FrameBuffer(HEADER_BYTES + text.length);
    const end = buffer.writeHead(0, kind, id, text, content.length);
    assert.equal(concat(buffer.bytes.subarray(0, end), content).toHex(), bytes);
  });
}

for (const { name, bytes, message } of RECORDED.refused) {
  Deno.test(`FrameDecoder refuses the recorded ${name}`, () => {
    assert.throws(() => decode(Uint8Array.fromHex(bytes)), (error) => {
      assert.ok(error instanceof ProtocolError);
      assert.ok(error.message.includes(message), error.message);
      return true;
    });
  });
}
