/** Asks the visitor for the token of a server that requires one. */

import { useRef } from "hono/jsx/dom";
import { token } from "../api.ts";
import { unsendable } from "../header_text.ts";
import { standing } from "../server.ts";

/** A form for the token. @param props.message why the last one was refused; empty if there was none */
export function TokenForm({ message }: { message: string }) {
  const field = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const typed = field.current?.value.trim() ?? "";
    if (typed === "") return;
    const character = unsendable(typed);
    if (character !== undefined) {
      standing.set({ kind: "locked", message: `No token has the character '${character}'` });
      return;
    }
    standing.set({ kind: "asking" });
    token.set(typed);
  };
  return (
    <form class="card token" onSubmit={submit}>
      <h2>This server requires a token</h2>
      <label>
        Token
        <input ref={field} type="password" autocomplete="off" autofocus spellcheck={false} />
      </label>
      {message !== "" && <p class="error" role="alert">{message}</p>}
      <button type="submit" class="primary">Open</button>
      <p class="note">The page keeps it in memory until you close or reload it.</p>
    </form>
  );
}
