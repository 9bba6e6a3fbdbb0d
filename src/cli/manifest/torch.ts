/** Tells whether an archive requires PyTorch, whose processes exchange tensors in shared memory. */

/** Names of packages, in their normal form, that are PyTorch or do not work without it. */
const TORCH =
  /^(?:torch|torch(?:vision|audio|text|data|metrics)|pytorch-lightning|lightning|accelerate|vllm|ultralytics)$/;

/**
 * Whether PyTorch is among the requirements.
 *
 * @param requirements the text of `requirements.txt`
 * @param wheels the file names of the wheels in the archive
 */
export function requiresTorch(requirements: string, wheels: readonly string[]): boolean {
  const named = requirements.split(/\r\n|\r|\n/).map((line) => /^\s*([A-Za-z0-9][\w.-]*)/.exec(line)?.[1] ?? "");
  return [...named, ...wheels.map((wheel) => wheel.split("-")[0]!)].some((name) =>
    TORCH.test(name.toLowerCase().replaceAll(/[-_.]+/g, "-"))
  );
}
