"""What a plugin's code raised, in one line that leads there."""

import traceback
from pathlib import Path

import torch

_NOT_THE_PLUGIN = (str(Path(__file__).parents[1]), str(Path(torch.__file__).parent))
"""Folders of code that a plugin calls."""


def reason(error: Exception) -> str:
    """Type and text, and the last line of a plugin that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    strangers = [frame for frame in frames if not frame.filename.startswith(_NOT_THE_PLUGIN)]
    frame = (strangers or list(frames))[-1]
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]} ({Path(frame.filename).name}, line {frame.lineno})"
