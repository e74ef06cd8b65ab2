"""JSON Schema of recipes with the components of a registry, for editors that check and complete TOML.

It is drawn from the types that `structure` reads by, so that what is red in the editor is a mistake of `ups check` too.
A file may be a part that lies over another one: nothing is required but the tables of a file that extends none.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import attrs
from attrs import validators

from ups_framework.recipe.dump import to_plain
from ups_framework.recipe.recipe import Recipe, WeightedTerm
from ups_framework.registry import KIND_CLASSES, KINDS, Component, Registry
from ups_framework.spec_docs import FieldDoc, docstring, field_docs, first_line
from ups_framework.spec_rules import without_none

Json = dict[str, Any]  # a JSON value can be anything

_SIMPLE = {int: "integer", float: "number", bool: "boolean", str: "string"}
_BOUNDS = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}

_EXTENDS = "Recipe that this one lies over: a file, relative to this one, or `plugin:name`."

# attrs hides these classes, but not what makes them; it types instances as functions, and so are these `Any`
_NUMBER: Any = type(validators.ge(0))
_AND: Any = type(validators.and_())
_OPTIONAL: Any = type(validators.optional(validators.ge(0)))
_EACH: Any = type(validators.deep_iterable(validators.ge(0)))
_MIN_LEN: Any = type(validators.min_len(1))


def schema_text(registry: Registry) -> str:
    """The schema as a file holds it."""
    return json.dumps(recipe_schema(registry), indent=1, ensure_ascii=False) + "\n"


def recipe_schema(registry: Registry) -> Json:
    """A schema (draft 7) that takes whole recipes, resolved ones, and parts that extend another recipe."""
    definitions = _Definitions(registry)
    tables = definitions.properties(field_docs(Recipe), Recipe)
    part = {"description": "Lies over the recipe where the profile is chosen.", **_table(tables)}
    layers: dict[str, Json] = {
        "extends": {"type": "string", "description": _EXTENDS},
        "profile": {
            "type": "object",
            "description": "Variants of the recipe, by name.",
            "additionalProperties": {"$ref": "#/$defs/profile"},
        },
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Recipe",
        "description": first_line(Recipe),
        **_table({**layers, **tables}),
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": [doc.name for doc in field_docs(Recipe) if doc.required]},
        "$defs": {"profile": part, **definitions.made},
    }


class _Definitions:
    """Schemas that refer to one another by `$ref`, since components nest without end; each is made when first named."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.made: dict[str, Json] = {}

    def properties(self, docs: Sequence[FieldDoc], block: type[Any]) -> dict[str, Json]:
        """The schema of each field."""
        return {doc.name: self._field(doc, attrs.fields_dict(block)[doc.name].validator) for doc in docs}

    def _field(self, doc: FieldDoc, validator: object) -> Json:
        schema = self._type(doc.annotation)
        _bound(schema, validator)
        default = {} if doc.default is None else {"default": to_plain(doc.default, self._registry)}
        if "$ref" in schema:  # beside which a validator ignores all else
            schema = {"allOf": [schema]}
        return {"description": doc.text, **schema, **default}

    def _type(self, annotation: Any) -> Json:  # an annotation can be anything
        annotation = without_none(annotation)
        origin, arguments = get_origin(annotation), get_args(annotation)
        if annotation in _SIMPLE:
            return {"type": _SIMPLE[annotation]}
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._type(arguments[1])}
        if origin is tuple and arguments[-1] is Ellipsis:
            return {"type": "array", "items": self._type(arguments[0])}
        if origin is tuple:
            length = {"minItems": len(arguments), "maxItems": len(arguments)}
            return {"type": "array", "items": [self._type(argument) for argument in arguments], **length}
        return self._reference(annotation)

    def _reference(self, block: type[Any]) -> Json:
        """A reference to the schema of a kind, a loss table or any other attrs class."""
        kind = next((name for name, rule in KINDS.items() if rule.api is block), None)
        name = kind or ("losses" if block is WeightedTerm else f"{block.__module__}.{block.__qualname__}")
        if name not in self.made:
            self.made[name] = {}  # it may refer to itself
            if block in (*KIND_CLASSES, WeightedTerm):
                self.made[name] = self._component(kind or "loss", block)
            else:
                text = {"description": docstring(block)}
                self.made[name] = {**text, **_table(self.properties(field_docs(block), block))}
        return {"$ref": f"#/$defs/{name}"}

    def _component(self, kind: str, block: type[Any]) -> Json:
        """A table whose `use` names a component.

        It takes the fields of all components of the kind; where `use` is there, no others than that component's, and
        those that several components have of different types as that component has them.
        """
        components = self._registry.components(kind)
        also = [doc for doc in field_docs(WeightedTerm) if doc.name != "loss"] if block is WeightedTerm else []
        common = self.properties(also, WeightedTerm)
        own = {item.qualified: self.properties(field_docs(item.spec), item.spec) for item in components}
        merged = _merged(list(own.values()))
        chosen = [
            {
                "if": {"properties": {"use": {"enum": list(self._names(item))}}},
                "then": _only(["use", *common], own[item.qualified], merged),
            }
            for item in components
        ]
        return {
            "description": docstring(block),
            **_table({"use": self._use(kind, components), **common, **merged}),
            "dependencies": {"use": {"allOf": chosen or [{}]}},  # editors complete no key beside an `allOf`
        }

    def _use(self, kind: str, components: Sequence[Component]) -> Json:
        """The names of all components, and for each what it is, where the editor shows it."""
        names = {name: text for item in components for name, text in self._names(item).items()}
        return {
            "description": f"Name of the {kind}.",
            "enum": list(names),
            "x-taplo": {"docs": {"enumValues": list(names.values())}},
        }

    def _names(self, component: Component) -> dict[str, str]:
        """What `use` may say for a component: names of today and before that lead to no other."""
        old = {item.name: item for item in self._registry.old_names if item.component is component}
        texts = {component.name: first_line(component.spec)}
        texts |= {name: f"The old name of {component.name!r} (since {item.since})." for name, item in old.items()}
        texts |= {f"{component.plugin}:{name}": text for name, text in texts.items()}
        return {name: text for name, text in texts.items() if self._registry.leads_to(name, component)}


def _table(properties: Mapping[str, Json]) -> Json:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _merged(tables: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """The fields of all tables; any of its schemas for one that differs between them."""
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: _any_of([table[name] for table in tables if name in table]) for name in names}


def _any_of(schemas: Sequence[Json]) -> Json:
    different = [schema for index, schema in enumerate(schemas) if schema not in schemas[:index]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def _only(common: Sequence[str], own: Mapping[str, Json], merged: Mapping[str, Json]) -> Json:
    ambiguous = {name: schema for name, schema in own.items() if merged[name] != schema}
    return {"propertyNames": {"enum": [*common, *own]}, **({"properties": ambiguous} if ambiguous else {})}


def _bound(schema: Json, validator: Any) -> None:  # attrs types validators as functions
    """Add what a validator asks of numbers and of the length of lists; a table may be a part, and so be short."""
    for simple in _simple(validator):
        if isinstance(simple, _NUMBER) and simple.compare_op in _BOUNDS and schema.get("type") in ("integer", "number"):
            if math.isfinite(simple.bound):  # JSON has no infinity
                schema[_BOUNDS[simple.compare_op]] = simple.bound
        elif isinstance(simple, _MIN_LEN) and schema.get("type") == "array":
            schema["minItems"] = simple.min_length
        elif isinstance(simple, _EACH) and schema.get("type") == "array":
            for items in schema["items"] if isinstance(schema["items"], list) else [schema["items"]]:
                _bound(items, simple.member_validator)


def _simple(validator: Any) -> Iterator[Any]:
    """The validators that one is made of."""
    if isinstance(validator, _AND):
        for inner in validator._validators:
            yield from _simple(inner)
    elif isinstance(validator, _OPTIONAL):
        yield from _simple(validator.validator)
    else:
        yield validator
