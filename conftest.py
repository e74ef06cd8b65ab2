"""For all tests: one thread each, since they run beside one another and torch's threads spin while they wait."""

import os
from typing import Any

import pytest
import torch
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start

TOGETHER = {
    "plugins/burgers/tests/test_dataset.py",
    "plugins/physics_priors/tests/test_effects.py",
    "tests/cli/test_explain.py",
    "tests/end_to_end/test_example_plugin.py",
    "tests/end_to_end/test_stopped_runs.py",
    "tests/engine/test_latent_effects.py",
    "tests/runs/test_again.py",
    "tests/runs/test_bench.py",
}
"""Files whose tests share what takes long to make: one worker runs each. All other tests go to whoever is free."""


class _FilesOrTests(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return file if file in TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:  # a logger of py's own
    """How `pytest -n` shares the tests out."""
    assert all((config.rootpath / file).exists() for file in TOGETHER)
    return _FilesOrTests(config, log)
