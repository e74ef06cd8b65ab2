"""Aim's side of a run: its repository and its run, made once and found again."""

import atexit
import importlib
import logging
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

from ups_framework.runs.locks import in_turn

EXPERIMENT = "ups"
"""Name under which Aim groups the runs of all recipes."""

Aim = Any  # Aim is untyped


def import_aim() -> Aim:
    """The package, loaded on first use (0.7 s). Raises whatever a broken installation raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Aim uses an old name of SQLAlchemy
        aim = importlib.import_module("aim")
        cleaner = importlib.import_module("aim.ext.cleanup").AutoClean
    # Aim's exit hook starts a thread, which Python 3.12 refuses at exit: run its body in place.
    cleaner._registered_with_atexit = True
    for hook in (cleaner.cleanup, cleaner._cleanup):
        atexit.unregister(hook)
    atexit.register(cleaner._cleanup)
    # Aim warns that another process may be writing when a run goes on; our locks say that none is.
    logging.getLogger("aim.sdk.lock_manager").setLevel(logging.ERROR)
    return aim


def is_remote(repository: str) -> bool:
    """Whether it is the address of a server and no folder."""
    return repository.startswith("aim://")


def make_repository(aim: Aim, repository: str) -> None:
    """Make a folder's repository once: processes that make it at the same time break one another."""
    if is_remote(repository):
        return
    runs = Path(repository)
    runs.mkdir(parents=True, exist_ok=True)
    with in_turn(runs / ".aim.lock"):
        aim.Repo.from_path(repository, init=not (runs / ".aim" / "VERSION").exists())


def has_run(repository: str, run_hash: str) -> bool:
    """Whether a folder's repository holds a run; without loading Aim."""
    return (Path(repository) / ".aim/meta/chunks" / run_hash).exists()


def continued(aim: Aim, repository: str, run_hash: str) -> Aim:
    """The run of that name, going on; None if the repository does not have it."""
    try:
        return _run(aim, repository, run_hash)
    except importlib.import_module("aim.sdk.errors").MissingRunError:
        return None


def begun(aim: Aim, repository: str, started: datetime | None) -> Aim:
    """A new run. One that `started` earlier says so, in a folder's repository."""
    run = _run(aim, repository, None)
    if started is not None and not is_remote(repository):
        run.props._model.created_at = started.replace(tzinfo=None)
        run.props._session.add(run.props._model)
        run.props._session.commit()
    return run


def close(run: Aim, ended: datetime | None) -> None:
    """Show the run as ended, then or now."""
    if ended is not None:
        tree = run.meta_run_tree
        run._resources.set_run_end_time = lambda: tree.__setitem__("end_time", ended.timestamp())
    run.close()


def runs_of(aim: Aim, repository: str) -> Any:
    """All runs of a folder's repository for reading, indexed or not; Aim's index is not touched."""
    configuration = importlib.import_module("aim.sdk.repo").ContainerConfig("meta", None, True)
    repo = aim.Repo(repository)
    union = importlib.import_module("aim.storage.union").RocksUnionContainer
    repo.union = union(f"{repo.path}/meta", read_only=True)  # the pool holds it weakly
    repo.container_pool[configuration] = repo.union
    return list(repo.iter_runs())


def _run(aim: Aim, repository: str, run_hash: str | None) -> Aim:
    # Aim's own watching of the system and of the terminal is off: one breaks, the other replaces sys.stdout.write.
    return aim.Run(
        run_hash,
        repo=repository,
        experiment=EXPERIMENT,
        force_resume=run_hash is not None,
        system_tracking_interval=None,
        capture_terminal_logs=False,
        log_system_params=False,
    )
