// Sends the form, shows the answer, and follows the state of the server.

/** How long the page waits before it asks for the server's state again, in ms. */
const LOOK_MS = 2000;

/**
 * The element with an id that home.tsx gives.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function at(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} '${id}'`);
  return found;
}

/** @param {string} id */
function valueOf(id) {
  const field = document.getElementById(id);
  return field instanceof HTMLSelectElement ? field.value : at(id, HTMLInputElement).value;
}

at("invoke", HTMLFormElement).addEventListener("submit", async (event) => {
  event.preventDefault();
  const status = at("status", HTMLElement);
  const shown = at("answer", HTMLElement);
  status.textContent = "…";
  const body = at("file", HTMLInputElement).files?.[0] ?? at("body", HTMLTextAreaElement).value;
  const headers = { "content-type": valueOf("type"), accept: valueOf("accept") };
  const start = performance.now();
  try {
    const answer = await fetch(valueOf("path"), { method: "POST", body, headers });
    const bytes = await answer.arrayBuffer();
    const ms = (performance.now() - start).toFixed(1);
    const type = answer.headers.get("content-type") ?? "";
    status.textContent = `${answer.status} · ${type} · ${bytes.byteLength} bytes · ${ms} ms`;
    shown.textContent = /json|text|csv|xml/.test(type) ? new TextDecoder().decode(bytes) : "(binary)";
  } catch (error) {
    status.textContent = "";
    shown.textContent = `The server did not answer: ${error instanceof Error ? error.message : error}`;
  }
});

setInterval(async () => {
  const state = await fetch("/ping").then((answer) => answer.json()).then(
    (body) => body.state ?? body.status,
    () => "gone",
  );
  const shown = at("state", HTMLElement);
  shown.textContent = state;
  shown.dataset.state = state;
}, LOOK_MS);
