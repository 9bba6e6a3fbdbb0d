/** The same request as a command line, and as programs. */

import { useEffect, useState } from "hono/jsx/dom";
import { token } from "../api.ts";
import { CopyButton } from "../components/copy_button.tsx";
import { Tabs } from "../components/tabs.tsx";
import type { ConsoleModel } from "../../served.ts";
import { useStore } from "../store.ts";
import { codeOf, type Language, LANGUAGES, MAX_INLINE } from "./code.ts";
import { bodyOf, draft, nameOf, pathOf } from "./draft.ts";

/** The card of the code for the current draft. */
export function CodeCard({ model }: { model: ConsoleModel }) {
  const current = useStore(draft);
  const [language, setLanguage] = useState<Language>("curl");
  const [text, setText] = useState<string | undefined>("");
  const secured = useStore(token) !== undefined;
  const written = current.kind !== "file" && current.kind !== "picture";
  useEffect(() => {
    let isCurrent = true;
    const body = bodyOf(current);
    if (!written || body.size > MAX_INLINE) setText(undefined);
    else void body.text().then((found) => isCurrent && setText(found));
    return () => {
      isCurrent = false;
    };
  }, [current]);
  const code = codeOf(language, {
    url: new URL(pathOf(current, model), document.baseURI).href,
    contentType: current.contentType,
    accept: current.accept,
    text,
    file: nameOf(current) ?? (current.contentType.includes("json") ? "body.json" : "body.txt"),
    secured,
  });
  return (
    <section class="card code-card" aria-label="The same request as code">
      <Tabs
        label="Code"
        tabs={LANGUAGES}
        current={language}
        onChoose={(id) => setLanguage(id as Language)}
        aside={<CopyButton text={code} />}
      >
        <pre class="code-text" tabindex={0}>{code}</pre>
      </Tabs>
    </section>
  );
}
