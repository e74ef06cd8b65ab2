"""Plugins are found by entry point, each on its own: a broken one is reported and stops no other."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ups_framework import hookspecs
from ups_framework.errors import PluginError
from ups_framework.plugins import KINDS, PluginInfo, Registry, load_plugins
from ups_framework.process import process_state
from ups_framework.registry import RECIPES_HOOK

GOOD = '''
from attrs import frozen
from ups_framework import hookimpl
from ups_framework.api import Baseline

@frozen(kw_only=True)
class Quiet(Baseline):
    """Nothing at all."""
    def build(self, problem):
        return lambda start, steps, grid, parameters: start[:, None].expand(-1, steps, -1, -1)

@hookimpl
def ups_baselines():
    return {"quiet": Quiet}
'''
BROKEN = {
    "import": ("import no_such_module_at_all", "No module named 'no_such_module_at_all' (zz_broken.py, line 1)"),
    "syntax": ("def :", "SyntaxError"),
    "exit": ("import sys; sys.exit('not today')", "SystemExit: not today"),
    "hook": (
        GOOD + "\n@hookimpl\ndef ups_loses():\n    return {}\n",
        "has no hook 'ups_loses' (did you mean 'ups_losses'",
    ),
    "signature": (GOOD + "\n@hookimpl\ndef ups_losses(problem):\n    return {}\n", "Argument(s) {'problem'}"),
    "nothing": (GOOD + "\n@hookimpl\ndef ups_losses():\n    pass\n", "ups_losses returned None"),
    "unmarked": (GOOD + "\ndef ups_losses():\n    return {}\n", "ups_losses is not marked with @hookimpl"),
    "raises": (GOOD + "\n@hookimpl\ndef ups_losses():\n    return {}['x']\n", "KeyError: 'x'"),
    "kind": (GOOD + "\n@hookimpl\ndef ups_losses():\n    return {'x': Quiet}\n", "does not inherit from LossTerm"),
    "renamed": (
        GOOD.replace('{"quiet": Quiet}', '{"quiet": Quiet, "old": Renamed(to="quite", since="2")}').replace(
            "import Baseline", "import Baseline, Renamed"
        ),
        "baseline 'old' (renamed to 'quite'): there is no such component in the same table (did you mean 'quiet'?)",
    ),
    "wordless": (
        "class Odd(Exception):\n    def __str__(self):\n        return 1 / 0\n\nraise Odd",
        "Odd: (its text cannot be read: ZeroDivisionError) (zz_broken.py, line 5)",
    ),
    "skip": ("import pytest; pytest.skip('no GPU', allow_module_level=True)", "Skipped: no GPU (zz_broken.py, line 1)"),
    "text": (GOOD + "\n@hookimpl\ndef ups_losses():\n    return {'x': 'Quiet'}\n", "'Quiet' is no class"),
}

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a distribution with one plugin where Python finds it, and takes it away again."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def write(
        plugin: str, source: str, distribution: str = "", module: str = "", entry: str | None = None, folder: str = ""
    ) -> None:
        distribution, module = distribution or f"dist-{plugin}", module or plugin
        info = tmp_path / f"{folder or distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[ups]\n{plugin} = {module if entry is None else entry}\n")
        (tmp_path / f"{module}.py").write_text(source)
        modules.append(module)

    yield write
    for module in modules:
        sys.modules.pop(module, None)


def _plugins(registry: Registry, name: str) -> list[PluginInfo]:
    return [plugin for plugin in registry.plugins if plugin.name == name]


def test_a_plugin_is_found_by_its_entry_point(install: Install) -> None:
    install("zz_good", GOOD)
    registry = load_plugins()
    assert _plugins(registry, "zz_good") == [
        PluginInfo(name="zz_good", distribution="dist-zz_good", version="1.2", module="zz_good", counts={"baseline": 1})
    ]
    component = registry.find("baseline", "zz_good:quiet")
    assert component.spec.__name__ == "Quiet"
    assert registry.find("baseline", "quiet") == component
    assert registry.name_of(component.spec) == component.qualified == "zz_good:quiet"


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_reported_leaves_nothing_and_stops_no_other(
    install: Install, source: str, reason: str
) -> None:
    install("zz_broken", source)
    install("zz_good", GOOD)
    registry = load_plugins()
    (broken,) = _plugins(registry, "zz_broken")
    assert broken.error is not None
    assert reason in broken.error
    assert "\n" not in broken.error
    assert not broken.counts
    assert registry.find("baseline", "quiet").plugin == "zz_good"


def test_a_broken_plugin_is_quoted_where_a_component_is_missing(install: Install) -> None:
    install("zz_broken", "import no_such_module_at_all")
    with pytest.raises(PluginError, match=r"plugin 'zz_broken' is broken: ModuleNotFoundError: No module named"):
        load_plugins().find("loss", "residual")


def test_two_packages_with_one_plugin_name_keep_the_first(install: Install) -> None:
    install("zz_good", GOOD, distribution="aaa", module="zz_first")
    install("zz_good", GOOD, distribution="bbb", module="zz_second")
    first, second = _plugins(registry := load_plugins(), "zz_good")
    assert (first.distribution, first.error) == ("aaa", None)
    assert second.distribution == "bbb"
    assert "not used: 'aaa' 1.2 has a plugin called 'zz_good' too, which is the one that is used" in str(second.error)
    assert registry.find("baseline", "zz_good:quiet").spec.__module__ == "zz_first"


@pytest.mark.parametrize(
    ("plugin", "entry", "reason"),
    [
        ("zz_broken", "zz-broken.plugin", "its entry point says 'zz-broken.plugin', which names no module"),
        ("zz_broken", "", "its entry point says '', which names no module"),
        ("zz broken:x", "zz_broken", "'zz broken:x' is no name"),
        ("zz_broken", "zz_broken:nothing", "has no attribute 'nothing'"),
        ("zz_broken", "zz_broken:Quiet", "leads to what is no module: name the one that has the hooks"),
    ],
)
def test_an_entry_point_that_leads_to_no_module_is_reported(
    install: Install, plugin: str, entry: str, reason: str
) -> None:
    install(plugin, GOOD, distribution="odd", module="zz_broken", entry=entry)
    (broken,) = _plugins(load_plugins(), plugin)
    assert reason in str(broken.error)


def test_a_package_whose_metadata_is_lost_is_shown_without_name_and_version(install: Install, tmp_path: Path) -> None:
    install("zz_good", GOOD)
    (tmp_path / "dist_zz_good-1.2.dist-info" / "METADATA").unlink()
    (plugin,) = _plugins(load_plugins(), "zz_good")
    assert (plugin.distribution, plugin.version, plugin.error) == ("?", "?", None)


CHANGES = {
    "torch's default dtype": "torch.set_default_dtype(torch.float64)",
    "torch's gradient mode": "torch.set_grad_enabled(False)",
    "torch's random state": "torch.manual_seed(7)",
    "numpy's random state": "numpy.random.rand()",
    "Python's random state": "random.random()",
    "torch's number of threads": "torch.set_num_threads(torch.get_num_threads() + 1)",
    "the current folder": "os.chdir('..')",
}


@pytest.mark.parametrize(("changed", "line"), CHANGES.items())
def test_a_plugin_that_changes_the_process_when_it_is_imported_is_broken_and_undone(
    install: Install, changed: str, line: str
) -> None:
    install("zz_broken", f"import os, random, numpy, torch\n{line}\n{GOOD}")
    before = process_state()
    (broken,) = _plugins(registry := load_plugins(), "zz_broken")
    assert process_state() == before
    assert broken.error == f"to import it changes {changed} of the whole process, for everybody else too"
    assert "quiet" not in [item.name for item in registry.components("baseline")]


def test_what_a_plugin_prints_is_not_in_the_output(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("zz_good", f"print('hello')\n{GOOD}")
    load_plugins()
    assert capsys.readouterr() == ("", "hello\n")


def test_no_package_takes_the_place_of_the_framework_s_own_plugin(install: Install) -> None:
    install("builtin", GOOD, distribution="aaa", module="zz_false")
    registry = load_plugins()
    ours, false = _plugins(registry, "builtin")
    assert (ours.distribution, ours.error, false.distribution) == ("ups-framework", None, "aaa")
    assert "not used: 'ups-framework'" in str(false.error)
    assert registry.find("encoder", "builtin:grid").plugin == "builtin"


def test_what_an_aborted_pip_left_of_a_package_is_no_other_package(install: Install) -> None:
    install("zz_good", GOOD)
    install("zz_good", GOOD, distribution="dist-zz_good", folder="~ist_zz_good")
    assert [plugin.error for plugin in _plugins(load_plugins(), "zz_good")] == [None]


def test_a_name_of_the_framework_s_own_means_that_one(install: Install) -> None:
    install("zz_good", GOOD.replace("quiet", "persistence"))
    registry = load_plugins()
    assert registry.find("baseline", "persistence").plugin == "builtin"
    assert registry.find("baseline", "zz_good:persistence").plugin == "zz_good"


def test_one_component_name_in_two_plugins_is_an_error_when_it_is_used(install: Install) -> None:
    install("zz_one", GOOD)
    install("zz_two", GOOD)
    registry = load_plugins()
    with pytest.raises(PluginError, match=r"2 plugins have .* write 'zz_one:quiet' or 'zz_two:quiet'"):
        registry.find("baseline", "quiet")
    assert registry.find("baseline", "zz_two:quiet").plugin == "zz_two"


def test_an_unknown_name_comes_with_the_nearest_of_its_kind(install: Install) -> None:
    install("zz_good", GOOD)
    registry = load_plugins()
    with pytest.raises(PluginError, match=r"no baseline called 'quit' \(did you mean 'quiet'"):
        registry.find("baseline", "quit")
    with pytest.raises(PluginError, match=r"did you mean 'zz_good:quiet'"):
        registry.find("baseline", "zz_god:quiet")
    with pytest.raises(PluginError, match=r"no kind called 'losses' \(did you mean 'loss'"):
        registry.components("losses")


def test_every_hook_belongs_to_one_kind_or_is_that_of_recipes() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("ups_")}
    assert hooks == {*(kind.hook for kind in KINDS.values()), RECIPES_HOOK}


def test_everything_installed_loads() -> None:
    assert [(plugin.name, plugin.error) for plugin in load_plugins().plugins if plugin.error] == []
