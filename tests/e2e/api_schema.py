# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies against docs/openapi.yaml: every member described, every described member there, right types.
The small part of JSON Schema that the file uses; anything else in it is an error.
"""
import os
import re

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KNOWN = {"type", "format", "pattern", "enum", "nullable", "description", "items", "properties",
         "required", "additionalProperties", "allOf", "oneOf", "$ref"}
TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


class Api:
    def __init__(self):
        with open(os.path.join(ROOT, "docs/openapi.yaml"), encoding="utf-8") as file:
            self.document = yaml.safe_load(file)
        self.seen = set()  # (path, method, status) that were checked

    def resolve(self, schema):
        while "$ref" in schema:
            node = self.document
            for part in schema["$ref"].lstrip("#/").split("/"):
                node = node[part]
            schema = node
        return schema

    def operations(self):
        return {(path, method) for path, methods in self.document["paths"].items()
                for method in methods if method != "parameters"}

    def find(self, target):
        """The described path of a request."""
        path = target.split("?")[0]
        for described in self.document["paths"]:
            if re.fullmatch(re.sub(r"\{[a-z]+\}", "[^/]+", described), path):
                return described
        return None

    def check(self, method, target, status, reply):
        """What is wrong with a reply; an empty list when it is as described."""
        described = self.find(target)
        if described is None:
            return ["%s is not described" % target]
        responses = self.document["paths"][described][method.lower()]["responses"]
        if str(status) not in responses:
            return ["%s %s answered %d, which is not described: %s" % (
                method, described, status, reply)]
        self.seen.add((described, method.lower(), status))
        content = self.resolve(responses[str(status)]).get("content", {})
        if "application/json" not in content:
            return []
        problems = []
        self.compare(problems, "%s %s" % (method, described),
                     content["application/json"]["schema"], reply)
        return problems

    def compare(self, problems, where, schema, value):
        schema = self.resolve(schema)
        for unknown in set(schema) - KNOWN:
            problems.append("%s: the file uses %s, which is not checked" % (where, unknown))
        if value is None:
            if not schema.get("nullable"):
                problems.append("%s is null" % where)
            return
        for part in schema.get("allOf", []):
            self.compare(problems, where, part, value)
        if "type" not in schema:
            return
        kind = TYPES[schema["type"]]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            problems.append("%s is %r, not of type %s" % (where, value, schema["type"]))
        elif kind is str:
            self.compare_text(problems, where, schema, value)
        elif kind is list:
            for item in value:
                self.compare(problems, where + "[]", schema["items"], item)
        elif kind is dict:
            self.compare_object(problems, where, schema, value)

    def compare_text(self, problems, where, schema, value):
        if "enum" in schema and value not in schema["enum"]:
            problems.append("%s is %r, none of %s" % (where, value, schema["enum"]))
        if "pattern" in schema and not re.search(schema["pattern"], value):
            problems.append("%s is %r" % (where, value))
        if schema.get("format") == "date-time" and not re.fullmatch(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+08:00", value):
            problems.append("%s is %r" % (where, value))

    def compare_object(self, problems, where, schema, value):
        described = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                problems.append("%s has no %s" % (where, name))
        for name, member in value.items():
            more = schema.get("additionalProperties", True)
            if name in described:
                self.compare(problems, "%s.%s" % (where, name), described[name], member)
            elif more is False:
                problems.append("%s.%s is not described" % (where, name))
            elif isinstance(more, dict):
                self.compare(problems, "%s.%s" % (where, name), more, member)
