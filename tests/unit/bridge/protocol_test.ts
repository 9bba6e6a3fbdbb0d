import assert from "node:assert/strict";
import { MIN_BODY_BYTES, SLOT_BYTES, SLOTS } from "../../../src/bridge/exchange.ts";
import { TOO_OLD } from "../../../src/bridge/exit.ts";
import { HEADER_BYTES, Kind, MAX_METADATA_BYTES, PROTOCOL_VERSION } from "../../../src/bridge/frame.ts";
import { OFFSETS } from "../../../src/bridge/ledger.ts";
import {
  ANSWER_ROOM,
  ANSWER_SLOTS,
  REQUEST_SLOTS,
  SHARED,
  SHARED_SLOT_BYTES,
  SLOTS_START,
} from "../../../src/bridge/shared_slots.ts";
import { SECONDS, SIZES } from "../../../src/observability/metrics.ts";
import { FIRST_CREDIT } from "../../../src/supervisor/part_stream.ts";
import { MAX_METRICS, MAX_SERIES } from "../../../src/supervisor/script_report.ts";

Deno.test("the constants that both ends of the bridge share have the values of the fixture", () => {
  const ours = {
    protocol: PROTOCOL_VERSION,
    kinds: Object.fromEntries(Object.entries(Kind).map(([name, kind]) => [name.toUpperCase(), kind])),
    headerBytes: HEADER_BYTES,
    maxMetadataBytes: MAX_METADATA_BYTES,
    tooOld: TOO_OLD,
    firstCredit: FIRST_CREDIT,
    ledger: OFFSETS,
    exchange: { slots: SLOTS, slotBytes: SLOT_BYTES, minBodyBytes: MIN_BODY_BYTES },
    memory: {
      shared: SHARED,
      requestSlots: REQUEST_SLOTS,
      answerSlots: ANSWER_SLOTS,
      slotBytes: SHARED_SLOT_BYTES,
      slotsStart: SLOTS_START,
      answerRoom: ANSWER_ROOM,
    },
    seconds: SECONDS,
    sizes: SIZES,
    scriptMetrics: { metrics: MAX_METRICS, series: MAX_SERIES },
  };
  const fixture = Deno.readTextFileSync(new URL("../../fixtures/protocol.json", import.meta.url));
  assert.deepEqual(ours, JSON.parse(fixture));
});
