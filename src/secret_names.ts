/** Whether the name of an option, a variable or a parameter says that its value is a secret. */

/** What a name ends with whose value is always one. */
const SECRET =
  /(?:(?:^|_)(?:password|passwd|passphrase|secrets?|credentials?|authorization|apikey|bearer|jwt|auth)|[a-z0-9]_pwd|(?:user|db|database|smtp|ftp|mail|proxy|redis|mysql|postgres)_?pass|(?:github|gitlab|gh|azure|ado|personal)_pat)$/;

/** A key that lets somebody in, not one of a dictionary: `api_key`, and not `label_key`. */
const KEY =
  /(?:^|_)(?:api|access|account|admin|auth|client|deploy|encryption|license|master|private|secret|service|shared|signing|ssh|storage|subscription|aws|azure|gcp|google|hf|hub|huggingface|openai|anthropic|wandb|comet|neptune|clearml|mlflow|mistral|cohere|replicate)_?key(?:_id)?$/;

/** A token that lets somebody in, not one of a text: `hf_token`, and not `eos_token`. */
const TOKEN = /(?:^|_)[a-z0-9]*token$/;
const TEXT_TOKEN =
  /(?:^|_)(?:eos|bos|pad|padding|unk|unknown|mask|masked|sep|cls|image|img|video|audio|special|start|end|stop|begin|prompt|trigger|placeholder|initializer|instance|class|modifier|prefix|suffix|fim|think|decoder|encoder|blank|word|first|last|next|new|extra|added|per|max|min|num|n|by|each|every)_token$/;

/** Parameters that sign a URL, beside those whose names say it: of S3, Cloud Storage and Azure. */
const SIGNATURE = /^(?:x_(?:amz|goog)_(?:signature|credential|security_token)|signature|sig)$/;

/** Such as `--api-key`, `hfToken`, `AWS_SECRET_ACCESS_KEY` or `model.password`. */
export function isSecretName(name: string): boolean {
  const words = wordsOf(name);
  return SECRET.test(words) || KEY.test(words) || (TOKEN.test(words) && !TEXT_TOKEN.test(words));
}

/** Whether that is so of a parameter in a URL's query. */
export function isSecretParameter(name: string): boolean {
  return SIGNATURE.test(wordsOf(name)) || isSecretName(name);
}

/** In lower case, with `_` between words. */
function wordsOf(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "");
}
