/** The shells whose command lines can be completed. */

/** Their names, as they are typed. */
export const SHELLS = ["bash", "zsh", "fish", "nu", "pwsh"] as const;
