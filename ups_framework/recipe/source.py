"""Recipe files → one tree: a file laid over the file that it extends, and so on down the chain."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from ups_framework.errors import Mistake, RecipeError
from ups_framework.recipe.lines import KeyPath, lines_of
from ups_framework.recipe.locate import locate_base
from ups_framework.recipe.node import DEEPEST, Node, depth, lay, node
from ups_framework.recipe.profiles import keep_profiles
from ups_framework.recipe.shipped import shipping_plugin, with_shipped_names
from ups_framework.registry import Registry
from ups_framework.suggest import did_you_mean


def read_file(path: Path, registry: Registry) -> Node:
    """A recipe file laid over what it extends. Raises RecipeError if one is missing, no TOML, or part of a circle."""
    return _read_chain(path, (), "", registry)


def _read_chain(path: Path, above: tuple[Path, ...], named_at: str, registry: Registry, extended_by: str = "") -> Node:
    """A file and what it extends; `named_at` is the place that names the file, `above` the files that led there.

    `extended_by` is the plugin that ships the last of them.
    """
    table, lines = _parse_file(path, named_at)
    if plugin := shipping_plugin(path, registry, extended_by):
        table = with_shipped_names(table, plugin)
    own = node(table, str(path), lines)
    if path.resolve() in [seen.resolve() for seen in above]:
        circle = " → ".join(str(seen) for seen in (*above, path))
        raise _file_error(above[-1], f"'extends' goes in a circle: {circle}", named_at)
    if "extends" not in own.value:
        return own
    extends, named_at = own.value["extends"].plain(), own.origin_of(("extends",))
    if not isinstance(extends, str) or "\0" in extends:
        raise _file_error(path, "'extends' must be one file name in quotes, or plugin:name", named_at)
    base_path = locate_base(extends, Path(_tidy(path.parent / extends)), registry, named_at)
    base = _read_chain(base_path, (*above, path), named_at, registry, plugin)
    own = own.without("extends")
    return evolve(lay(keep_profiles(base, own), own), places=own.places)


def _tidy(path: Path) -> str:
    """`a/c` for `a/b/../c`, for messages; links are followed only where that changes nothing."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in ("..", "/") and not Path(*parts).is_symlink():
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))


def _parse_file(path: Path, named_at: str) -> tuple[dict[str, Any], Mapping[KeyPath, int]]:
    """The values of a file, and the lines on which they stand."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # some editors put a mark in front
        table = tomllib.loads(text)
    except OSError as error:
        raise _missing_file(path, error, named_at) from error
    except UnicodeDecodeError as error:
        raise _file_error(path, f"not UTF-8 text (byte {error.start})") from error
    except (ValueError, RecursionError) as error:  # also tomllib's own error, a name with a null byte, endless digits
        raise _file_error(path, str(error)) from error
    if depth(table) > DEEPEST:
        raise _file_error(path, f"tables and lists are nested more than {DEEPEST} deep")
    return table, lines_of(text)


def _missing_file(path: Path, error: OSError, named_at: str) -> RecipeError:
    if isinstance(error, IsADirectoryError):
        return _file_error(path, "is a folder, where a TOML file is expected", named_at)
    siblings = [other.name for other in path.parent.glob("*.toml")] if path.parent.is_dir() else []
    near = did_you_mean(path.name, siblings)
    by = ", which 'extends' names" if named_at else ""
    return _file_error(path, f"cannot be read{by}: {error.strerror}{near}", named_at)


def _file_error(path: Path, problem: str, source: str = "") -> RecipeError:
    return RecipeError([Mistake(path=str(path), problem=problem, source=source)])
