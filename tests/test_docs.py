"""The docs are true: their examples run, their recipes load, their commands exist and their links resolve.

A fenced block says what it is: `python` is run, `python FILE` is the module of a plugin, `toml` is a recipe or a part
of one, `toml pyproject.toml` declares the plugin of its page, `bash` holds commands. Blocks named after a file of
`docs/examples/` are generated from it, and tested there.
"""

import itertools
import re
import runpy
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
import torch
from attrs import frozen

from ups_framework.cli import COMMANDS, group
from ups_framework.engine.build import build_system
from ups_framework.engine.estimate import slice_of, try_stages
from ups_framework.engine.mistakes import find_mistakes
from ups_framework.engine.prepare import prepare
from ups_framework.plugins import load_plugins
from ups_framework.recipe import Recipe, load_recipe
from ups_framework.testing import examine_plugin

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes"
EXAMPLE = ROOT / "docs/examples/ups-heat"
WHOLE = RECIPES / "navier_stokes_decaying.toml"
"""The recipe over which a part is laid."""

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "plugins").glob("*/README.md")])
GENERATED = {"cli.md", "plugins.md", "recipes.md"}
"""Pages with generated parts."""

MAIN_PAGES = [path for path in PAGES if "plugins" not in path.parts]


@frozen
class Block:
    """A fenced block of a page."""

    page: Path
    language: str
    about: str
    text: str

    def __str__(self) -> str:
        words = self.text.split()
        return f"{self.page.relative_to(ROOT)}: {' '.join(words[:4])}"


def _blocks(language: str, about: str | None = None) -> list[Block]:
    found = [
        Block(page, *match)
        for page in MAIN_PAGES
        for match in re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    ]
    return [block for block in found if block.language == language and about in (None, block.about)]


MODULES = [block for block in _blocks("python") if block.about and not block.about.startswith(f"{EXAMPLE.name}/")]
LOSSES = [module for module in MODULES if "def ups_losses" in module.text]


# Recipes


@pytest.mark.parametrize("block", _blocks("toml", ""), ids=str)
def test_an_example_of_a_recipe_has_no_mistakes(block: Block, tmp_path: Path) -> None:
    assert find_mistakes(_recipe_of(block, tmp_path)) == []


def _recipe_of(block: Block, folder: Path, *settings: str) -> Recipe:
    """A block that extends a recipe as it would stand in `recipes/`; any other laid over a whole recipe."""
    text = re.sub(r'extends = "(?=[^":]+")', f'extends = "{RECIPES}/', block.text)  # plugin:name stays
    if "extends" not in tomllib.loads(text):
        text = f'extends = "{WHOLE}"\n{text}'
    path = folder / "example.toml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path, registry=load_plugins(), settings=settings, gpu=False).recipe


# Python


@pytest.mark.parametrize("block", _blocks("python", ""), ids=str)
def test_an_example_in_python_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r"runs/(\w+)/simulator.pt", block.text):
        recipe = load_recipe(RECIPES / f"{name}.toml", registry=load_plugins(), gpu=False).recipe
        (tmp_path / "runs" / name).mkdir(parents=True)
        build_system(recipe, load_plugins()).simulator.save(tmp_path / "runs" / name / "simulator.pt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLE))
    names: dict[str, object] = {}
    exec(compile(block.text, str(block.page), "exec"), names)
    for name, shape in re.findall(r"^(\w+) = .*# (\([\d, ]+\))$", block.text, re.M):
        value = names[name]
        assert isinstance(value, torch.Tensor)
        assert str(tuple(value.shape)) == shape


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Block], None]]:
    """Puts the plugin of a page where Python finds it, as `pip install -e` would, and takes it away again."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(module: Block) -> None:
        (declared,) = [block for block in _blocks("toml", "pyproject.toml") if block.page == module.page]
        project = tomllib.loads(declared.text)["project"]
        points = project["entry-points"]["ups"]
        assert module.about == f"{next(iter(points.values()))}.py"
        info = tmp_path / "example-1.0.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text("[ups]\n" + "".join(f"{n} = {m}\n" for n, m in points.items()))
        (tmp_path / module.about).write_text(module.text, encoding="utf-8")

    yield write
    for module in MODULES:
        sys.modules.pop(module.about.removesuffix(".py"), None)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_an_example_of_a_plugin_conforms(module: Block, install: Callable[[Block], None]) -> None:
    install(module)
    registry = load_plugins()
    (plugin,) = [plugin for plugin in registry.plugins if plugin.module + ".py" == module.about]
    assert examine_plugin(plugin.name, registry).failures == ()


@pytest.mark.parametrize("module", LOSSES, ids=str)
def test_an_example_of_a_plugin_trains_every_part(
    module: Block, install: Callable[[Block], None], tmp_path: Path
) -> None:
    install(module)
    registry = load_plugins()
    (component,) = [item for item in registry.components("loss") if item.spec.__module__ + ".py" == module.about]
    settings = [
        f"losses.new={{use = '{component.name}'}}",
        "data.points=16",
        "data.frames=4",
        "sampler.use=dense",
    ]
    settings += [
        "stages.operator.losses=['prediction', 'rollout', 'reconstruction', 'new']",
        "stages.operator.steps=1",
        "evaluation.context=1",
    ]
    example = Block(module.page, "toml", "", f"data_folder = '{tmp_path}'\nsimulator.predicts = 'state'")
    recipe = _recipe_of(example, tmp_path, *settings)
    prepared = prepare(slice_of(recipe), registry, torch.device("cpu"), report=lambda line: None)
    *_, operator_stage = try_stages(prepared.system, prepared.data)
    (row,) = [row for row in operator_stage.rows if row.term == "new"]
    assert row.raw > 0
    assert min(row.gradient.values()) > 0


# Commands


def _commands() -> list[str]:
    """Command lines in bash blocks and in code spans."""
    lines = [line for block in _blocks("bash") for line in block.text.splitlines()]
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        lines += re.findall(r"`((?:\.venv/bin/)?(?:ups|make) [^`]+)`", text)
    return sorted({line.removeprefix(".venv/bin/").partition(" #")[0].strip() for line in lines if line.strip()})


@pytest.mark.parametrize("line", _commands())
def test_a_command_exists_with_its_options(line: str) -> None:
    program, *arguments = shlex.split(line)
    assert program in ("ups", "make", "pip")
    if program == "pip":
        assert arguments[:2] == ["install", "-e"]
    elif program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert all(f"\n{target}:" in makefile for target in arguments)
    elif arguments not in (["--help"], ["--version"]):
        assert arguments[0] in COMMANDS
        command = group.get_command(click.Context(group), arguments[0])
        assert command is not None
        context = click.Context(command, parent=click.Context(group, **group.context_settings))
        command.make_parser(context).parse_args(arguments[1:])


@pytest.mark.parametrize("line", [line for line in _commands() if re.search(r"recipes/[a-z]\w*\.toml", line)])
def test_a_command_names_a_recipe_and_settings_that_load(line: str) -> None:
    _, command, *arguments = shlex.split(line)
    assert command in ("run", "check", "explain", "diff", "bench", "plan")
    settings = [value for option, value in itertools.pairwise(arguments) if option == "--set"]
    for recipe in (argument for argument in arguments if argument.endswith(".toml")):
        loaded = load_recipe(ROOT / recipe, registry=load_plugins(), settings=settings, gpu=False)
        assert find_mistakes(loaded.recipe) == []


# Pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve_and_no_path_of_a_machine_occurs(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert re.findall(r"(?<![\w.])/(?:home|work|tmp|root|Users|opt|mnt)/", text) == []


def test_the_readme_is_short_and_opens_with_the_two_commands() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
    first = next(block for block in _blocks("bash") if block.page.name == "README.md")
    assert [line.partition("#")[0].strip() for line in first.text.splitlines()] == ["make run", "make test"]


def test_every_command_has_its_help_page_whatever_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"## ups {name}\n" not in page] == []
    updated = runpy.run_path(str(ROOT / "docs/reference.py"))["updated"]
    made = set()
    for columns in ("40", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        made.add(updated(page))
    assert len(made) == 1


def test_generated_parts_of_the_docs_are_up_to_date() -> None:
    updated = runpy.run_path(str(ROOT / "docs/reference.py"))["updated"]
    texts = {page: page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")}
    assert {page.name for page, text in texts.items() if "<!-- generated: " in text} == GENERATED
    assert [page.name for page, text in texts.items() if updated(text) != text] == [], "run `make docs`"
