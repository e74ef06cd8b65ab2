"""Where a run ran: versions, machine, repository and command line."""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ups_framework.plugins import distributions
from ups_framework.runs.records import Record

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OMP_PROC_BIND", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")


def environment(plugins: Sequence[str]) -> Record:
    """Everything about this process that may change a run's numbers; `plugins` are the names of those loaded."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cpu_count": os.cpu_count(),
        "devices": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "threads": {name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ},
        "plugins": list(plugins),
        "distributions": distributions(),
        "git": _git(),
        "folder": str(Path.cwd()),
        "command": list(sys.argv),
    }


def device_name() -> str:
    """The GPU that runs use, or the processor where there is none."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else _processor()


def code_in_words(record: Record) -> str:
    """`1a2b3c4`, or `1a2b3c4 with changes` where files differed from that commit, of what `environment` recorded."""
    git = record.get("git")
    return f"{git['commit'][:7]}{' with changes' if git['dirty'] else ''}" if git else "of no repository"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git() -> dict[str, object] | None:
    """Commit of the current folder and whether files differ from it; None outside a repository with a commit."""
    commit = _run_git("rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": bool(_run_git("status", "--porcelain"))}


def _run_git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None  # no git, no repository or no commit: the record says null
    return done.stdout.strip()
