/** Shows an HTML answer in a frame that runs no script, sends no form, and loads nothing. */

import { useEffect, useRef } from "hono/jsx/dom";

/** Trusted Types (https://www.w3.org/TR/trusted-types/), as far as this file uses them. Not all browsers have them. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML: (text: string) => string }): { createHTML(text: string): string };
}

/** The only place where the page lets a text become markup; the frame's sandbox makes it harmless. */
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("answer", {
  createHTML: (text) => text,
});

/** The document of an answer, isolated from this page. */
export function PageView({ text }: { text: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    if (frame.current !== null) frame.current.srcdoc = policy?.createHTML(text) ?? text;
  }, [text]);
  return (
    <>
      <iframe ref={frame} class="page" title="Answer" sandbox="" referrerpolicy="no-referrer"></iframe>
      <p class="note">Shown without scripts and styles of its own.</p>
    </>
  );
}
