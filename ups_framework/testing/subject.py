"""A component about to be checked on one problem."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ups_framework.api import LatentSize, SpecError
from ups_framework.border import PASSING, reason
from ups_framework.engine.randomness import seeded
from ups_framework.recipe import from_plain
from ups_framework.registry import KINDS, Component, Registry

if TYPE_CHECKING:
    from ups_framework.testing.settings import Laboratory, Setting

WITH_LATENT = ("encoder", "operator", "latent_transform", "decoder")
"""Kinds whose `build` takes the size of the latent."""


@frozen(kw_only=True, eq=False)
class Subject:
    """A spec, and a problem that it can be built for."""

    component: Component
    """What is checked."""

    spec: Any  # kinds share no `build`
    """Made from the example."""

    setting: "Setting"
    """The problem, with trajectories."""

    latent: LatentSize
    """A size that the component takes."""

    def build(self, seed: int = 0) -> Any:  # kinds build different things
        """What the spec builds, under weights drawn from a seed."""
        with seeded(self.setting.device, seed, "conformance"):
            if self.component.kind in WITH_LATENT:
                return self.spec.build(self.setting.problem, self.latent)
            return self.spec.build(self.setting.problem)


def spec_of(component: Component, registry: Registry) -> Any:  # any kind's
    """The spec that the defaults and the example make. RecipeError if they make none."""
    plain = {"use": component.qualified, **component.spec.example}
    return from_plain(plain, KINDS[component.kind].api, registry)


def subjects_of(component: Component, laboratory: "Laboratory") -> tuple[list[Subject], str, str]:
    """The component on each problem that it suits, why it suits none of the others, and where `build` broke down.

    Problems of the plugin's own datasets and of the kit come first; only a component that suits none of them is tried
    on those of other plugins.
    """
    spec = spec_of(component, laboratory.registry)
    refused: dict[str, None] = {}
    broken: dict[str, None] = {}
    for settings in (laboratory.own_settings, laboratory.other_settings):
        subjects = []
        for setting in settings():
            for latent in _sizes(component, setting):
                subject = Subject(component=component, spec=spec, setting=setting, latent=latent)
                try:
                    subject.build()
                except SpecError as error:
                    refused[f"{setting.name}: {error}"] = None
                    continue
                except PASSING:
                    raise
                except BaseException as error:  # a stranger's code runs here, and may raise anything
                    broken[f"{setting.name}: {reason(error)}"] = None
                    continue
                subjects.append(subject)
                break
        if subjects:
            return subjects, "", "; ".join(broken)
    missing = [f"dataset {name} cannot be made" for name in laboratory.unusable]
    return [], "; ".join([*missing, *refused, *broken]) or "there is no problem to build it for", "; ".join(broken)


def _sizes(component: Component, setting: "Setting") -> Sequence[LatentSize]:
    """Latents to try: patches of four points along each axis, then one token a point."""
    if component.kind not in WITH_LATENT:
        return (setting.latent,)
    points = setting.problem.grid.num_points
    whole = LatentSize(tokens=points, width=setting.problem.num_channels)
    return (setting.latent, LatentSize(tokens=points, width=16), whole)
