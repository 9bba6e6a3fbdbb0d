/**
 * The files of each template. They are real files in `templates/`, which linters and type checkers see, and are embedded in the program.
 */

import COMMON_AIMODELLIBIGNORE from "./templates/common/.aimodellibignore" with { type: "text" };
import COMMON_PYPROJECT_TOML from "./templates/common/pyproject.toml" with { type: "text" };
import COMMON_TYPINGS_AIMODELLIB_INIT_PYI from "./templates/common/typings/aimodellib/__init__.pyi" with {
  type: "text",
};
import COMMON_TYPINGS_AIMODELLIB_IO_PYI from "./templates/common/typings/aimodellib/io.pyi" with { type: "text" };
import COMMON_TYPINGS_AIMODELLIB_METRICS_PYI from "./templates/common/typings/aimodellib/metrics.pyi" with {
  type: "text",
};
import COMMON_TYPINGS_AIMODELLIB_OPENAI_PYI from "./templates/common/typings/aimodellib/openai.pyi" with {
  type: "text",
};
import COMMON_TYPINGS_AIMODELLIB_UTIL_INIT_PYI from "./templates/common/typings/aimodellib/util/__init__.pyi" with {
  type: "text",
};
import COMMON_TYPINGS_AIMODELLIB_UTIL_LOGGING_PYI from "./templates/common/typings/aimodellib/util/logging.pyi" with {
  type: "text",
};
import COMMON_TYPINGS_AIMODELLIB_UTIL_TYPES_PYI from "./templates/common/typings/aimodellib/util/types.pyi" with {
  type: "text",
};
import COMMON_TYPINGS_AIMODELLIB_UTILS_INIT_PYI from "./templates/common/typings/aimodellib/utils/__init__.pyi" with {
  type: "text",
};
import COMMON_TYPINGS_AIMODELLIB_UTILS_TYPES_PYI from "./templates/common/typings/aimodellib/utils/types.pyi" with {
  type: "text",
};
import PLAIN_TRAIN_PY from "./templates/plain/train.py" with { type: "text" };
import PLAIN_SERVE_PY from "./templates/plain/serve.py" with { type: "text" };
import PLAIN_TEST_MODEL_PY from "./templates/plain/test_model.py" with { type: "text" };
import PLAIN_SAMPLE_JSON from "./templates/plain/sample.json" with { type: "text" };
import PLAIN_REQUIREMENTS_TXT from "./templates/plain/requirements.txt" with { type: "text" };
import SCIKIT_LEARN_TRAIN_PY from "./templates/scikit-learn/train.py" with { type: "text" };
import SCIKIT_LEARN_SERVE_PY from "./templates/scikit-learn/serve.py" with { type: "text" };
import SCIKIT_LEARN_TEST_MODEL_PY from "./templates/scikit-learn/test_model.py" with { type: "text" };
import SCIKIT_LEARN_SAMPLE_JSON from "./templates/scikit-learn/sample.json" with { type: "text" };
import SCIKIT_LEARN_REQUIREMENTS_TXT from "./templates/scikit-learn/requirements.txt" with { type: "text" };
import SCIKIT_LEARN_PYPROJECT_TOML from "./templates/scikit-learn/pyproject.toml" with { type: "text" };
import PYTORCH_TRAIN_PY from "./templates/pytorch/train.py" with { type: "text" };
import PYTORCH_SERVE_PY from "./templates/pytorch/serve.py" with { type: "text" };
import PYTORCH_NETWORK_PY from "./templates/pytorch/network.py" with { type: "text" };
import PYTORCH_TEST_MODEL_PY from "./templates/pytorch/test_model.py" with { type: "text" };
import PYTORCH_SAMPLE_JSON from "./templates/pytorch/sample.json" with { type: "text" };
import PYTORCH_REQUIREMENTS_TXT from "./templates/pytorch/requirements.txt" with { type: "text" };
import PYTORCH_PYPROJECT_TOML from "./templates/pytorch/pyproject.toml" with { type: "text" };
import STREAM_TRAIN_PY from "./templates/stream/train.py" with { type: "text" };
import STREAM_SERVE_PY from "./templates/stream/serve.py" with { type: "text" };
import STREAM_TEXT_TXT from "./templates/stream/text.txt" with { type: "text" };
import STREAM_TEST_MODEL_PY from "./templates/stream/test_model.py" with { type: "text" };
import STREAM_SAMPLE_TXT from "./templates/stream/sample.txt" with { type: "text" };
import STREAM_REQUIREMENTS_TXT from "./templates/stream/requirements.txt" with { type: "text" };
import type { TemplateName } from "./names.ts";

/** Texts by the paths of their files in a module. */
type Files = Readonly<Record<string, string>>;

/** The content of a template. */
interface Template {
  /** The template's own files, which replace files of {@linkcode COMMON} at the same paths. */
  readonly files: Files;
  /** The file that a client sends to try the model, and its content type. */
  readonly sample: { readonly file: string; readonly contentType: string };
}

const JSON_SAMPLE = { file: "sample.json", contentType: "application/json" } as const;

/** Files of every template. */
const COMMON: Files = {
  ".aimodellibignore": COMMON_AIMODELLIBIGNORE,
  "pyproject.toml": COMMON_PYPROJECT_TOML,
  "typings/aimodellib/__init__.pyi": COMMON_TYPINGS_AIMODELLIB_INIT_PYI,
  "typings/aimodellib/io.pyi": COMMON_TYPINGS_AIMODELLIB_IO_PYI,
  "typings/aimodellib/metrics.pyi": COMMON_TYPINGS_AIMODELLIB_METRICS_PYI,
  "typings/aimodellib/openai.pyi": COMMON_TYPINGS_AIMODELLIB_OPENAI_PYI,
  "typings/aimodellib/util/__init__.pyi": COMMON_TYPINGS_AIMODELLIB_UTIL_INIT_PYI,
  "typings/aimodellib/util/logging.pyi": COMMON_TYPINGS_AIMODELLIB_UTIL_LOGGING_PYI,
  "typings/aimodellib/util/types.pyi": COMMON_TYPINGS_AIMODELLIB_UTIL_TYPES_PYI,
  "typings/aimodellib/utils/__init__.pyi": COMMON_TYPINGS_AIMODELLIB_UTILS_INIT_PYI,
  "typings/aimodellib/utils/types.pyi": COMMON_TYPINGS_AIMODELLIB_UTILS_TYPES_PYI,
};

const TEMPLATES: Readonly<Record<TemplateName, Template>> = {
  plain: {
    files: {
      "train.py": PLAIN_TRAIN_PY,
      "serve.py": PLAIN_SERVE_PY,
      "test_model.py": PLAIN_TEST_MODEL_PY,
      "sample.json": PLAIN_SAMPLE_JSON,
      "requirements.txt": PLAIN_REQUIREMENTS_TXT,
    },
    sample: JSON_SAMPLE,
  },
  "scikit-learn": {
    files: {
      "train.py": SCIKIT_LEARN_TRAIN_PY,
      "serve.py": SCIKIT_LEARN_SERVE_PY,
      "test_model.py": SCIKIT_LEARN_TEST_MODEL_PY,
      "sample.json": SCIKIT_LEARN_SAMPLE_JSON,
      "requirements.txt": SCIKIT_LEARN_REQUIREMENTS_TXT,
      "pyproject.toml": SCIKIT_LEARN_PYPROJECT_TOML,
    },
    sample: JSON_SAMPLE,
  },
  pytorch: {
    files: {
      "train.py": PYTORCH_TRAIN_PY,
      "serve.py": PYTORCH_SERVE_PY,
      "network.py": PYTORCH_NETWORK_PY,
      "test_model.py": PYTORCH_TEST_MODEL_PY,
      "sample.json": PYTORCH_SAMPLE_JSON,
      "requirements.txt": PYTORCH_REQUIREMENTS_TXT,
      "pyproject.toml": PYTORCH_PYPROJECT_TOML,
    },
    sample: JSON_SAMPLE,
  },
  stream: {
    files: {
      "train.py": STREAM_TRAIN_PY,
      "serve.py": STREAM_SERVE_PY,
      "text.txt": STREAM_TEXT_TXT,
      "test_model.py": STREAM_TEST_MODEL_PY,
      "sample.txt": STREAM_SAMPLE_TXT,
      "requirements.txt": STREAM_REQUIREMENTS_TXT,
    },
    sample: { file: "sample.txt", contentType: "text/plain" },
  },
};

/** Returns a template's files, including those of all templates, and its sample. */
export function templateOf(name: TemplateName): Template {
  const { files, sample } = TEMPLATES[name];
  return { files: { ...files, ...COMMON, ...files }, sample };
}
