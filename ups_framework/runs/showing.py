"""One folder shown in one Aim run: opened, kept up to date and closed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs

from ups_framework.runs import aim_run
from ups_framework.runs.aim_link import AimLink, read_link, write_link
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.locks import exclusive_folder
from ups_framework.runs.mirror import Mirror
from ups_framework.runs.status import read_status

Aim = Any  # Aim is untyped
Report = Callable[[str], None]


@contextmanager
def shown(aim: Aim, repository: str, folder: RunFolder, report: Report) -> Iterator[Mirror]:
    """The folder's Aim run, open for writing and begun if need be; shown as ended when the block is left.

    Two processes that show one folder wait for one another. `report` is told if Aim has lost the run.
    """
    with exclusive_folder(folder.path):
        aim_run.make_repository(aim, repository)
        run, link = _opened(aim, repository, folder, report)
        write_link(folder, link)
        mirror = Mirror(aim, run, folder, link)
        try:
            yield mirror
        finally:
            aim_run.close(run, _time(folder, "ended"))
            if folder.path.exists():
                write_link(folder, attrs.evolve(mirror.link, ended=True))


def repository_of(runs: str, address: str | None) -> str:
    """Where runs are shown: a server, or the folder of all runs itself."""
    return os.path.abspath(runs) if address is None else address


def _opened(aim: Aim, repository: str, folder: RunFolder, report: Report) -> tuple[Aim, AimLink]:
    link = read_link(folder)
    if link is not None and aim_run.is_remote(repository) == aim_run.is_remote(link.repository):
        run = aim_run.continued(aim, repository, link.run_hash)
        if run is not None:
            return run, _here(link, repository, folder)
        report(f"Aim has no run {link.run_hash} any more: {folder.path} is shown anew, from its beginning")
    run = aim_run.begun(aim, repository, _time(folder, "started"))
    return run, AimLink(run_hash=run.hash, repository=repository, name=folder.name)


def _here(link: AimLink, repository: str, folder: RunFolder) -> AimLink:
    """The link as it goes on; what says name and place is shown again where they have changed."""
    moved = (link.name, link.repository) != (folder.name, repository)
    seen = {name: seen for name, seen in link.seen.items() if not moved or name != folder.recipe.name}
    return attrs.evolve(link, name=folder.name, repository=repository, ended=False, seen=seen)


def _time(folder: RunFolder, name: str) -> datetime | None:
    """When the run's last process began or ended, if the run says so."""
    text = read_status(folder).get(name)
    return datetime.fromisoformat(text) if text else None
