"""The generated parts of plugins.md: the seam in tables, the conformance kit's checks, and the example's code.

`reference.py` puts them into the page.
"""

import ast
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ups_framework import api
from ups_framework.registry import KINDS
from ups_framework.testing import recipe_checks, spec_checks
from ups_framework.testing.checks import Check
from ups_framework.testing.common import common_checks
from ups_framework.testing.module_checks import module_checks

EXAMPLE = Path(__file__).parent / "examples/ups-heat"

_PROBLEM = (api.Problem, api.Field, api.Axis, api.Grid, api.Parameter, api.Quantity)
_DATA = (api.Data, api.Trajectories, api.Extent, api.Rollout)
_NUMERICS = ("random", "spectral", "derivative", "etdrk", "interpolation", "padding")

_Definition = ast.FunctionDef | ast.ClassDef


# Code of the example


def code(path: str, *names: str) -> str:
    """A file of the example, or some of its definitions: `HeatDataset.problem` is a method."""
    text = (EXAMPLE / path).read_text(encoding="utf-8")
    if names:
        text = "\n\n".join(_definition(text, name) for name in names) + "\n"
    return f"```{'toml' if path.endswith('.toml') else 'python'} {EXAMPLE.name}/{path}\n{text}```"


def _definition(text: str, name: str) -> str:
    """The lines of a class, function or method with its decorators."""
    found: ast.Module | _Definition = ast.parse(text)
    for part in name.split("."):
        found = next(node for node in found.body if isinstance(node, _Definition) and node.name == part)
    assert isinstance(found, _Definition)
    first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
    return textwrap.dedent("\n".join(text.splitlines()[first - 1 : found.end_lineno]))


# The seam


def problem_values() -> str:
    """What a problem consists of."""
    return _tables(_PROBLEM)


def data_values() -> str:
    """What a dataset gives, and a picture gets."""
    return _tables(_DATA)


def step_values() -> str:
    """What a loss term reads."""
    return _tables((api.Step, api.Points))


def latent_values() -> str:
    """What encoder, operator and decoder hand on."""
    return _tables((api.Latent, api.LatentSize))


def kinds() -> str:
    """What each kind's methods take and give."""
    parts = [_table(_tree(api.Spec))]
    parts += [_table(_tree(kind.api), f"{name} (`{kind.api.__name__}`)") for name, kind in KINDS.items()]
    return "\n\n".join(parts)


def callables() -> str:
    """What `build` of the smaller kinds, and a problem, hold as functions."""
    rows = []
    for module in ("points", "kinds", "problem", "trajectories"):
        body = ast.parse(inspect.getsource(import_module(f"ups_framework.api.{module}"))).body
        for node, below in itertools.pairwise(body):
            if isinstance(node, ast.Assign) and "Callable[" in ast.unparse(node.value) and isinstance(below, ast.Expr):
                assert isinstance(below.value, ast.Constant)
                what = f"`{_cell(ast.unparse(node.value))}` | {_cell(_line(below.value.value))}"
                rows.append(f"| `{ast.unparse(node.targets[0])}` | {what} |")
            if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases):
                (call,) = (item for item in node.body if isinstance(item, ast.FunctionDef))
                signature = _signature(call).removeprefix("__call__")
                rows.append(f"| `{node.name}` | `{_cell(signature)}` | {_cell(_text(node))} {_cell(_text(call))} |")
    return "\n".join(["| name | takes and gives | what it is |", "|---|---|---|", *rows])


def numerics() -> str:
    """Every public function and class of the numerics."""
    rows = []
    for module in (*(f"numerics.{name}" for name in _NUMERICS), "data.kept"):
        for node in ast.parse(inspect.getsource(import_module(f"ups_framework.{module}"))).body:
            if isinstance(node, _Definition) and not node.name.startswith("_"):
                rows.append(f"| `{module}` | {_row(node)} |")
                rows += [f"| | {_row(method)} |" for method in _methods(node)]
    return "\n".join(["| in `ups_framework.` | name | what it gives |", "|---|---|---|", *rows])


def _row(node: _Definition) -> str:
    call = _signature(node) if isinstance(node, ast.FunctionDef) else _construction(node)
    return f"`{_cell(call)}` | {_cell(_text(node))}"


def _construction(node: ast.ClassDef) -> str:
    """How a class is called, if it has a constructor of its own."""
    made = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
    return f"{node.name}({_arguments(made[0])})" if made else node.name


def _tables(values: tuple[type, ...]) -> str:
    return "\n\n".join(_table(_tree(value)) for value in values)


def _table(tree: ast.ClassDef, title: str | None = None) -> str:
    """Fields, then properties and methods."""
    rows = [*_fields(tree.body), *_attributes(tree)]
    for node in _methods(tree):
        is_property = any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
        name = f"{node.name}: {_annotation(node.returns)}" if is_property and node.returns else _signature(node)
        rows.append(f"| `{_cell(name)}` | | {_cell(_text(node))} |")
    heading = f"**{title or tree.name}**. {_text(tree)}"
    return "\n".join([heading, "", "| name | default | what it is |", "|---|---|---|", *rows])


def _fields(body: list[ast.stmt]) -> Iterator[str]:
    """Annotated names with the strings under them."""
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            name = f"{ast.unparse(field.target)}: {ast.unparse(field.annotation)}"
            yield f"| `{_cell(name)}` | {_default(field.value)} | {_cell(_line(below.value.value))} |"


def _attributes(tree: ast.ClassDef) -> Iterator[str]:
    """What a constructor keeps, with the strings under it."""
    for init in (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"):
        types = {argument.arg: argument.annotation for argument in init.args.kwonlyargs}
        for kept, below in itertools.pairwise(init.body):
            if isinstance(kept, ast.Assign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                name = ast.unparse(kept.targets[0]).removeprefix("self.")
                annotation = types[name]
                assert annotation is not None
                yield f"| `{_cell(f'{name}: {ast.unparse(annotation)}')}` | | {_cell(_line(below.value.value))} |"


def _default(value: ast.expr | None) -> str:
    if value is None:
        return "required"
    if isinstance(value, ast.Call):
        options = {keyword.arg: keyword.value for keyword in value.keywords}
        if "factory" in options:
            return "empty"
        return _default(options.get("default"))
    return f"`{ast.unparse(value)}`"


def _methods(node: _Definition) -> list[ast.FunctionDef]:
    """The public methods of a class that say what they do."""
    if isinstance(node, ast.FunctionDef):
        return []
    methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
    return [item for item in methods if not item.name.startswith("_") and ast.get_docstring(item)]


def _signature(node: ast.FunctionDef) -> str:
    return f"{node.name}({_arguments(node)})" + (f" -> {_annotation(node.returns)}" if node.returns else "")


def _arguments(node: ast.FunctionDef) -> str:
    return ast.unparse(node.args).removeprefix("self, ").removeprefix("self")


def _annotation(node: ast.expr) -> str:
    """A type as text, without the quotes that let it stand before its class."""
    return str(node.value) if isinstance(node, ast.Constant) and node.value is not None else ast.unparse(node)


def _text(node: _Definition) -> str:
    """The docstring up to its first formula, on one line."""
    text = inspect.cleandoc(ast.get_docstring(node) or "")
    return _line(text.partition("\n\n    ")[0])


def _line(text: Any) -> str:  # the value of a constant, which is a string under a field
    return " ".join(str(text).split())


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _tree(value: type) -> ast.ClassDef:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(value))).body
    assert isinstance(tree, ast.ClassDef)
    return tree


# The conformance kit


def checks() -> str:
    """Every check by its name, with what it does where the name leaves that open."""
    suites = {kind: import_module(f"ups_framework.testing.{kind}_checks") for kind in KINDS}
    common = common_checks(suites["loss"].SUITE)
    modules = module_checks(lambda *_: [])
    groups = {"Every component": spec_checks.CHECKS, "What a dataset builds": suites.pop("dataset").CHECKS}
    groups |= {"What any other kind builds": common, "Encoders, operators and decoders": modules}
    for kind, module in suites.items():
        own = (*module.SUITE.checks, *module.SUITE.somewhere)
        article = "An" if kind[0] in "aeo" else "A"
        groups[f"{article} {kind}"] = tuple(check for check in own if check.__module__ == module.__name__)
    groups["A recipe"] = recipe_checks.CHECKS
    return "\n\n".join(f"**{title}**\n\n{_list(group)}" for title, group in groups.items())


def _list(group: tuple[Check, ...]) -> str:
    return "\n".join(f"- {check.__name__.replace('_', ' ')}{_remark(check)}" for check in group)


def _remark(check: Check) -> str:
    text = _line(check.__doc__ or "").rstrip(".")
    first = text.partition(" ")[0]
    if first == "A" or first[1:].islower():
        text = text[0].lower() + text[1:]
    return f" ({text})" if text else ""


SOURCES: Mapping[str, Callable[..., str]] = {
    "callables": callables,
    "checks": checks,
    "code": code,
    "data_values": data_values,
    "kinds": kinds,
    "latent_values": latent_values,
    "numerics": numerics,
    "problem_values": problem_values,
    "step_values": step_values,
}
"""By the names that stand in the page, with the arguments behind them."""
