"""How long things take on a machine that may be busy, with a device that may be behind; nothing waits within them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from attrs import Factory, define, field

from ups_framework.engine.estimate import Clock


@define(eq=False)
class Stopwatch:
    """Time by named parts of some code: each moment counts for the innermost part that is open.

    On a GPU parts are told by events in its stream, so that nothing waits while they are taken. (The profiler of torch
    notes every operation, which slows small ones by more than they take; hooks of modules are compiled with them.)
    """

    _device: torch.device
    _clock: Clock = time.perf_counter
    _open: list[str] = field(init=False, default=Factory(list))
    _times: list[tuple[str, float]] = field(init=False, default=Factory(list))
    _events: list[tuple[str, torch.cuda.Event]] = field(init=False, default=Factory(list))

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What runs inside is of this part, but for parts inside it."""
        self._mark()
        self._open.append(name)
        try:
            yield
        finally:
            self._mark()
            self._open.pop()

    @property
    def runs(self) -> bool:
        """Whether a part is open."""
        return bool(self._open)

    def read(self) -> dict[str, float]:
        """Seconds in each part since the last read, which it forgets."""
        wait(self._device)
        pairs = zip(self._times, self._times[1:], strict=False)
        spans = [(name, after - before) for (_, before), (name, after) in pairs]
        events = zip(self._events, self._events[1:], strict=False)
        spans += [(name, before.elapsed_time(after) / 1000) for (_, before), (name, after) in events]
        total: dict[str, float] = {}
        for name, span in spans:
            if name:
                total[name] = total.get(name, 0.0) + span
        self._times.clear()
        self._events.clear()
        return total

    def _mark(self) -> None:
        """Since the last mark it was the innermost open part's time; nobody's where none is open."""
        name = self._open[-1] if self._open else ""
        if self._device.type != "cuda":
            self._times.append((name, self._clock()))
            return
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self._events.append((name, event))


def seconds_in_turn(
    calls: Sequence[Callable[[int], None]], rounds: int, warm_up: int = 1, clock: Clock = time.perf_counter
) -> list[list[float]]:
    """What each call took in each round, first and last in turn, so that a busy machine slows all alike.

    Calls are given the number of their round; those before 0 warm up and are not timed.
    """
    found: list[list[float]] = [[] for _ in calls]
    for turn in range(-warm_up, rounds):
        for which in range(len(calls)) if turn % 2 == 0 else reversed(range(len(calls))):
            took = seconds(partial(calls[which], turn), clock)
            if turn >= 0:
                found[which].append(took)
    return found


def seconds(call: Callable[[], None], clock: Clock = time.perf_counter) -> float:
    """What a call takes, with what it leaves to a GPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    wait(device)
    started = clock()
    call()
    wait(device)
    return clock() - started


def wait(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
