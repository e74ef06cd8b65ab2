"""The docs' example and what `ups new-plugin` makes of it: installed from wheels into a fresh environment, and used."""

import ast
import os
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/ups-heat"
WRITTEN = "kdv_waves"
"""Name of the plugin that is written from the example."""

PUBLIC = (
    "ups_framework.hookimpl",
    "ups_framework.api",
    "ups_framework.errors",
    "ups_framework.numerics",
    "ups_framework.data",
    "ups_framework.testing",
)


@frozen
class Environment:
    """A virtual environment of its own; what the framework depends on comes from the running one."""

    folder: Path

    def run(self, program: str, *arguments: str, at: Path | None = None) -> str:
        """Output of a program of the environment, which has to succeed."""
        scripts = self.folder / ("Scripts" if os.name == "nt" else "bin")
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
        variables |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [str(scripts / program), *arguments]
        done = subprocess.run(command, cwd=at or self.folder, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def install(self, *folders: Path) -> None:
        """Build wheels of packages and install them, without network."""
        offline = ["--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--quiet"]
        self.run("python", "-m", "pip", "install", *offline, *map(str, folders))


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, so that no caches are left in the docs."""
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    return shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("example") / EXAMPLE.name, ignore=ignored)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, example: Path) -> Environment:
    """An environment with the framework's and the example's wheels."""
    environment = Environment(tmp_path_factory.mktemp("fresh"))
    venv.create(environment.folder, with_pip=False, symlinks=os.name != "nt")
    site_packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment.folder)}))
    (site_packages / "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    environment.install(ROOT, example)
    return environment


@pytest.fixture(scope="module")
def written(fresh: Environment) -> Path:
    """What `ups new-plugin` of the installed framework writes, installed too."""
    fresh.run("ups", "new-plugin", WRITTEN)
    fresh.install(fresh.folder / f"ups-{WRITTEN}")
    return fresh.folder / f"ups-{WRITTEN}"


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_example_imports_public_names_only() -> None:
    used = {name for path in EXAMPLE.rglob("*.py") for name in _imports(path) if name.startswith("ups_framework")}
    assert {name for name in used if not name.startswith(PUBLIC)} == set()


def test_the_framework_in_use_is_the_installed_one(fresh: Environment) -> None:
    found = fresh.run(
        "python", "-c", "import ups_framework, ups_heat; print(ups_framework.__file__, ups_heat.__file__)"
    )
    assert all(Path(path).is_relative_to(fresh.folder) for path in found.split())
    names = {item.metadata["Name"] for item in metadata.distributions()}
    assert not names & {"ups-heat", f"ups-{WRITTEN}"}, "the running environment was changed"


def test_the_installed_example_is_shown_conforms_and_passes_its_own_tests(fresh: Environment, example: Path) -> None:
    assert "ups-heat" in fresh.run("ups", "plugins")
    assert ", 0 failed" in fresh.run("ups", "plugins", "check", "heat")
    others = ("--deselect", "tests/test_conformance.py")  # the command has just checked that
    assert " passed" in fresh.run("python", "-m", "pytest", "-p", "no:cacheprovider", *others, at=example)


def test_the_recipe_of_the_installed_example_runs(fresh: Environment, tmp_path: Path) -> None:
    short = ["stages.autoencode.steps=2", "stages.operator.steps=2", "data.train=16", "tracking.aim=false"]
    settings = [argument for setting in short for argument in ("--set", setting)]
    fresh.run("ups", "run", "heat:quick", *settings, at=tmp_path)
    assert (tmp_path / "runs/heat_quick/simulator.pt").exists()
    assert (tmp_path / "runs/heat_quick/report.html").exists()


def test_what_new_plugin_writes_passes_its_own_tests(fresh: Environment, written: Path) -> None:
    assert " passed" in fresh.run("python", "-m", "pytest", "-p", "no:cacheprovider", at=written)
    texts = {str(path): path.read_text().lower() for path in written.rglob("*") if path.is_file()}
    left = [path for path, text in texts.items() if "heat" in text.replace("heat equation", "")]
    assert left == []


def test_example_and_written_package_pass_the_checks_of_style_and_types(
    fresh: Environment, example: Path, written: Path
) -> None:
    for folder in (example, written):
        fresh.run("python", "-m", "ruff", "check", "--no-cache", at=folder)
        fresh.run("python", "-m", "ruff", "format", "--check", "--no-cache", at=folder)
        fresh.run("python", "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), at=folder)
