"""What a training step costs whatever runs it: operations counted, bytes held and moved."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from attrs import frozen
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count


@frozen(kw_only=True)
class StepCosts:
    """Counts of one step."""

    flops: int
    """Floating-point operations of matrix products, convolutions and attention, forward and backward."""

    optimizer_flops: int
    """The same in the optimisers: AdamW has none, Muon makes matrices orthogonal."""

    operations: int
    """Operations on tensors, each of which takes some time however small the tensors are."""

    parameter_bytes: int
    """Weights of all parts."""

    gradient_bytes: int
    """Gradients of what is trained."""

    optimizer_bytes: int
    """Moments of the optimisers."""

    activation_bytes: int
    """The most that forward passes keep for a backward pass at a time: those of one accumulated batch."""

    written_activation_bytes: int
    """What all forward passes of the step keep."""

    @property
    def held_bytes(self) -> int:
        """Least memory of a step: weights, their moving average, gradients, moments and activations."""
        return 2 * self.parameter_bytes + self.gradient_bytes + self.optimizer_bytes + self.activation_bytes

    @property
    def moved_bytes(self) -> int:
        """Least that is read and written: 2 P + 7 G + 2 M + 2 A, whatever a cache may save.

        Weights P are read forward and backward. What is trained has the size of its gradients G: these are written and
        read, the weights read and written, and read once more with their average, which is read and written. Moments M
        are read and written, activations A written and read.
        """
        weights = 2 * self.parameter_bytes + 7 * self.gradient_bytes
        return weights + 2 * self.optimizer_bytes + 2 * self.written_activation_bytes


def counted(
    gradients: Callable[[], None],
    update: Callable[[], None],
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
) -> StepCosts:
    """Run both halves of a step of a model that is not compiled, and count."""
    kept = _Kept({tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())})
    flops, optimizer_flops = (FlopCounterMode(display=False, custom_mapping=dict(_ON_CPU)) for _ in range(2))
    operations = _Operations()
    with flops, operations, torch.autograd.graph.saved_tensors_hooks(kept.keep, kept.give):
        gradients()
    with optimizer_flops, operations:
        update()
    moments = [value for each in optimizers for state in each.state.values() for value in state.values()]
    return StepCosts(
        flops=flops.get_total_flops(),
        optimizer_flops=optimizer_flops.get_total_flops(),
        operations=operations.count,
        parameter_bytes=_bytes(model.parameters()),
        gradient_bytes=_bytes(parameter.grad for parameter in model.parameters()),
        optimizer_bytes=_bytes(moments),
        activation_bytes=kept.most,
        written_activation_bytes=kept.written,
    )


class _Kept:
    """How large the storages are that autograd keeps, each counted once; weights are there anyway."""

    def __init__(self, weights: set[int]) -> None:
        self._weights = weights
        self._now: set[int] = set()
        self._in_backward = False
        self._bytes = self.most = self.written = 0

    def keep(self, tensor: Tensor) -> Tensor:
        """A forward pass keeps a tensor; what earlier backward passes have read is gone."""
        if self._in_backward:
            self._now.clear()
            self._in_backward, self._bytes = False, 0
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._weights and storage.data_ptr() not in self._now:
            self._now.add(storage.data_ptr())
            self._bytes += storage.nbytes()
            self.written += storage.nbytes()
            self.most = max(self.most, self._bytes)
        return tensor

    def give(self, tensor: Tensor) -> Tensor:
        """A backward pass reads it again."""
        self._in_backward = True
        return tensor


def _bytes(tensors: Iterable[Tensor | None]) -> int:
    return sum(tensor.nbytes for tensor in tensors if isinstance(tensor, Tensor))


class _Operations(TorchDispatchMode):
    """Counts operations that do something: views only say how to look."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not say
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # as torch has it
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def _attention(q: Any, k: Any, v: Any, *args: Any, **kwargs: Any) -> int:  # shapes, and what else torch gives
    return int(sdpa_flop_count(q, k, v))


def _attention_backward(out: Any, q: Any, k: Any, v: Any, *args: Any, **kwargs: Any) -> int:  # likewise
    return int(sdpa_backward_flop_count(out, q, k, v))


_ON_CPU: Mapping[Any, Callable[..., int]] = {  # keys of torch's own table
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
"""Attention on the CPU, which the table of torch lacks."""
