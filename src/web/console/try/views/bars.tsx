/** Shows a list of numbers, such as probabilities, as bars. */

/** How many numbers are shown as bars. */
const MAX_BARS = 32;

/** The numbers of a list that bars can show: a short list of finite numbers, none negative. Undefined for anything else. */
export function barsOf(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length < 2 || value.length > MAX_BARS) return undefined;
  return value.every((item) => typeof item === "number" && item >= 0 && Number.isFinite(item)) ? value : undefined;
}

/** A row for each number: its index, a bar, and its digits. The greatest one is marked. */
export function Bars({ values }: { values: readonly number[] }) {
  const greatest = Math.max(...values);
  const scale = greatest > 0 ? Math.max(greatest, greatest <= 1 ? 1 : 0) : 1;
  return (
    <ol class="bars" start={0}>
      {values.map((value, index) => (
        <li key={index} data-greatest={value === greatest && greatest > 0 ? "" : undefined}>
          <span class="bar-index">{index}</span>
          <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
            <rect width="100" height="1" />
            <rect class="bar" width={String(100 * value / scale)} height="1" />
          </svg>
          <span class="bar-value">{value}</span>
        </li>
      ))}
    </ol>
  );
}
