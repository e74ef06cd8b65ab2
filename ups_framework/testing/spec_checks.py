"""What a spec says about itself, and whether a recipe can hold it."""

import re
import tomllib
from collections.abc import Callable, Iterator

import attrs
import tomli_w

from ups_framework.errors import UpsError
from ups_framework.recipe import from_plain, to_plain
from ups_framework.registry import KIND_CLASSES, KINDS, TERM_KEYS, Component, Registry
from ups_framework.spec_docs import docstring, field_docs
from ups_framework.spec_rules import spec_problems
from ups_framework.testing.subject import spec_of

_FORMULA = re.compile(r"[=≤≥<>∝→]|[∂∇Σ∫√∑Δ²³‖]")
_REFERENCE = re.compile(r"\(\d{4}\)|\b(19|20)\d\d\b|et al\.|doi|arXiv")


SpecCheck = Callable[[Component, Registry], Iterator[str]]


def keeps_the_rules_of_specs(component: Component, registry: Registry) -> Iterator[str]:
    """Frozen, keyword-only, final, at module level, with types that a recipe can write."""
    reserved = TERM_KEYS if component.kind == "loss" else ()
    yield from spec_problems(component.spec, KINDS[component.kind].api, reserved=reserved, kinds=KIND_CLASSES)


def documents_every_field(component: Component, registry: Registry) -> Iterator[str]:
    """A string literal under each."""
    for doc in field_docs(component.spec):
        if not doc.text:
            yield f"field {doc.name!r} has no text: write a string literal under it"


def gives_a_formula_or_a_reference(component: Component, registry: Registry) -> Iterator[str]:
    """In the docstring of the class."""
    text = docstring(component.spec)
    if not (_FORMULA.search(text) or _REFERENCE.search(text)):
        yield "its docstring says neither by which formula it works nor where that is published"


def is_made_from_its_defaults_and_its_example(component: Component, registry: Registry) -> Iterator[str]:
    """`example` sets what has no default."""
    try:
        spec_of(component, registry)
    except UpsError as error:
        yield f"{error}: set it in the class variable `example`"


def survives_a_recipe(component: Component, registry: Registry) -> Iterator[str]:
    """Spec → TOML text → equal spec, with every default written out."""
    spec = spec_of(component, registry)
    text = tomli_w.dumps(to_plain(spec, registry))
    again = from_plain(tomllib.loads(text), KINDS[component.kind].api, registry)
    if again != spec:
        differing = [f.name for f in attrs.fields(type(spec)) if getattr(spec, f.name) != getattr(again, f.name)]
        yield f"written to a recipe and read again, {', '.join(differing) or 'it'} is another value"


CHECKS: tuple[SpecCheck, ...] = (
    keeps_the_rules_of_specs,
    documents_every_field,
    gives_a_formula_or_a_reference,
    is_made_from_its_defaults_and_its_example,
    survives_a_recipe,
)
