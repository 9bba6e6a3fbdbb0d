/** Shows an answer in one of its views. What a script sends is only ever text or a picture here, never markup of this page. */

import { Preview } from "../../components/preview.tsx";
import type { Shown, View } from "../answer.ts";
import type { Exchange } from "../exchange.ts";
import { HexView } from "./hex.tsx";
import { JsonTree } from "./json_tree.tsx";
import { PageView } from "./page.tsx";
import { PartsView } from "./parts.tsx";
import { ProblemView } from "./problem.tsx";
import { TableView } from "./table.tsx";
import { TextView } from "./text.tsx";

/** The content of an answer in a view that it has. */
export function Content({ view, shown, exchange }: { view: View; shown: Shown; exchange: Exchange }) {
  switch (view) {
    case "problem":
      return <ProblemView problem={shown.json!.value} requestId={exchange.requestId} />;
    case "tree":
      return <JsonTree value={shown.json!.value} />;
    case "table":
      return <TableView rows={shown.rows!} />;
    case "media":
      return <Preview blob={shown.bytes} type={exchange.contentType} name="Answer" />;
    case "page":
      return <PageView text={shown.text ?? ""} />;
    case "parts":
      return <PartsView events={shown.events} />;
    case "text":
      return <TextView text={shown.text ?? ""} live={exchange.phase === "receiving"} />;
    case "hex":
      return <HexView chunks={exchange.chunks} />;
  }
}
