"""The folder of a run: what is where, who works on it, and its checkpoints. The folder is the truth about a run."""

import difflib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from ups_framework.errors import RunError
from ups_framework.runs import checkpoints
from ups_framework.runs.atomic import sweep
from ups_framework.runs.checkpoints import Checkpoint
from ups_framework.runs.locks import exclusive, is_held


@frozen
class RunFolder:
    """`runs/<name>/` and the files in it. Made by `create` or `open`; written to by one process, inside `locked`."""

    path: Path
    """The folder."""

    @classmethod
    def create(cls, runs: Path, name: str) -> "RunFolder":
        """Make a new folder below `runs`, or take one in which a run stopped before it had trained anything.

        RunError if it holds something that could be lost, or if `name` is no plain name.
        """
        if not is_run_name(name):
            raise RunError(f"--name {name!r}: use letters, digits and . _ + - only, a letter or digit first")
        folder = cls(runs / name)
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            if is_held(folder.lock):
                raise RunError(f"{folder.path}: another process is working on it; give the new run another --name")
            if not folder._untrained():
                raise RunError(
                    f"{folder.path}: exists already; give the new run another --name, or go on with it with --resume"
                )
            folder.checkpoints.mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"{folder.path}: cannot be made ({error.strerror}); choose another --runs") from error
        return folder

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing folder; RunError, with the nearest names beside it, if there is none."""
        if not path.is_dir():
            if path.is_file():
                raise RunError(f"{path}: is a file; give the folder of the run")
            raise RunError(f"{path}: no such run{_near(path)}")
        return cls(path)

    @classmethod
    def open_begun(cls, path: Path) -> "RunFolder":
        """An existing folder in which a run has begun; RunError, with the runs in it, if it is another one."""
        folder = cls.open(path)
        if not folder.recipe.exists():
            runs = sorted(item.parent.name for item in path.glob("*/recipe.toml"))
            inside = f" (runs in it: {', '.join(runs)})" if runs else ""
            raise RunError(f"{path}: is no folder of a run, since it has no recipe.toml{inside}")
        return folder

    def _untrained(self) -> bool:
        """Whether a run that is begun here loses nothing: the folder is empty, or a run's without a checkpoint."""
        ours = {self.recipe.name, self.environment.name, self.checkpoints.name, self.metrics.name, self.audit.name}
        ours |= {self.distributions.name, self.validations.name}
        ours |= {self.aim.name, self.status.name, self.tags.name, self.lock.name}
        return {item.name for item in self.path.iterdir()} <= ours and not any(self.checkpoints.glob("*.pt"))

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.resolve().name

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.toml"

    @property
    def environment(self) -> Path:
        """Versions, device and command line."""
        return self.path / "environment.json"

    @property
    def metrics(self) -> Path:
        """Losses and validation metrics over the steps."""
        return self.path / "metrics.jsonl"

    @property
    def audit(self) -> Path:
        """What each loss term weighed, over the steps."""
        return self.path / "audit.jsonl"

    @property
    def distributions(self) -> Path:
        """Histograms of gradients and latents, and the latents' singular values, over the steps."""
        return self.path / "distributions.jsonl"

    @property
    def validations(self) -> Path:
        """Folder of predictions of the same validation trajectories, kept while the run trained."""
        return self.path / "validations"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def simulator(self) -> Path:
        """The trained simulator."""
        return self.path / "simulator.pt"

    def trained_simulator(self) -> Path:
        """The trained simulator; RunError, with how to get it, if the run has none yet."""
        if not self.simulator.exists():
            raise RunError(f"{self.path}: has no simulator, since the run is not finished; go on with it with --resume")
        return self.simulator

    @property
    def evaluation(self) -> Path:
        """Metrics on the test data beside the reference rows."""
        return self.path / "evaluation.json"

    @property
    def gates(self) -> Path:
        """Whether the results pass what the recipe asks for."""
        return self.path / "gates.json"

    @property
    def predictions(self) -> Path:
        """A few test trajectories, predicted and true, for the pictures."""
        return self.path / "predictions.npz"

    @property
    def coverage(self) -> Path:
        """How often each point of the training grid was supervised."""
        return self.path / "coverage.npy"

    @property
    def pictures(self) -> Path:
        """Folder of the pictures that plugins draw."""
        return self.path / "pictures"

    @property
    def pictures_index(self) -> Path:
        """What these pictures show, and which plugins drew them."""
        return self.path / "pictures.json"

    @property
    def report(self) -> Path:
        """The report with pictures."""
        return self.path / "report.html"

    @property
    def plugin_pages(self) -> Path:
        """Folder of the plugins' own pages, to which the report links."""
        return self.path / "plugins"

    @property
    def aim(self) -> Path:
        """Which run in the Aim repository shows this folder."""
        return self.path / "aim.json"

    @property
    def status(self) -> Path:
        """When the run's last process began, and how it ended."""
        return self.path / "status.json"

    @property
    def tags(self) -> Path:
        """Words that people put on the run."""
        return self.path / "tags.json"

    @property
    def lock(self) -> Path:
        """Held by the process that works on the folder."""
        return self.path / "run.lock"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Work on the folder alone; RunError, with the pid, while another process does. Survives no kill."""
        with exclusive(self.lock):
            try:
                self.checkpoints.mkdir(exist_ok=True)
            except OSError as error:
                raise RunError(f"{self.checkpoints}: is no folder ({error.strerror}); move it away") from error
            sweep(self.path)
            sweep(self.checkpoints)
            yield

    def save_checkpoint(self, step_name: str, payload: bytes) -> Path:
        """Add a checkpoint, keep the newest two; RunError if it cannot be written, with the older ones untouched."""
        return checkpoints.save(self.checkpoints, step_name, payload)

    def latest_checkpoint(self, report: Callable[[str], None]) -> Checkpoint | None:
        """The newest whole checkpoint, None if there is none; tells `report` of damaged ones, RunError if all are."""
        return checkpoints.latest(self.checkpoints, report)


def is_run_name(name: str) -> bool:
    """Whether a run's folder may be called so."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name) is not None


def proposed_name(text: str) -> str:
    """A name for a run that is near to a text."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", text).strip("._+-") or "run"


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f" (there is no folder {path.parent})"
    names = sorted(item.name for item in path.parent.iterdir() if item.is_dir() and not item.name.startswith("."))
    near = difflib.get_close_matches(path.name, names, n=3) or names[-3:]
    return f" (there is: {', '.join(near)})" if near else f" ({path.parent} holds no runs)"
