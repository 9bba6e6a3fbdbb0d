/** Shows an answer as text. */

/** How much of a text is shown, in characters: more makes a browser slow. */
const MAX_SHOWN = 500_000;

/** A text, which grows while it arrives. */
export function TextView({ text, live }: { text: string; live: boolean }) {
  return (
    <>
      <pre class="text" data-live={live ? "" : undefined} tabindex={0}>{text.slice(0, MAX_SHOWN)}</pre>
      {text.length > MAX_SHOWN && <p class="note">This is the beginning. Download has all of it.</p>}
    </>
  );
}
