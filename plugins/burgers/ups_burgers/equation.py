"""What the parts of this plugin that know one equation only ask of a problem."""

from ups_framework.api import Problem, SpecError

NAME = "burgers"
"""Name of the problem; its first parameter is the viscosity ν of u_t + (u²/2)_x = (ν/π) u_xx."""


def require_burgers(problem: Problem) -> None:
    """SpecError on `use` if the problem is another one."""
    if problem.name != NAME:
        raise SpecError("use", f"knows Burgers' equation only, but the data is about {problem.name!r}")
