"""The border to code of plugins, which may raise anything: what it raised becomes one line that leads there."""

import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from ups_framework.errors import PluginError, UpsError

P = ParamSpec("P")
T = TypeVar("T")

PASSING = (KeyboardInterrupt, GeneratorExit, MemoryError)
"""What is nobody's mistake, wherever it is raised."""

_FRAMEWORK = Path(__file__).parent
_STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
_LIBRARIES = {"_pytest", "attr", "attrs", "cattr", "cattrs", "jaxtyping", "numpy", "pluggy", "torch"}
"""Packages that both the framework and plugins call."""

_LONGEST = 300


@contextmanager
def plugin_code(what: str, passing: type[BaseException] = UpsError) -> Iterator[None]:
    """A plugin's code runs inside: what it raises comes out as a PluginError about `what`.

    The framework's own errors, interrupts and a lack of memory pass, and so does `passing`.
    """
    try:
        yield
    except (UpsError, *PASSING, passing):
        raise
    except BaseException as error:
        if is_out_of_memory(error):
            raise
        raise PluginError(f"{what}: {reason(error)}") from error


def guarded(what: str, call: Callable[P, T]) -> Callable[P, T]:
    """What a plugin built, called as `plugin_code`."""

    def guarded_call(*args: P.args, **kwargs: P.kwargs) -> T:
        with plugin_code(what):
            return call(*args, **kwargs)

    return guarded_call


def class_of(spec: object) -> str:
    """Where the class of a spec stands, which tells its plugin too."""
    return f"{type(spec).__module__}.{type(spec).__qualname__}"


def reason(error: BaseException) -> str:
    """Type and text of what a plugin's code raised, and the last line of a plugin that it came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_of_plugin(Path(frame.filename))]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text_of(error)[:_LONGEST]}{place}"


def text_of(error: BaseException) -> str:
    """What an error says of itself, on one line; to say it may fail too."""
    try:
        return " ".join(str(error).split())
    except Exception as second:  # a stranger's __str__ runs here, and may raise anything
        return f"(its text cannot be read: {type(second).__name__})"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was lacking; torch raises plain RuntimeErrors for it on the CPU."""
    if isinstance(error, RuntimeError):
        return any(text in text_of(error) for text in ("out of memory", "can't allocate memory"))
    return isinstance(error, MemoryError)


def _is_of_plugin(file: Path) -> bool:
    """Whether a file is a plugin's or one that it brought, not of what calls it or of what it calls."""
    if str(file).startswith("<"):
        return False
    if file.is_relative_to(_FRAMEWORK):
        return file.relative_to(_FRAMEWORK).parts[0] == "builtin"
    packages = [name for folder, name in zip(file.parts, file.parts[1:], strict=False) if folder.endswith("-packages")]
    return not _LIBRARIES & set(packages) if packages else not file.is_relative_to(_STANDARD_LIBRARY)
