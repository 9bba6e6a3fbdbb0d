/** The frame of the console: the head with the model and its state, the navigation, and the current panel. */

import { useEffect, useState } from "hono/jsx/dom";
import { ModelHead } from "./components/model_head.tsx";
import { TokenForm } from "./components/token_form.tsx";
import { PANELS } from "./panels.ts";
import { standing } from "./server.ts";
import { useStore } from "./store.ts";

/** The whole page, from its head to its foot. */
export function App() {
  const current = usePanel();
  const where = useStore(standing);
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <header class="bar">
        <div class="bar-inner">
          <ModelHead />
          {PANELS.length > 1 && (
            <nav aria-label="Panels">
              {PANELS.map(({ id, title }) => (
                <a key={id} href={`#${id}`} aria-current={id === current.id ? "page" : undefined}>{title}</a>
              ))}
              <a href="docs">API</a>
            </nav>
          )}
        </div>
      </header>
      <main id="main" tabindex={-1}>
        {where.kind === "locked" ? <TokenForm message={where.message} /> : <Shown id={current.id} />}
      </main>
    </>
  );
}

function Shown({ id }: { id: string }) {
  const { Component } = PANELS.find((panel) => panel.id === id)!;
  return <Component />;
}

/** The panel that the URL's fragment names. */
function usePanel() {
  const find = () => PANELS.find(({ id }) => location.hash === `#${id}`);
  const [panel, setPanel] = useState(find() ?? PANELS[0]!);
  useEffect(() => {
    // A fragment of another kind, such as the link to the content, leaves the panel as it is.
    const follow = () => setPanel((before) => find() ?? before);
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return panel;
}
