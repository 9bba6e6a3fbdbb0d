/** Facts about a model that clients may see. They contain no local paths. */

/** Facts about a served model: its archive, script and Python version. */
export interface ModelFacts {
  /** The file name of the archive; absent for a module. */
  readonly archive?: string | undefined;
  /** The SHA-256 of the archive, in hexadecimal; absent if it is unknown, or if the served files differ from the archive's. */
  readonly sha256?: string | undefined;
  /** The path of the script, relative to the module. */
  readonly script: string;
  /** The version of Python, such as `3.11.7`; absent if Python does not report it. */
  readonly python?: string | undefined;
}

/** Describes a model for the log, such as `serve.py of iris.tar.gz (sha256:…), with Python 3.11.7 (/usr/bin/python3)`. */
export function describeFacts({ archive, sha256, script, python }: ModelFacts, pythonPath: string): string {
  const digest = sha256 === undefined ? "" : ` (sha256:${sha256})`;
  const of = archive === undefined ? "" : ` of ${archive}${digest}`;
  return `${script}${of}, with Python ${python === undefined ? pythonPath : `${python} (${pythonPath})`}`;
}
