/** The page of a training: what runs, its state, figures, curves and log. */

import { useEffect } from "hono/jsx/dom";
import { connection } from "../live.ts";
import { LogPanel } from "../log/log_panel.tsx";
import { useStore } from "../store.ts";
import { CurveChart } from "./curve_chart.tsx";
import { charts, ended, facts, notes, state } from "./live.ts";
import { RunFacts } from "./run_facts.tsx";
import { Tiles } from "./tiles.tsx";

/** The whole page of a training. */
export function TrainApp() {
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <header class="bar">
        <div class="bar-inner">
          <RunHead />
        </div>
      </header>
      <main id="main" class="train" tabindex={-1}>
        <Outcome />
        <Tiles />
        <Curves />
        <LogPanel requests={false} />
        <RunFacts />
      </main>
    </>
  );
}

/** The class in the style sheet and the visible name of each state. */
const SAID = {
  preparing: ["loading", "preparing"],
  training: ["ready", "training"],
  done: ["done", "finished"],
  failed: ["failed", "failed"],
  lost: ["gone", "not connected"],
  asking: ["asking", "…"],
} as const;

function RunHead() {
  const known = useStore(facts);
  const end = useStore(ended);
  const where = useStore(connection);
  const { state: phase } = useStore(state);
  const [shown, said] = SAID[
    end !== undefined
      ? end.code === 0 ? "done" : "failed"
      : where === "lost"
      ? "lost"
      : known === undefined
      ? "asking"
      : phase
  ];
  useEffect(() => {
    document.title = known === undefined ? "aimodellib" : `${known.name}: ${said} – aimodellib`;
  }, [known?.name, said]);
  return (
    <div class="model">
      <img src="console/icon.svg" width={28} height={28} alt="" />
      <div class="model-text">
        <div class="model-line">
          <h1>{known?.name ?? "aimodellib"}</h1>
          <output class="state" data-state={shown}>{said}</output>
        </div>
        <p class="origin">
          {known !== undefined &&
            [known.script, `aimodellib ${known.version}`].map((part) => <span key={part}>{part}</span>)}
        </p>
      </div>
    </div>
  );
}

/** How the run has ended. */
function Outcome() {
  const end = useStore(ended);
  if (end === undefined) return null;
  const isGood = end.code === 0;
  return (
    <section class="card outcome" data-good={isGood ? "true" : "false"} role="status" aria-label="Outcome">
      <h2>{isGood ? "The training has finished" : `The training has failed, with exit code ${end.code}`}</h2>
      {end.message !== undefined && <p>{end.message}</p>}
    </section>
  );
}

function Curves() {
  const all = useStore(charts);
  const unseen = useStore(notes);
  const end = useStore(ended);
  return (
    <section aria-label="Curves" class="curves-section">
      {all.length === 0
        ? (
          <p class="card note empty-curves">
            {end === undefined ? "No curves yet." : "There were no curves."} They appear when the script calls{" "}
            <code>logger.scalar("loss", value, step)</code>, or writes scalars for TensorBoard.
          </p>
        )
        : (
          <div class="curves">
            {all.map((chart) => <CurveChart key={chart.tag} chart={chart} />)}
          </div>
        )}
      {unseen.map((note) => <p key={note} class="card note warning">{note}</p>)}
    </section>
  );
}
