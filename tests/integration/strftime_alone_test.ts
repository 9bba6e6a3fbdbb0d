/** Names of log files, compared with Python's own `strftime`. */

import assert from "node:assert/strict";
import { strftime } from "../../src/observability/strftime.ts";

const PYTHON = Deno.env.get("AIMODELLIB_TEST_PYTHON") ?? "python3";

const DIRECTIVES = [..."aAbBcdHIjmMpSUwWxXyYzZGuV%", ..."CDeFghklnPrRsStT"].map((name) => `%${name}`);
const FLAGGED = ["%-d", "%-m", "%_H", "%03d", "%10Y", "%^a", "%^B", "%#p", "%#Z", "%_5d", "%Ey", "%Od", "%-j", "%-I"];
const FORMATS = [...DIRECTIVES, ...FLAGGED, "%Y-%m-%dT%H-%M-%S.log", "run/%G-W%V/%u.log", "100%%", "é %q %", "%Q%d"];
const ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Auckland"];

/** Times around new year, leap days, changes to and from daylight saving time, midnight and noon. */
const TIMES = [
  ...[2015, 2016, 2018, 2020, 2021, 2024, 2026, 2027].flatMap((year) =>
    [-3, -1, 0, 1, 3, 4, 58, 59, 60].map((day) => {
      return Date.UTC(year, 0, 1 + day, 0, 30) / 1000;
    })
  ),
  ...Array.from({ length: 200 }, (_, i) => 946_684_800 + i * 7_654_321),
  Date.UTC(2026, 2, 29, 0, 59, 59) / 1000,
  Date.UTC(2026, 2, 29, 1, 0, 0) / 1000,
  Date.UTC(2026, 9, 25, 0, 30, 0) / 1000,
  Date.UTC(2026, 9, 25, 1, 30, 0) / 1000,
];

const SCRIPT = `
import json, sys, time
formats, times = json.load(sys.stdin)
json.dump([[time.strftime(f, time.localtime(t)) for f in formats] + [time.localtime(t).tm_zone] for t in times], sys.stdout)
`;

async function python(zone: string): Promise<string[][]> {
  const child = new Deno.Command(PYTHON, {
    args: ["-c", SCRIPT],
    env: { TZ: zone, PYTHONUTF8: "1" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify([FORMATS, TIMES])));
  await writer.close();
  const { stdout, success } = await child.output();
  assert.ok(success);
  return JSON.parse(new TextDecoder().decode(stdout));
}

for (const zone of ZONES) {
  Deno.test(`strftime() formats as Python's does in the time zone ${zone}`, async () => {
    const expected = await python(zone);
    const before = Deno.env.get("TZ");
    Deno.env.set("TZ", zone);
    try {
      for (const [i, seconds] of TIMES.entries()) {
        const zoneName = () => expected[i]!.at(-1)!;
        for (const [j, format] of FORMATS.entries()) {
          const actual = strftime(format, new Date(seconds * 1000), zoneName);
          assert.equal(actual, expected[i]![j], `${format} at ${seconds}`);
        }
      }
    } finally {
      if (before === undefined) Deno.env.delete("TZ");
      else Deno.env.set("TZ", before);
    }
  });
}
