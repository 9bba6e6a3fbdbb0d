/** The answer: its status, how long it took, and its content in the views that fit it. */

import { useEffect, useMemo, useRef, useState } from "hono/jsx/dom";
import { save } from "../components/save.ts";
import { Tabs } from "../components/tabs.tsx";
import { useStore } from "../store.ts";
import { showable, type Shown, type View } from "./answer.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { count, formatBytes, formatMs } from "../format.ts";
import { RequestLog } from "./request_log.tsx";
import { TimingBar } from "./timing_bar.tsx";
import { Content } from "./views/content.tsx";

const TITLES: Readonly<Record<View, string>> = {
  problem: "Problem",
  tree: "JSON",
  table: "Table",
  media: "Preview",
  page: "Page",
  parts: "Parts",
  text: "Text",
  hex: "Bytes",
};

/** The card of the exchange that is shown. */
export function AnswerCard() {
  const shown = useStore(exchange);
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a narrow screen the answer is below the request.
    if (shown === undefined || card.current === null) return;
    if (card.current.getBoundingClientRect().top > innerHeight * 0.7) card.current.scrollIntoView({ block: "start" });
  }, [shown?.time]);
  return (
    <section class="card answer" ref={card} aria-label="Answer">
      {shown === undefined ? <p class="empty">The answer appears here.</p> : (
        <>
          <StatusLine shown={shown} />
          {shown.timing !== "" && shown.phase === "done" && <TimingBar timing={shown.timing} ms={shown.ms} />}
          <Body key={shown.time} shown={shown} />
          <RequestLog key={shown.requestId} requestId={shown.requestId} isProblem={shown.status >= 400} />
        </>
      )}
    </section>
  );
}

function StatusLine({ shown }: { shown: Exchange }) {
  const { phase, status, size, ms, contentType, requestId, firstMs, chunks } = shown;
  const tone = phase === "failed" || status >= 400 ? "bad" : phase === "cancelled" ? "warn" : "good";
  return (
    <div class="status" role="status">
      <strong class="code" data-tone={status === 0 && phase === "sending" ? undefined : tone}>
        {phase === "failed" ? "Failed" : phase === "cancelled" ? "Cancelled" : status === 0 ? "Waiting …" : status}
      </strong>
      <span class="figure">{formatMs(ms)}</span>
      {chunks.length > 1 && <span class="figure" title="Until the first part">first {formatMs(firstMs)}</span>}
      {status !== 0 && <span class="figure">{formatBytes(size)}</span>}
      {chunks.length > 1 && <span class="figure">{count(chunks.length, "part")}</span>}
      {contentType !== "" && <span class="figure">{contentType}</span>}
      {requestId !== "" && (
        <code class="request-id" title="The request's id, which the log has as well">{requestId}</code>
      )}
    </div>
  );
}

function Body({ shown }: { shown: Exchange }) {
  const all: Shown = useMemo(() => showable(shown), [shown.chunks, shown.phase]);
  const [chosen, choose] = useState<View | undefined>(undefined);
  if (shown.fault !== "" && shown.size === 0) return <p class="error" role="alert">{shown.fault}</p>;
  const current = chosen !== undefined && all.views.includes(chosen) ? chosen : all.views[0];
  return (
    <>
      {shown.fault !== "" && <p class="error" role="alert">{shown.fault}</p>}
      {current === undefined ? <p class="empty">{shown.phase === "done" ? "The answer is empty." : ""}</p> : (
        <Tabs
          label="Answer"
          tabs={all.views.map((id) => ({ id, title: TITLES[id] }))}
          current={current}
          onChoose={(id) => choose(id as View)}
          aside={<Download shown={shown} />}
        >
          <Content view={current} shown={all} exchange={shown} />
        </Tabs>
      )}
    </>
  );
}

/** Suffixes for the names of saved answers. */
const SUFFIXES: readonly (readonly [RegExp, string])[] = [
  [/json/, "json"],
  [/csv/, "csv"],
  [/html/, "html"],
  [/^text\//, "txt"],
  [/jpeg/, "jpg"],
  [/svg/, "svg"],
  [/^(?:image|audio|video)\/(?:x-)?(\w+)/, "$1"],
  [/npy/, "npy"],
];

function Download({ shown: { chunks, contentType, phase } }: { shown: Exchange }) {
  const saveAnswer = () => {
    const found = SUFFIXES.find(([pattern]) => pattern.test(contentType));
    const suffix = found && (found[0].exec(contentType)?.[1] ?? found[1]);
    save(new Blob([...chunks]), `answer.${suffix ?? "bin"}`);
  };
  return <button type="button" class="quiet" disabled={phase === "receiving"} onClick={saveAnswer}>Download</button>;
}
