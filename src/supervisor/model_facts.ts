/** What is served, as far as it may be told to clients: no path of this machine is among it. */

/** What is known of a model that is served: its archive, script and Python. */
export interface ModelFacts {
  /** The file name of the archive; not there for a module. */
  readonly archive?: string | undefined;
  /** Of the archive's bytes, in hexadecimal digits; not there if they are not known, or what is served is not what they held. */
  readonly sha256?: string | undefined;
  /** The script's path from the module. */
  readonly script: string;
  /** The version of its Python, such as `3.11.7`; not there if that does not say it. */
  readonly python?: string | undefined;
}

/** In words for a log, such as `serve.py of iris.tar.gz (sha256:…), with Python 3.11.7 (/usr/bin/python3)`. */
export function describeFacts({ archive, sha256, script, python }: ModelFacts, pythonPath: string): string {
  const digest = sha256 === undefined ? "" : ` (sha256:${sha256})`;
  const of = archive === undefined ? "" : ` of ${archive}${digest}`;
  return `${script}${of}, with Python ${python === undefined ? pythonPath : `${python} (${pythonPath})`}`;
}
