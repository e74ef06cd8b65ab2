"""Kill a run with SIGKILL at random moments, resume it each time, and compare its end with an undisturbed run.

    python benchmarks/kill_and_resume.py recipes/burgers_phase4.toml --kills 20
    python benchmarks/kill_and_resume.py burgers:quick --set stages.operator.steps=300 --kills 20 --track

Prints one line a kill and exits with 1 if the two simulators differ in any bit. Both runs make their own data, so that
kills fall into every part of a run. With --track both are shown in Aim, and half of the kills hit what shows them too;
at the end Aim has to hold one run with each step of each series once, as the folder has it, and no lock may be left.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import torch
from aim_check import tracker, untrue

from ups_framework.runs.folder import RunFolder


def main() -> int:
    """Run, kill, resume, compare."""
    arguments = _parse()
    whole, seconds = _finish(arguments, "whole")
    killed = _kill_often(arguments, seconds)
    differing = [name for name, tensor in whole.items() if not torch.equal(tensor, killed[name])]
    print(f"{arguments.kills} kills: {len(whole) - len(differing)} of {len(whole)} tensors are equal to the last bit")
    problems = untrue(RunFolder(arguments.folder / "killed" / "run")) if arguments.track else []
    print("\n".join(problems), end="\n" * bool(problems))
    return 1 if differing or problems else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments at which the run is killed")
    parser.add_argument("--folder", type=Path, default=Path("runs/kill_and_resume"))
    parser.add_argument("--track", action="store_true", help="show the runs in Aim, and look at what it holds")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as in ups run")
    return parser.parse_args()


def _command(arguments: argparse.Namespace, name: str) -> list[str]:
    track = f"tracking.aim={str(arguments.track).lower()}"
    settings = [*arguments.settings, track, f"data_folder={arguments.folder / name / 'data'}"]
    runs = arguments.folder / name
    resume = ["--resume"] if (runs / "run").exists() else []
    options = [option for setting in settings for option in ("--set", setting)]
    ups = Path(sys.executable).with_name("ups")
    return [str(ups), "run", str(arguments.recipe), "--runs", str(runs), "--name", "run", *resume, *options]


def _finish(arguments: argparse.Namespace, name: str) -> tuple[dict[str, torch.Tensor], float]:
    """Run to the end; the simulator's tensors and how long it took."""
    started = time.monotonic()
    subprocess.run(_command(arguments, name), check=True, stdout=subprocess.DEVNULL)
    payload = torch.load(arguments.folder / name / "run" / "simulator.pt", weights_only=True)
    return payload["state"], time.monotonic() - started


def _kill_often(arguments: argparse.Namespace, seconds: float) -> dict[str, torch.Tensor]:
    """Kill the run `kills` times, each after a random time that leaves some of them nothing and most some progress."""
    chance = random.Random(arguments.seed)
    kills = 0
    while kills < arguments.kills:
        patience = chance.expovariate(1 / (min(10.0, seconds / 2) + seconds / arguments.kills))
        process = subprocess.Popen(
            _command(arguments, "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            _, errors = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            both = tracker(process.pid) if arguments.track and chance.random() < 0.5 else None
            for pid in filter(None, (process.pid, both)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.communicate()
            kills += 1
            print(f"kill {kills} after {patience:.1f} s{', with what shows it in Aim' * bool(both)}", flush=True)
            continue
        if process.returncode:
            raise SystemExit(f"a resumed run failed:\n{errors}")
    return _finish(arguments, "killed")[0]


if __name__ == "__main__":
    sys.exit(main())
