"""`ups new-plugin`: a package to begin with, written from the example in the docs."""

import keyword
import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import click

from ups_framework.errors import PluginError
from ups_framework.plugins import load_plugins

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 32
_SUFFIXES = {".py", ".toml", ".md", ".typed"}


@click.command("new-plugin")
@click.argument("name")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder to make [ups-NAME].")
def command(name: str, folder: Path | None) -> None:
    """Write a plugin called NAME: a whole package that works, to change file by file into your own.

    It has a dataset, a loss, a metric, a baseline, a sampler, a picture, a recipe and tests, all about an equation
    with an exact solution, under names that begin with NAME.
    """
    folder = folder or Path(f"ups-{name}")
    _refuse(name, folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        _write(_template(), partial, name)
        partial.rename(folder)
    except OSError as error:
        raise PluginError(f"{folder}: cannot be written ({error.strerror or error}); name another with --to") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # what is left of it after an error
    click.echo(_next(name, folder))


def _write(template: Path, folder: Path, name: str) -> None:
    """The template's files under the new name."""
    old = template.name.removeprefix("ups-")
    for path in _files(template):
        copy = folder / _renamed(str(path), old, name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_renamed((template / path).read_text(encoding="utf-8"), old, name), encoding="utf-8")


def _refuse(name: str, folder: Path) -> None:
    """PluginError if the plugin cannot be called so, or there is something at the folder."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise PluginError(
            f"{name!r} is no name for a plugin: take lower-case letters, digits and single '_' between them, "
            f"beginning with a letter, at most {_LONGEST}"
        )
    if keyword.iskeyword(_camel(name)):
        raise PluginError(f"{name!r} is no name for a plugin: Python keeps the word {_camel(name)} for itself")
    if _camel(name).startswith("Test"):
        raise PluginError(
            f"{name!r} is no name for a plugin: pytest would take its classes, {_camel(name)}..., for tests"
        )
    for plugin in load_plugins().plugins:
        if plugin.name == name:
            raise PluginError(f"a plugin called {name!r} is installed ({plugin.distribution}): take another name")
    if find_spec(f"ups_{name}") is not None:
        raise PluginError(f"there is a module ups_{name} already: take another name")
    if os.path.lexists(folder):
        raise PluginError(f"{folder} exists: name another folder with --to, or remove it")


def _template() -> Path:
    """The example: inside an installed package, in the docs of a source tree."""
    package = Path(__file__).parents[1]
    found = [*package.glob("template/ups-*"), *package.parent.glob("docs/examples/ups-*")]
    if not found:
        raise PluginError("this installation of the framework lacks its template: install it again")
    return found[0]


def _files(template: Path) -> list[Path]:
    """The template's own files, relative to it: none of the caches that tools leave there."""
    paths = [path.relative_to(template) for path in sorted(template.rglob("*")) if path.suffix in _SUFFIXES]
    return [path for path in paths if not any(part.startswith(".") for part in path.parts)]


def _renamed(text: str, old: str, new: str) -> str:
    """The text with a name replaced, in both cases; the equation that is still solved keeps its own."""
    other = {old: new, _camel(old): _camel(new)}
    return re.sub(f"({'|'.join(other)})(?! equation)", lambda found: other[found[0]], text)


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _next(name: str, folder: Path) -> str:
    """What to do with what was written."""
    return f"""{folder}: a plugin called {name}. It works as it is:

  pip install -e '{folder}[test]'
  ups plugins check {name}
  ups run {name}:quick

Then make it yours: {folder / "README.md"} says which file is what; begin with ups_{name}/equation.py."""
