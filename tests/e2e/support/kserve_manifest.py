"""Reads manifests with the classes of KServe's and Kubernetes' Python clients, and refuses a field that they don't have.

The clients ignore unknown fields, which an API server refuses.
"""

import re
import sys

import kserve.models
import kubernetes.client.models
import yaml


def check(path: str, kind: str, value: object) -> None:
    """Check a value against the client's name of its type; raises ValueError."""
    if value is None:
        return
    inner = re.fullmatch(r"list\[(.*)\]", kind)
    if inner:
        if not isinstance(value, list):
            raise ValueError(f"{path} must be a list")
        for index, item in enumerate(value):
            check(f"{path}[{index}]", inner[1], item)
        return
    if kind.startswith("dict("):
        if not isinstance(value, dict):
            raise ValueError(f"{path} must be a map")
        return
    model = getattr(kserve.models, kind, None) or getattr(kubernetes.client.models, kind, None)
    if model is None:
        expected = {"int": int, "str": str, "bool": bool, "float": (int, float)}.get(kind, object)
        if not isinstance(value, expected):
            raise ValueError(f"{path} must be {kind}, not {value!r}")
        return
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be a {kind}")
    fields = {json_name: name for name, json_name in model.attribute_map.items()}
    for name, item in value.items():
        if name not in fields:
            raise ValueError(f"{path}.{name}: there is no such field in {kind}")
        check(f"{path}.{name}", model.openapi_types[fields[name]], item)
    model(**{fields[name]: item for name, item in value.items()})


for manifest in yaml.safe_load_all(sys.stdin):
    if manifest["apiVersion"] != "serving.kserve.io/v1beta1":
        raise ValueError(f"An apiVersion that is not known here: {manifest['apiVersion']}")
    check("", f"V1beta1{manifest['kind']}", manifest)
    print("good")
