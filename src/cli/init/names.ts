/** The templates' names, apart from their files: help needs the names alone. */

/** In the order in which help lists them. */
export const TEMPLATE_NAMES = ["plain", "scikit-learn", "pytorch", "stream"] as const;

/** What `--template` may be. */
export type TemplateName = typeof TEMPLATE_NAMES[number];
