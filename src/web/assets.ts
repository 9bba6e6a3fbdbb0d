/** Style and script of the console, as the text that is put into its pages. */

/** CSS: the reader's own colours, light or dark. */
export const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: color-mix(in srgb, currentColor 25%, transparent); }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; }
h1 { margin: 0; } h2 { font-size: 1.1rem; grid-column: 1 / -1; margin: 0; }
form, section { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
form { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .75rem; }
label { display: grid; gap: .25rem; font-size: .9rem; } .wide { grid-column: 1 / -1; }
h2 label { display: inline; font-size: inherit; } input, textarea, select, button { font: inherit; padding: .4rem .6rem; border: 1px solid var(--line); border-radius: .3rem; }
textarea, pre, #path, #type, #accept { font-family: ui-monospace, monospace; font-size: .85rem; }
button { justify-self: start; cursor: pointer; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0 0; min-height: 1.5em; }
#state { padding: .1rem .6rem; border-radius: 1rem; border: 1px solid; } #state[data-state=ready] { color: light-dark(#106b2c, #6fd58c); }
`;

/** Sends the form, shows the answer, and follows the state of the server. */
export const SCRIPT = `
const at = (id) => document.getElementById(id);
at("invoke").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("status").textContent = "…";
  const body = at("file").files[0] ?? at("body").value;
  const headers = { "content-type": at("type").value, accept: at("accept").value };
  const start = performance.now();
  try {
    const answer = await fetch(at("path").value, { method: "POST", body, headers });
    const bytes = await answer.arrayBuffer();
    const ms = (performance.now() - start).toFixed(1);
    const type = answer.headers.get("content-type") ?? "";
    at("status").textContent = answer.status + " · " + type + " · " + bytes.byteLength + " bytes · " + ms + " ms";
    at("answer").textContent = /json|text|csv|xml/.test(type) ? new TextDecoder().decode(bytes) : "(binary)";
  } catch (error) {
    at("status").textContent = "";
    at("answer").textContent = "The server did not answer: " + error.message;
  }
});
setInterval(async () => {
  const state = await fetch("/ping").then((r) => r.json()).then((body) => body.state ?? body.status, () => "gone");
  at("state").textContent = at("state").dataset.state = state;
}, 2000);
`;
