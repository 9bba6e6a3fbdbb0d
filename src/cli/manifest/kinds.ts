/** The kinds of manifests, in the order in which help lists them. */
export const KINDS = ["deployment", "kserve", "job", "trainjob"] as const;

/** A kind of manifest. */
export type Kind = typeof KINDS[number];
