"""What showing a run in Aim takes of its training: blocks of steps of one real run, shown and not shown in turn.

    python benchmarks/tracking_cost.py recipes/burgers_phase4.toml --steps 2000 --cores 1

Prints JSON. In half of the blocks the process that shows the run is stopped; what piles up it shows in a later
block, which then has the work of both, so that the figure is an upper bound. With --cores 1 both processes are on one
core. All steps predict two frames, since blocks with dearer steps would be compared with others otherwise.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median

from aim_check import tracker
from attrs import define, field

from ups_framework.engine.audit import AuditRow
from ups_framework.engine.distributions import Distribution
from ups_framework.engine.listener import Progress, TrainingRecord, Validation
from ups_framework.plugins import load_plugins
from ups_framework.recipe import load_recipe
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import read_json
from ups_framework.runs.run import Run

_ALIKE = ("stages.autoencode.steps=0", "stages.operator.unroll=2", "stages.operator.curriculum=1e-9")
"""Two frames in every step but the first, which is in a block that is left out."""

SECONDS = 4.0
"""What a block takes at least: several looks at the folder."""


@define
class Switch:
    """A listener that lets the run be shown, or not, a block at a time, in the order on, off, off, on."""

    blocks: list[float] = field(factory=list)
    """Mean seconds of a step of each block."""

    processor_seconds: float = 0.0
    """What showing the run has taken of a processor when training ends."""

    _before: int = 0
    _steps: int = 0
    _seconds: float = 0.0

    def trained(self, progress: Progress, record: TrainingRecord) -> None:
        """Count the steps of the block, and end it if it is long enough."""
        steps = progress.total - self._before
        self._before = progress.total
        self._steps += steps
        self._seconds += steps / record.steps_per_second
        if self._seconds >= SECONDS:
            self.blocks.append(self._seconds / self._steps)
            self._steps, self._seconds = 0, 0.0
            self.show(on=_is_on(len(self.blocks)))

    def show(self, *, on: bool) -> int:
        """Let the process that shows this run go on, or stop it; its id."""
        pid = tracker(os.getpid())
        assert pid is not None, "nothing shows the run; does Aim load?"
        os.kill(pid, signal.SIGCONT if on else signal.SIGSTOP)
        return pid

    def stage_ended(self, progress: Progress, figure: str, best: float) -> None:
        """Let it show the rest; what is left over of a block counts for none."""
        self._steps, self._seconds = 0, 0.0
        self.processor_seconds = _processor_seconds(self.show(on=True))

    def stage_started(self, progress: Progress) -> None:
        """Nothing."""

    def validated(self, progress: Progress, validation: Validation) -> None:
        """Nothing."""

    def audited(self, progress: Progress, rows: Sequence[AuditRow]) -> None:
        """Nothing."""

    def gradients_seen(self, progress: Progress, parts: Mapping[str, Distribution]) -> None:
        """Nothing."""


def pairs(blocks: Sequence[float]) -> list[tuple[float, float]]:
    """Not shown and shown, of neighbours; the first four blocks, in which Aim is loaded, are left out."""
    whole = blocks[4 : len(blocks) // 2 * 2]
    both = zip(whole[::2], whole[1::2], strict=True)
    return [(b, a) if _is_on(index) else (a, b) for index, (a, b) in zip(range(4, len(blocks), 2), both, strict=False)]


def _is_on(block: int) -> bool:
    return block % 4 in (0, 3)


def main() -> int:
    """Train and tell."""
    arguments = _parse()
    if arguments.cores is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    registry = load_plugins()
    settings = [*arguments.settings, *_ALIKE, f"stages.operator.steps={arguments.steps}"]
    recipe = load_recipe(arguments.recipe, registry=registry, settings=settings, gpu=False).recipe
    switch, folder = Switch(), RunFolder.create(arguments.runs, f"run-{date.today()}-{os.getpid()}")
    run = Run(recipe=recipe, registry=registry, folder=folder, resume=False, report=_tell, listeners=[switch])
    try:
        run.execute()
    finally:  # a process that stays stopped would keep Aim's locks
        if (pid := tracker(os.getpid())) is not None:
            os.kill(pid, signal.SIGCONT)
    seconds = read_json(folder.evaluation)["cost"]["train_seconds"]
    taken = {"processor_seconds": switch.processor_seconds, "train_seconds": round(seconds, 1)}
    share = {"processor_share": round(switch.processor_seconds / seconds, 4)}
    print(json.dumps({**taken, **share, **summary(pairs(switch.blocks))}))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--steps", type=int, default=2000, help="of stage `operator` [2000]")
    parser.add_argument("--cores", type=int, help="that everything shares [all]")
    parser.add_argument("--runs", type=Path, default=Path("runs/tracking_cost"), help="folder of the run")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as in ups run")
    return parser.parse_args()


def _processor_seconds(pid: int) -> float:
    """User and system time of a process, as Linux tells it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def summary(measured: Sequence[tuple[float, float]]) -> Mapping[str, float | int]:
    """Share of a step's time that showing takes: the median over pairs, and a standard error of the mean over them."""
    shares = [shown / plain - 1 for plain, shown in measured]
    mean = sum(shares) / len(shares)
    spread = (sum((share - mean) ** 2 for share in shares) / (len(shares) - 1)) ** 0.5
    step = median(plain for plain, _ in measured)
    numbers = {"seconds_per_step": step, "share": median(shares), "standard_error": spread / len(shares) ** 0.5}
    return {"pairs": len(shares), **{name: round(number, 4) for name, number in numbers.items()}}


if __name__ == "__main__":
    sys.exit(main())
