"""Validates Kubernetes manifests, and refuses fields that their schemas don't have, as an API server with strict validation does.

Standard input is a JSON list of YAML texts; the output is a JSON list with the errors of each. The argument is a folder with the custom resource
definitions, gzip-compressed; kinds of Kubernetes itself are checked with kubernetes-validate, and those of KEDA with cloudcoil's models of them.
"""

import copy
import functools
import glob
import gzip
import json
import re
import sys

import jsonschema
import kubernetes_validate
import yaml


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Refuses a key that occurs twice."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, f"a key occurs twice among {keys}", node.start_mark)
        return super().construct_mapping(node, deep)


def strict(schema, is_root=False):
    """Return a copy of a structural schema that refuses unknown fields."""
    result = {key: value for key, value in schema.items() if key != "format"}
    if "items" in schema:
        result["items"] = strict(schema["items"])
    if schema.get("type") == "object" and not schema.get("x-kubernetes-preserve-unknown-fields"):
        properties = schema.get("properties", {})
        result["properties"] = {key: strict(value) for key, value in properties.items()}
        others = schema.get("additionalProperties", False)
        result["additionalProperties"] = strict(others) if isinstance(others, dict) else others
    if is_root:
        result["properties"]["metadata"] = METADATA
    return result


TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
METADATA = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "namespace": {"type": "string"}, "labels": TEXTS, "annotations": TEXTS},
    "additionalProperties": False,
}


def structural(schema, shared):
    """Return a schema of pydantic in the form of a structural one: without references, and without null for fields that may be absent."""
    if "$ref" in schema:
        return structural(shared[schema["$ref"].rpartition("/")[2]], shared)
    (present,) = [each for each in schema.get("anyOf", [schema]) if each != {"type": "null"}]
    if present is not schema:
        return structural(present, shared)
    result = {key: value for key, value in schema.items() if key not in ("default", "title", "$defs")}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = structural(schema[key], shared)
    if "properties" in schema:
        result["properties"] = {key: structural(value, shared) for key, value in schema["properties"].items()}
    return result


def keda(kind):
    """Find the schema of a resource of KEDA."""
    import cloudcoil.models.keda.v1alpha1 as models

    schema = getattr(models, kind).model_json_schema()
    del schema["properties"]["metadata"], schema["properties"]["status"]
    return structural(schema, schema["$defs"])


@functools.lru_cache(maxsize=None)
def definition(kind, api_version):
    """Find the schema of a custom resource, whose file begins with its kind's name."""
    if api_version == "keda.sh/v1alpha1":
        return jsonschema.Draft202012Validator(strict(keda(kind), is_root=True))
    for path in glob.glob(f"{sys.argv[1]}/*.yaml.gz"):
        text = gzip.open(path, "rt").read()
        if not re.search(rf"^    kind: {kind}$", text, re.M):
            continue
        # Some files are templates of Helm.
        crd = yaml.load(re.sub(r"\{\{-?.*?-?\}\}", "", text, flags=re.S), Loader=Loader)
        for version in crd["spec"]["versions"]:
            if f"{crd['spec']['group']}/{version['name']}" == api_version:
                return jsonschema.Draft202012Validator(strict(version["schema"]["openAPIV3Schema"], is_root=True))
    raise LookupError(f"there is no definition of {api_version} {kind}")


def errors_of(manifest):
    """Return the errors of one resource."""
    kind, api_version = manifest["kind"], manifest["apiVersion"]
    if not re.fullmatch(r"v1|(apps|batch|policy|autoscaling)/v\d", api_version):
        return [f"{error.json_path}: {error.message}" for error in definition(kind, api_version).iter_errors(manifest)]
    try:
        kubernetes_validate.validate(manifest, "1.37", strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{error.json_path}: {error.message}"]
    return []


def problems(text):
    """Return the errors of a text, and what the check itself overlooks in it."""
    try:
        resources = list(yaml.load_all(text, Loader=Loader))
    except yaml.YAMLError as error:
        return [str(error)]
    found = []
    for resource in resources:
        found += errors_of(resource)
        wrong = copy.deepcopy(resource)
        wrong["spec"]["unknownField"] = 1
        if not any("unknownField" in error for error in errors_of(wrong)):
            found.append(f"an unknown field of {resource['kind']} is not noticed")
    return found


print(json.dumps([problems(text) for text in json.load(sys.stdin)]))
