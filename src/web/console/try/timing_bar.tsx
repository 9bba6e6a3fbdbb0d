/** Where the time of a request went: a bar with a part for each stage, from the header Server-Timing. */

import { formatMs } from "../format.ts";

/** The stages that the server reports, in their order, with their names for people. */
const STAGES: readonly (readonly [name: string, title: string])[] = [
  ["queue", "queue"],
  ["deserialize", "deserialize"],
  ["predict", "predict"],
  ["serialize", "serialize"],
  ["rest", "transport"],
];

/** The least width of a part, in hundredths, so that it can be seen at all. */
const LEAST = 0.6;

/** The bar of a Server-Timing header, with its legend; nothing if the header has no times of a script. */
export function TimingBar({ timing, ms }: { timing: string; ms: number }) {
  const times = parseTiming(timing);
  if (times.get("predict") === undefined) return null;
  const known = [...times].filter(([name]) => name !== "total").reduce((sum, [, value]) => sum + value, 0);
  times.set("rest", Math.max(0, ms - known));
  const parts = STAGES.flatMap(([name, title]) => {
    const value = times.get(name);
    return value === undefined ? [] : [{ name, title, value }];
  });
  const whole = parts.reduce((sum, { value }) => sum + value, 0) || 1;
  const widths = parts.map(({ value }) => Math.max(LEAST, 100 * value / whole));
  const scale = 100 / widths.reduce((sum, width) => sum + width, 0);
  let x = 0;
  return (
    <div class="timing">
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        {parts.map(({ name }, index) => {
          const width = widths[index]! * scale;
          const from = x;
          x += width;
          return <rect key={name} class={`stage-${name}`} x={String(from)} width={String(width)} height="1" />;
        })}
      </svg>
      <dl>
        {parts.map(({ name, title, value }) => (
          <div key={name}>
            <dt class={`stage-${name}`}>{title}</dt>
            <dd>{formatMs(value)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Reads the names and durations, in ms, of a Server-Timing header. */
function parseTiming(header: string): Map<string, number> {
  const found = [...header.matchAll(/(?:^|,)\s*([\w-]+)\s*;\s*dur=([\d.]+)/g)];
  return new Map(found.map(([, name, ms]) => [name!, Number(ms)]));
}
