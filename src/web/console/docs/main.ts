/** The script of the page at `/docs`: shows `openapi.json` with Swagger UI, and asks for a token if there are tokens. */

import { unsendable } from "../header_text.ts";

/** The part of Swagger UI's interface that this page uses. */
interface SwaggerUi {
  readonly preauthorizeApiKey: (scheme: string, value: string) => unknown;
}

declare const SwaggerUIBundle: (options: Readonly<Record<string, unknown>>) => SwaggerUi;

/** The name of the scheme in `openapi.json` that stands for the token. */
const SCHEME = "token";

const main = document.getElementById("docs")!;

/** Shows the document. @param token sent with the request for the document, and, unless the visitor changes it, with all others */
function show(token?: string): void {
  const ui = SwaggerUIBundle({
    url: "openapi.json",
    domNode: main,
    deepLinking: true,
    // The validator would be a request to another host.
    validatorUrl: null,
    requestInterceptor(request: { loadSpec?: boolean; headers: Record<string, string> }) {
      if (request.loadSpec && token !== undefined) request.headers["authorization"] = `Bearer ${token}`;
      return request;
    },
    onComplete() {
      if (token !== undefined) ui.preauthorizeApiKey(SCHEME, token);
    },
  });
}

/** Asks for a token. @param message why the last one was refused; empty if there was none */
function ask(message: string): void {
  const form = document.createElement("form");
  form.className = "ask";
  const label = document.createElement("label");
  label.textContent = "This server requires a token ";
  const field = document.createElement("input");
  field.type = "password";
  field.autocomplete = "off";
  const button = document.createElement("button");
  button.textContent = "Open";
  const said = document.createElement("p");
  said.role = "alert";
  said.textContent = message;
  label.append(field);
  form.append(label, button, said);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = field.value.trim();
    const character = unsendable(token);
    if (character !== undefined) ask(`No token has the character '${character}'`);
    else if (token !== "") void open(token);
  });
  main.replaceChildren(form);
  field.focus();
}

/** Shows the document if the server gives it, or asks for another token. */
async function open(token?: string): Promise<void> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    const answer = await fetch("openapi.json", { headers });
    if (answer.ok) return show(token);
    const problem = await answer.json().catch(() => ({}));
    ask(token === undefined ? "" : problem.detail ?? `The server answered ${answer.status}`);
  } catch {
    ask("The server did not answer");
  }
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
void open();
