"""What encoders, operators and decoders promise alike, as torch modules."""

from collections.abc import Callable, Iterator, Sequence

import attrs
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ups_framework.numerics.random import generator
from ups_framework.testing.checks import Check, distance, shape_problems
from ups_framework.testing.subject import Subject

Run = Callable[[Subject, nn.Module, torch.dtype], Sequence[Tensor]]
"""Calls a module on the subject's fields in a precision; the tensors that come out, each with the batch in front."""


def built(subject: Subject, seed: int = 0) -> nn.Module:
    """The module, out of training mode."""
    module: nn.Module = subject.build(seed)
    return module.eval()


def awake(subject: Subject, module: nn.Module) -> nn.Module:
    """The module with noise in parameters that are zero: an untrained operator changes nothing."""
    draw = generator(0, "conformance", "wake")
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=draw))
    return module


def module_checks(run: Run) -> tuple[Check, ...]:
    """The checks for a kind whose modules are called in this way."""

    def is_a_module_without_lazy_parameters(subject: Subject) -> Iterator[str]:
        """`build` gives a torch module whose parameters all have a shape."""
        module = subject.build()
        if not isinstance(module, nn.Module):
            yield f"build gives {type(module).__name__}, which is no torch module"
            return
        for name, parameter in [*module.named_parameters(), *module.named_buffers()]:
            if is_lazy(parameter):
                yield f"{name} is lazy: it has no shape, and no weights that a seed decides, before the first use"

    def gives_every_parameter_a_gradient(subject: Subject) -> Iterator[str]:
        """Parameters that start at zero get a little noise first; a module may have none."""
        module = awake(subject, built(subject))
        if not any(True for _ in module.parameters()):
            return
        outputs = run(subject, module, torch.float32)
        weights = [torch.linspace(0.5, 1.5, output.numel()).reshape(output.shape) for output in outputs]
        total = sum(((output - 0.3) ** 2 * weight).sum() for output, weight in zip(outputs, weights, strict=True))
        if not isinstance(total, Tensor) or not total.requires_grad:
            yield "no gradient flows through it"
            return
        total.backward()
        for name, parameter in module.named_parameters():
            if parameter.grad is None or not bool(parameter.grad.any()):
                yield f"parameter {name} gets no gradient: it is never used, or cut off"

    def works_in_float64(subject: Subject) -> Iterator[str]:
        """After `module.double()`, with the same values to 1e-3."""
        module = awake(subject, built(subject))
        single = run(subject, module, torch.float32)
        double = run(subject, module.double(), torch.float64)
        for first, second in zip(single, double, strict=True):
            yield from shape_problems("what it gives", second, tuple(first.shape), torch.float64)
            if distance(first.double(), second) > 1e-3:
                yield f"in float64 it differs by {distance(first.double(), second):.2g} of its size"

    def is_restored_by_its_state_dict(subject: Subject) -> Iterator[str]:
        """A module of another seed with the same `state_dict` gives the same numbers to the last bit."""
        module, other = awake(subject, built(subject, seed=0)), built(subject, seed=1)
        other.load_state_dict(module.state_dict())
        pairs = zip(run(subject, module, torch.float32), run(subject, other, torch.float32), strict=True)
        if not all(torch.equal(first, second) for first, second in pairs):
            yield "a second one with the same state_dict gives other numbers: keep all that matters in buffers"

    def treats_samples_one_by_one(subject: Subject) -> Iterator[str]:
        """What it gives for a sample does not depend on the others of its batch."""
        module = awake(subject, built(subject))
        for together, alone in zip(
            run(subject, module, torch.float32), run(_first_sample(subject), module, torch.float32), strict=True
        ):
            if distance(together[:1], alone) > 1e-4:
                yield "what it gives for a sample depends on the other samples of the batch"

    return (
        is_a_module_without_lazy_parameters,
        gives_every_parameter_a_gradient,
        works_in_float64,
        is_restored_by_its_state_dict,
        treats_samples_one_by_one,
    )


def _first_sample(subject: Subject) -> Subject:
    trajectories = subject.setting.trajectories
    first = attrs.evolve(trajectories, values=trajectories.values[:1], parameters=trajectories.parameters[:1])
    return attrs.evolve(subject, setting=attrs.evolve(subject.setting, trajectories=first))
