"""Imports go down the layers of docs/design.md only, files stay small, and the core knows no plugin."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE = ROOT / "ups_framework"
PLUGINS = sorted(path for path in (ROOT / "plugins").glob("*/ups_*") if path.is_dir())
MODULES = sorted(CORE.rglob("*.py"))

BELOW = {
    "errors": (),
    "suggest": (),
    "border": ("errors",),
    "process": (),
    "api": ("errors",),
    "hookspecs": ("api",),
    "spec_rules": (),
    "spec_docs": ("spec_rules",),
    "registry": ("api", "errors", "spec_rules", "suggest"),
    "plugins": ("hookspecs", "registry", "spec_rules", "process", "border", "api", "errors", "suggest"),
    "numerics": ("api",),
    "data": ("api", "errors", "numerics"),
    "builtin": ("ups_framework", "api", "errors", "numerics", "data"),
    "recipe": ("plugins", "registry", "spec_docs", "spec_rules", "border", "api", "errors", "suggest"),
    "engine": ("recipe", "plugins", "registry", "data", "numerics", "border", "api", "errors", "suggest"),
    "testing": (
        "engine",
        "recipe",
        "plugins",
        "registry",
        "spec_docs",
        "spec_rules",
        "process",
        "border",
        "data",
        "numerics",
        "api",
        "errors",
        "suggest",
    ),
    "runs": ("engine", "recipe", "plugins", "registry", "spec_docs", "data", "numerics", "api", "errors", "suggest"),
    "cli": (
        *("testing", "runs", "engine", "recipe", "plugins", "registry", "spec_docs", "border", "api", "errors"),
        "suggest",
    ),
    "ups_framework": ("engine",),
}
"""What each module or package of the framework may import, besides itself. `ups_framework` is its `__init__`."""


def _imports(path: Path, *, at_start: bool = False) -> Iterator[str]:
    """Dotted names that a file imports: anywhere in it, or only what runs when it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if at_start else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it leads"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_core(name: str) -> bool:
    return name.startswith("ups_framework.")


def _layer(name: str) -> str:
    """`engine` for `ups_framework.engine.build.System`; `ups_framework` for what its `__init__` has."""
    part = name.split(".")[1]
    return part if part in BELOW else "ups_framework"


def _own(path: Path) -> str:
    first = path.relative_to(CORE).parts[0]
    return "ups_framework" if first == "__init__.py" else first.removesuffix(".py")


def test_a_module_imports_only_from_layers_below() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in MODULES
        for name in _imports(path)
        if name.startswith("ups_") and (not _is_core(name) or _layer(name) not in (_own(path), *BELOW[_own(path)]))
    ]
    assert wrong == []


def test_a_plugin_imports_the_seam_and_no_other_plugin() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for plugin in PLUGINS
        for path in plugin.rglob("*.py")
        for name in _imports(path)
        if name.startswith("ups_") and name.split(".")[0] != plugin.name
        if not _is_core(name) or _layer(name) not in BELOW["builtin"]
    ]
    assert wrong == []


def test_what_help_needs_imports_no_torch() -> None:
    reached, to_do = set(), [CORE / "__init__.py", CORE / "cli/__init__.py", CORE / "cli/group.py"]
    while to_do:
        for name in _imports(to_do.pop(), at_start=True):
            stem = CORE.parent / name.rpartition(".")[0].replace(".", "/")
            files = [path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path in MODULES]
            to_do += [path for path in files if name not in reached]
            reached.add(name)
    light = {"ups_framework", "click", "pluggy", "attrs", *sys.stdlib_module_names}
    assert {name.split(".")[0] for name in reached} - light == set()


def test_no_plugin_and_no_equation_occurs_in_the_core() -> None:
    names = [plugin.name.removeprefix("ups_") for plugin in PLUGINS]
    words = re.compile(
        "|".join([*names, "burgers", "navier", "stokes", "vorticity", "viscosity", "darcy"]), re.IGNORECASE
    )
    codes = {path: ast.unparse(_without_texts(ast.parse(path.read_text(encoding="utf-8")))) for path in MODULES}
    assert [f"{path.relative_to(ROOT)}: {word}" for path, code in codes.items() for word in words.findall(code)] == []


def _without_texts(tree: ast.Module) -> ast.Module:
    """The code less docstrings and the texts under fields, which may name an equation as an example."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [item for item in node.body if not _is_text(item)] or [ast.Pass()]
    return tree


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_no_file_is_longer_than_400_lines() -> None:
    sources = [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {path: length for path, length in lengths.items() if length > 400} == {}
