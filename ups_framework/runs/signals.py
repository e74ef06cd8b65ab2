"""Being asked to stop, by Ctrl-C, SIGTERM or a closed terminal: a question that training asks after every step."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HEARD = b"\nstopping at the end of this step, with a checkpoint; once more stops at once, without\n"


class Stopper:
    """Remembers that somebody asked to stop."""

    def __init__(self) -> None:
        self._asked = False
        self._patient = False

    def asked(self) -> bool:
        """Whether a signal has come."""
        return self._asked

    @contextmanager
    def between_steps(self) -> Iterator[None]:
        """Inside the block the first signal waits for `asked`; outside it, and on the second one, it interrupts."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked or not self._patient:
            raise KeyboardInterrupt
        self._asked = True
        with suppress(OSError):  # nobody may read any more
            os.write(2, _HEARD)  # whoever is interrupted may be printing: no stream of Python's


@contextmanager
def stop_signals() -> Iterator[Stopper]:
    """Listen to SIGINT, SIGTERM and SIGHUP inside the block; what is ignored, as SIGHUP by `nohup`, stays so."""
    stopper = Stopper()
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stopper._on_signal) for number in heard}
    try:
        yield stopper
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
