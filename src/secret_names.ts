/** Recognizes names of options, variables and parameters whose values are secret. */

/** Endings of names whose values are always secret. */
const SECRET =
  /(?:(?:^|_)(?:password|passwd|passphrase|secrets?|credentials?|authorization|apikey|bearer|jwt|auth)|[a-z0-9]_pwd|(?:user|db|database|smtp|ftp|mail|proxy|redis|mysql|postgres)_?pass|(?:github|gitlab|gh|azure|ado|personal)_pat)$/;

/** Names of keys that grant access, such as `api_key`, but not `label_key`. */
const KEY =
  /(?:^|_)(?:api|access|account|admin|auth|client|deploy|encryption|license|master|private|secret|service|shared|signing|ssh|storage|subscription|aws|azure|gcp|google|hf|hub|huggingface|openai|anthropic|wandb|comet|neptune|clearml|mlflow|mistral|cohere|replicate)_?key(?:_id)?$/;

/** Names of tokens that grant access, such as `hf_token`, but not `eos_token`. */
const TOKEN = /(?:^|_)[a-z0-9]*token$/;
const TEXT_TOKEN =
  /(?:^|_)(?:eos|bos|pad|padding|unk|unknown|mask|masked|sep|cls|image|img|video|audio|special|start|end|stop|begin|prompt|trigger|placeholder|initializer|instance|class|modifier|prefix|suffix|fim|think|decoder|encoder|blank|word|first|last|next|new|extra|added|per|max|min|num|n|by|each|every)_token$/;

/** Further parameters that sign a URL, of S3, Cloud Storage and Azure. */
const SIGNATURE = /^(?:x_(?:amz|goog)_(?:signature|credential|security_token)|signature|sig)$/;

/** Whether the name of an option or a variable is that of a secret, such as `--api-key`, `hfToken` or `model.password`. */
export function isSecretName(name: string): boolean {
  const words = wordsOf(name);
  return SECRET.test(words) || KEY.test(words) || (TOKEN.test(words) && !TEXT_TOKEN.test(words));
}

/** Whether the name of a parameter in a URL's query is that of a secret or a signature. */
export function isSecretParameter(name: string): boolean {
  return SIGNATURE.test(wordsOf(name)) || isSecretName(name);
}

/** Converts a name to lower case, with `_` between words. */
function wordsOf(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "");
}
