"""How much of a core this process had while it measured: times of a busy machine are not those of an idle one."""

import time

from ups_framework.cli.loading import warn

_BUSY = 0.8
"""Part of a core: a process that gets less while it computes shares it."""


class CoreShare:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._wall, self._own = time.perf_counter(), time.process_time()

    def warn_if_low(self) -> None:
        """Say so, on stderr, if the process had to share a core since."""
        had = (time.process_time() - self._own) / (time.perf_counter() - self._wall)
        if had < _BUSY:
            warn(f"the machine is busy: this process had {had:.0%} of a core; on an idle one all is faster")
