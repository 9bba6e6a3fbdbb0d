/** The console's panels, in the order of the navigation. The first one is shown at first. */

import type { JSX } from "hono/jsx/dom/jsx-runtime";
import { LogPanel } from "./log/log_panel.tsx";
import { TryPanel } from "./try/try_panel.tsx";
import { WatchPanel } from "./watch/watch_panel.tsx";

/** A part of the console that the navigation links to. */
export interface Panel {
  /** The fragment of its URL. */
  readonly id: string;
  readonly title: string;
  readonly Component: () => JSX.Element | null;
}

/** All panels of the console; a new one is a line here. */
export const PANELS: readonly Panel[] = [
  { id: "try", title: "Try it", Component: TryPanel },
  { id: "watch", title: "Watch", Component: WatchPanel },
  { id: "log", title: "Log", Component: LogPanel },
];
