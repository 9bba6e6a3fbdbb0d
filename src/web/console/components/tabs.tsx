/** Tabs that follow the ARIA Authoring Practices: arrow keys move between them. */

import type { Child } from "hono/jsx";

/** One tab of a row. */
export interface Tab {
  readonly id: string;
  readonly title: string;
}

/** The tabs, and the function to call when another one is chosen. */
export interface TabsProps {
  /** The name of the row for screen readers. */
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly current: string;
  readonly onChoose: (id: string) => void;
  /** Shown at the end of the row. */
  readonly aside?: Child;
  /** The panel of the current tab. */
  readonly children?: Child;
}

/** A row of tabs, and the panel of the current one. */
export function Tabs({ label, tabs, current, onChoose, aside, children }: TabsProps) {
  const prefix = `tabs-${label.toLowerCase().replaceAll(/\W+/g, "-")}`;
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const index = tabs.findIndex(({ id }) => id === current);
    const next = tabs[(index + step + tabs.length) % tabs.length]!;
    onChoose(next.id);
    document.getElementById(`${prefix}-${next.id}`)?.focus();
  };
  return (
    <div class="tabs">
      <div class="tabs-row">
        <div role="tablist" aria-label={label} onKeyDown={onKey}>
          {tabs.map(({ id, title }) => (
            <button
              key={id}
              id={`${prefix}-${id}`}
              type="button"
              role="tab"
              aria-selected={id === current ? "true" : "false"}
              aria-controls={`${prefix}-panel`}
              tabindex={id === current ? 0 : -1}
              onClick={() => onChoose(id)}
            >
              {title}
            </button>
          ))}
        </div>
        {aside}
      </div>
      <div role="tabpanel" id={`${prefix}-panel`} aria-labelledby={`${prefix}-${current}`}>{children}</div>
    </div>
  );
}
