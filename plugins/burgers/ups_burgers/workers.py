"""Work on all cores at once."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_parallel(
    work: Callable[[Job], Result], jobs: Sequence[Job], device: torch.device
) -> Generator[tuple[Job, Result], None, None]:
    """Jobs and their results in the order in which they end; as many at a time as torch has threads, one on a GPU.

    Torch runs without the interpreter's lock, so that threads suffice. Meanwhile each operation gets one thread
    instead of all, which is several times faster for arrays of this size. That is set back when the generator ends or
    is closed.
    """
    threads = torch.get_num_threads()
    num_workers = 1 if device.type == "cuda" else threads
    left = list(reversed(jobs))
    running: dict[Future[Result], Job] = {}
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(num_workers)
    try:
        while left or running:
            while left and len(running) < num_workers:
                job = left.pop()
                running[pool.submit(work, job)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
