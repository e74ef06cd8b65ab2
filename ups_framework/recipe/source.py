"""Recipe files → one tree: a file laid over the file that it extends, and so on down the chain."""

import tomllib
from pathlib import Path

from attrs import evolve

from ups_framework.errors import Mistake, RecipeError
from ups_framework.recipe.node import DEEPEST, Node, depth, lay, node
from ups_framework.recipe.profiles import keep_profiles
from ups_framework.suggest import did_you_mean


def read_file(path: Path) -> Node:
    """A recipe file laid over what it extends. Raises RecipeError if one is missing, no TOML, or part of a circle."""
    return _read_chain(path, ())


def _read_chain(path: Path, above: tuple[Path, ...]) -> Node:
    chain = (*above, path)
    own = _parse_file(path, extended_by=above[-1] if above else None)
    if path.resolve() in [seen.resolve() for seen in above]:
        circle = " → ".join(str(seen) for seen in chain)
        raise _file_error(above[-1], f"'extends' goes in a circle: {circle}")
    if "extends" not in own.value:
        return own
    extends = own.value["extends"].plain()
    if not isinstance(extends, str) or "\0" in extends:
        raise _file_error(path, "'extends' must be one file name in quotes")
    base = _read_chain(Path(_tidy(path.parent / extends)), chain)
    own = own.without("extends")
    return evolve(lay(keep_profiles(base, own), own), origin=str(path))


def _tidy(path: Path) -> str:
    """`a/c` for `a/b/../c`, for messages; links are followed only where that changes nothing."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in ("..", "/") and not Path(*parts).is_symlink():
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))


def _parse_file(path: Path, extended_by: Path | None) -> Node:
    try:
        table = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise _missing_file(path, error, extended_by) from error
    except UnicodeDecodeError as error:
        raise _file_error(path, f"not UTF-8 text (byte {error.start})") from error
    except (ValueError, RecursionError) as error:  # also tomllib's own error, a name with a null byte, endless digits
        raise _file_error(path, str(error)) from error
    if depth(table) > DEEPEST:
        raise _file_error(path, f"tables are nested more than {DEEPEST} deep")
    return node(table, str(path))


def _missing_file(path: Path, error: OSError, extended_by: Path | None) -> RecipeError:
    siblings = [other.name for other in path.parent.glob("*.toml")] if path.parent.is_dir() else []
    near = did_you_mean(path.name, siblings)
    by = f", which {extended_by} extends" if extended_by else ""
    return _file_error(path, f"cannot be read{by}: {error.strerror}{near}")


def _file_error(path: Path, problem: str) -> RecipeError:
    return RecipeError([Mistake(path=str(path), problem=problem)])
