/** The templates' names, without their files, which help does not need. */

/** The names of the templates, in the order in which help lists them. */
export const TEMPLATE_NAMES = ["plain", "scikit-learn", "pytorch", "stream"] as const;

/** A value of `--template`. */
export type TemplateName = typeof TEMPLATE_NAMES[number];
