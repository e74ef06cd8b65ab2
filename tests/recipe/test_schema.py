"""The schema of recipes, as taplo checks it in an editor, finds mistakes and takes all that `ups check` takes."""

import json
import platform
import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import tomli_w
from attrs import frozen
from click.testing import CliRunner

from ups_framework.api import Measure, Metric, Problem, Renamed, Sampler, Sampling
from ups_framework.cli import group
from ups_framework.plugins import KINDS, Registry, load_plugins
from ups_framework.recipe import dump_recipe, from_plain, load_recipe, to_plain
from ups_framework.recipe.profiles import profiles_of
from ups_framework.recipe.schema import schema_text
from ups_framework.recipe.source import read_file

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "recipes/recipe.schema.json"
RECIPES = sorted((ROOT / "recipes").rglob("*.toml"))
TAPLO = Path(sysconfig.get_path("scripts")) / "taplo"


def _lint(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and messages of taplo."""
    if sys.platform == "linux" and platform.machine() != "x86_64":
        pytest.skip("taplo has no wheel for this machine")
    command = [TAPLO, "lint", "--no-auto-config", "--colors", "never", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def _complaint(text: str, folder: Path, schema: str) -> str:
    """What taplo says of a recipe; empty if nothing."""
    (folder / "schema.json").write_text(schema, encoding="utf-8")
    (folder / "recipe.toml").write_text(text, encoding="utf-8")
    code, said = _lint("--schema", (folder / "schema.json").as_uri(), folder / "recipe.toml")
    return said if code else ""


@pytest.fixture(scope="module")
def ours() -> Registry:
    """All installed components."""
    return load_plugins()


STRANGER = """
from attrs import frozen
from ups_framework import hookimpl
from ups_framework.api import Problem, Sampler, Sampling

@frozen(kw_only=True)
class Dense(Sampler):
    \"\"\"Another one.\"\"\"

    def build(self, problem: Problem) -> Sampling:
        raise NotImplementedError

@hookimpl
def ups_samplers() -> dict[str, type[Sampler]]:
    return {"dense": Dense}
"""


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs a plugin whose sampler has the name of one of ours."""
    (tmp_path / "ups_stranger.py").write_text(STRANGER)
    (tmp_path / "stranger-1.0.dist-info").mkdir()
    (tmp_path / "stranger-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (tmp_path / "stranger-1.0.dist-info/entry_points.txt").write_text("[ups]\nstranger = ups_stranger\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "stranger:dense" in [item.qualified for item in load_plugins().components("sampler")]


def test_the_schema_beside_the_recipes_is_up_to_date_whatever_else_is_installed(stranger: None) -> None:
    fresh = runpy.run_path(str(ROOT / "docs/reference.py"))["schema"]()
    assert SCHEMA.read_text(encoding="utf-8") == fresh, "run `make docs`"


def test_all_recipes_name_the_schema_and_have_nothing_red() -> None:
    for path in RECIPES:
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        assert (path.parent / first.removeprefix("#:schema ")).resolve() == SCHEMA
    code, said = _lint(*RECIPES)
    assert code == 0, said
    code, said = _lint("--schema", SCHEMA.as_uri(), *(ROOT / "plugins").glob("*/ups_*/recipes/*.toml"))
    assert code == 0, said


def test_an_editor_finds_the_schema_by_the_first_line_of_a_recipe(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    wrong = tmp_path / "recipes/burgers_phase4.toml"
    wrong.write_text(wrong.read_text(encoding="utf-8").replace("drop_path", "droppath"), encoding="utf-8")
    code, said = _lint(wrong)
    assert code == 1
    assert "'droppath' was unexpected" in said


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("sed = 1", "'sed' was unexpected"),
        ('operator.use = "transformer"', '"transformer" is not one of'),
        ('operator = { use = "transformer_stack", widht = 3 }', "'widht' was unexpected"),
        ('sampler = { use = "dense", points = 3 }', '"points" is not one of ["use"]'),
        ("decoder.widht = 3", "'widht' was unexpected"),
        ('decoder.channels = "64"', '"64" is not of type "integer"'),
        ("training.batch = 3.7", '3.7 is not of type "integer"'),
        ('training.compile = "false"', '"false" is not of type "boolean"'),
        ('training.precision = "float16"', '"float16" is not one of'),
        ("latent.tokens = 0", "0 is less than the minimum of 1"),
        ("optimizer.betas = [0.9, 1.5]", "1.5 is greater than or equal to the maximum of 1"),
        ("optimizer.betas = [0.9]", "has less than 2 items"),
        ('stages.operator.trains = ["enc"]', '"enc" is not one of'),
        ('losses.a = { use = "relative_l2", share = 2 }', "2 is greater than or equal to the maximum of 1"),
        ('losses.a = { use = "relative_l2", wieght = 2 }', "'wieght' was unexpected"),
        ('metrics.rmse = { use = "rmse", weight = 2 }', "'weight' was unexpected"),
        ("extends = 3", '3 is not of type "string"'),
        ("profile.cpu.latent.token = 3", "'token' was unexpected"),
        ('profile.cpu.extends = "a.toml"', "'extends' was unexpected"),
    ],
)
def test_a_planted_mistake_is_red(part: str, said: str, tmp_path: Path) -> None:
    layer = part if part.startswith("extends") else f'extends = "base.toml"\n{part}'
    assert said in _complaint(layer, tmp_path, SCHEMA.read_text(encoding="utf-8"))


def test_tables_are_required_only_of_a_recipe_that_extends_none(tmp_path: Path) -> None:
    schema = SCHEMA.read_text(encoding="utf-8")
    assert '"data" is a required property' in _complaint("seed = 1", tmp_path, schema)
    assert _complaint('extends = "a.toml"', tmp_path, schema) == ""


def test_resolved_recipes_have_nothing_red(ours: Registry, tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text(schema_text(ours), encoding="utf-8")
    files = []
    for path in (path for path in RECIPES if path.parent.name == "recipes"):
        for profile in ("none", *profiles_of(read_file(path, ours))):
            files.append(tmp_path / f"{path.stem}_{profile}.toml")
            recipe = load_recipe(path, registry=ours, profile=profile, gpu=False).recipe
            files[-1].write_text(dump_recipe(recipe, ours), encoding="utf-8")
    code, said = _lint("--schema", (tmp_path / "schema.json").as_uri(), *files)
    assert code == 0, said


def test_every_component_with_all_its_defaults_has_nothing_red(ours: Registry, tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text(schema_text(ours), encoding="utf-8")
    files = []
    for kind, rule in KINDS.items():
        for component in ours.components(kind):
            spec = from_plain({"use": component.qualified, **component.spec.example}, rule.api, ours)
            table = to_plain(spec, ours)
            for key in reversed(rule.table.split(".")):
                table = {key: table}
            files.append(tmp_path / f"{kind}_{component.plugin}_{component.name}.toml")
            files[-1].write_text(tomli_w.dumps({"extends": "base.toml", **table}), encoding="utf-8")
    code, said = _lint("--schema", (tmp_path / "schema.json").as_uri(), *files)
    assert code == 0, said


# Components of a small plugin


@pytest.mark.parametrize(
    ("part", "red"),
    [
        ('operator = { use = "repeated", inner = { use = "repeated", inner = { use = "stack", depth = 2 } } }', False),
        ('operator = { use = "repeated", inner = { use = "repeated", inner = { use = "stack", dept = 2 } } }', True),
        ('operator = { use = "small:repeated", others = [{ use = "spectral", modes = 3 }] }', False),
        ('operator = { use = "repeated", others = [{ use = "spectral", depth = 3 }] }', True),
        ("operator = { heads = 4, modes = 3 }", False),
        ("operator.bias = { scales = [1, 2.5] }", False),
        ("operator.bias = { scales = [1, true] }", True),
        ("decoder.bound = { anything = 3.0 }", False),
        ('decoder.bound = { anything = "3" }', True),
        ("losses.fit = { weight = 2.0, ramp = 0.5 }", False),
        ("losses.drift = { share = 0.1, order = 4 }", False),
        ("losses.drift = { order = 3 }", True),
        ('metrics.fine = { use = "least", level = "high" }', False),
        ('metrics.fine = { use = "most", level = "high" }', True),
        ('metrics.fine = { use = "most", level = 3 }', False),
        ("metrics.fine = { level = 3 }", False),
    ],
)
def test_parts_nest_and_lie_over_a_base(part: str, red: bool, mixed: Registry, tmp_path: Path) -> None:
    assert bool(_complaint(f'extends = "base.toml"\n{part}', tmp_path, schema_text(mixed))) == red


@pytest.mark.parametrize(
    ("use", "red"),
    [("first", True), ("small:first", False), ("other:first", False), ("start", False), ("small:start", False)],
)
def test_use_takes_the_names_that_the_registry_takes(use: str, red: bool, mixed: Registry, tmp_path: Path) -> None:
    part = f'extends = "base.toml"\nsampler = {{ use = "{use}" }}'
    assert bool(_complaint(part, tmp_path, schema_text(mixed))) == red


@pytest.fixture(scope="session")
def mixed(registry: Registry) -> Registry:
    """The small plugin's components, two metrics that share a key, an old name, and a sampler with another's name."""
    both = Registry()
    for kind in KINDS:
        for item in registry.components(kind):
            both.add(kind, item.name, item.spec, item.plugin)
    both.add("metric", "least", Least, "small")
    both.add("metric", "most", Most, "small")
    both.add("sampler", "first", FirstToo, "other")
    both.add_renamed("sampler", {"start": Renamed(to="first", since="1.0")}, "small")
    return both


@frozen(kw_only=True)
class Least(Metric):
    """The least error."""

    level: str = "low"
    """By name."""

    def build(self, problem: Problem) -> Measure:
        raise NotImplementedError


@frozen(kw_only=True)
class Most(Metric):
    """The largest error."""

    level: int = 1
    """By number."""

    def build(self, problem: Problem) -> Measure:
        raise NotImplementedError


@frozen(kw_only=True)
class FirstToo(Sampler):
    """Also the first points."""

    def build(self, problem: Problem) -> Sampling:
        raise NotImplementedError


def test_what_a_component_and_its_fields_are_stands_in_the_schema(registry: Registry) -> None:
    operator = json.loads(schema_text(registry))["$defs"]["operator"]
    assert operator["properties"]["depth"] == {"description": "Layers.", "type": "integer", "minimum": 1}
    assert operator["properties"]["causal"]["default"] is False
    use = operator["properties"]["use"]
    assert use["enum"] == ["repeated", "small:repeated", "spectral", "small:spectral", "stack", "small:stack"]
    assert use["x-taplo"]["docs"]["enumValues"][0] == "Applies other operators in turn."


def test_the_command_prints_the_schema_or_writes_it(ours: Registry, tmp_path: Path) -> None:
    printed = CliRunner().invoke(group, ["schema"])
    assert (printed.exit_code, printed.stdout) == (0, schema_text(ours))
    written = CliRunner().invoke(group, ["schema", "--out", str(tmp_path / "recipe.schema.json")])
    assert written.exit_code == 0
    assert (tmp_path / "recipe.schema.json").read_text(encoding="utf-8") == schema_text(ours)
    refused = CliRunner().invoke(group, ["schema", "--out", "/dev/full"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: /dev/full: cannot be written")
