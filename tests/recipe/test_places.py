"""Mistakes that show only when parts are put together have their file and line too, on the command line."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from ups_framework.cli import group

Write = Callable[..., str]
CHILD = """extends = "{root}/recipes/navier_stokes_decaying.toml"

[latent]
tokens = 7

[operator]
width = 97

[stages.operator]
unroll = 0
select = "rollout"

[profile.cpu.sampler]
points = 99999
"""


@pytest.fixture
def child(write: Write, request: pytest.FixtureRequest) -> str:
    return write(CHILD.format(root=request.config.rootpath), "child.toml")


def _check(*arguments: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(group, ["check", *arguments])
    return result.exit_code, result.stderr.splitlines()


def test_check_prints_the_place_of_every_mistake(child: str) -> None:
    code, lines = _check(child, "--profile", "cpu", "--set", "losses.rollout.use=spectral")
    places = {line.partition(":")[0]: line.rpartition("  ")[2] for line in lines[:-1]}
    assert code == 2
    assert places["latent.tokens"] == "[child.toml:4]"
    assert places["stages.operator.unroll"] == "[child.toml:10]"
    assert places["sampler.points"] == "[profile cpu in child.toml:14]"
    assert lines[-1] == f"{len(lines) - 1} mistakes in the recipe."


def test_a_key_that_only_has_its_default_has_the_places_of_its_table(write: Write, child: str) -> None:
    write(f"extends = '{child}'\n\n[operator]\ndepth = 2\n\n[latent]\ntokens = 64\n", "grandchild.toml")
    _, lines = _check("grandchild.toml", "--profile", "none")
    (heads,) = [line for line in lines if line.startswith("operator.heads: 4 heads do not divide the width 97  [")]
    assert heads.endswith(", child.toml:6, grandchild.toml:3]")


def test_run_refuses_with_the_same_lines_and_makes_no_folder(child: str, tmp_path: object) -> None:
    _, lines = _check(child)
    result = CliRunner().invoke(group, ["run", child])
    assert (result.exit_code, result.stderr.splitlines()) == (2, lines)
    assert json.dumps(lines).count("child.toml:") >= 3
