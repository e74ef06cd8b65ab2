"""Work on several cores: all of it is done, and torch is left as it was."""

from collections.abc import Iterator

import pytest
import torch
from ups_burgers.workers import in_parallel

CPU = torch.device("cpu")


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_every_job_is_done_once_and_the_threads_are_set_back() -> None:
    assert sorted(in_parallel(lambda job: job**2, range(20), CPU)) == [(job, job**2) for job in range(20)]
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_an_operation_has_one_thread_meanwhile() -> None:
    assert {threads for _, threads in in_parallel(lambda job: torch.get_num_threads(), range(6), CPU)} == {1}


@pytest.mark.usefixtures("three_threads")
def test_a_job_that_fails_ends_the_work() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda job: 1 / job, range(3), CPU))
    assert torch.get_num_threads() == 3
