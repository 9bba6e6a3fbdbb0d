/** The page at `/`: it lists what is served and has a form to try it. It contains all that it needs and works without a network. */

import { raw } from "hono/html";
import SCRIPT from "./script.js" with { type: "text" };
import STYLE from "./style.css" with { type: "text" };

/** What the page shows. */
export interface HomeProps {
  /** File name of the serving script, or how many models there are. */
  readonly title: string;
  /** Paths that accept POST requests. */
  readonly paths: readonly string[];
  /** State of the pool: `loading`, `ready`, `restarting` or `stopping`. */
  readonly state: string;
  readonly version: string;
}

/** The whole HTML document of the page at `/`. */
export function Home({ title, paths, state, version }: HomeProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title} – aimodellib</title>
        <style>{raw(STYLE)}</style>
      </head>
      <body>
        <header>
          <h1>{title}</h1>
          <p>
            <output id="state" data-state={state}>{state}</output> aimodellib {version}
          </p>
        </header>
        <main>
          <form id="invoke">
            <h2>
              <label for="path">POST</label>{" "}
              <select id="path">{paths.map((path) => <option key={path}>{path}</option>)}</select>
            </h2>
            <label>
              Content-Type <input id="type" value="application/json" spellcheck={false} />
            </label>
            <label>
              Accept <input id="accept" value="*/*" spellcheck={false} />
            </label>
            <label class="wide">
              Body <textarea id="body" rows={10} spellcheck={false} placeholder='{"inputs": …}'></textarea>
            </label>
            <label class="wide">
              or a file, sent as it is <input id="file" type="file" />
            </label>
            <button type="submit">Send</button>
          </form>
          <section aria-live="polite">
            <h2>
              Answer <small id="status"></small>
            </h2>
            <pre id="answer"></pre>
          </section>
        </main>
        <script>{raw(SCRIPT)}</script>
      </body>
    </html>
  );
}
