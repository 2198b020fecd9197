"""What schemathesis cannot know: which things exist here, and how lines of JSON are written."""

import json
import os
import re

import schemathesis

VALUES = json.loads(os.environ["EVERGRANT_VALUES"])
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Names things that exist, beside one that does not, and closes what answers are made of: the document leaves room
    for members of the next version, and this version must not use it unsaid."""
    for path, item in raw_schema["paths"].items():
        for method, operation in item.items():
            for parameter in operation.get("parameters", []):
                known = existing(method, path, parameter["name"])
                if known is not None:
                    parameter["schema"] = {"type": "string", "enum": known}
                    parameter.pop("example", None)
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            for name in body["schema"].get("properties", {}) if body else ():
                known = VALUES["body"].get(name)
                if known is not None:
                    body["schema"]["properties"][name] = {"type": "string", "enum": known}
            for answer in operation["responses"].values():
                close(answer)
    for name, schema in raw_schema["components"]["schemas"].items():
        close(schema)


def existing(method, path, name):
    """The values of a parameter for one operation, else for one route, else for all that have it."""
    for key in (f"{method.upper()} {path} {name}", f"{path} {name}", name):
        if key in VALUES["parameters"]:
            return VALUES["parameters"][key]
    return None


def close(schema):
    if isinstance(schema, list):
        for item in schema:
            close(item)
    elif isinstance(schema, dict):
        for item in schema.values():
            close(item)
        kind = schema.get("type")
        if "properties" in schema and (kind == "object" or isinstance(kind, list) and "object" in kind):
            schema.setdefault("additionalProperties", False)


@schemathesis.hook
def filter_case(context, case):
    """A server has to ignore headers that it does not know (RFC 9110 5.1)."""
    headers, path = case.headers or {}, case.path_parameters or {}
    known = existing(case.operation.method, case.operation.path, "name")
    return (
        "x-schemathesis-unknown-property" not in headers
        and is_settled(headers.get("Evergrant-Namespace"), VALUES["parameters"]["Evergrant-Namespace"])
        and is_settled(path.get("name"), known)
    )


def is_settled(name, known):
    """Whether it is known if a thing of this name exists: whatever is fit for a name may have become one meanwhile."""
    return name is None or known is None or name in known or not NAME.fullmatch(str(name))


@schemathesis.hook
def map_body(context, body):
    """Whole numbers are written as such: `3600.0` is one to JSON Schema, and none to most programs. And a display name has
    plain letters: which others are unseen, or reorder their neighbours, is more than a pattern can say."""
    body = plain_numbers(body)
    branding = body.get("branding") if isinstance(body, dict) else None
    if isinstance(branding, dict) and isinstance(branding.get("name"), str):
        branding["name"] = "".join(chr(ord("a") + ord(letter) % 26) for letter in branding["name"])
    return body


def plain_numbers(value):
    if isinstance(value, dict):
        return {name: plain_numbers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.serializer("application/jsonl")
def lines(context, value):
    return value.encode("utf-8", errors="replace") if isinstance(value, str) else json.dumps(value).encode()
