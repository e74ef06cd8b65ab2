"""What the networks do: shifts, resolutions, conditions, sizes, keys."""

import importlib
from typing import Any

import attrs
import pytest
import torch
from ups_neural_operators.convnet import ConvNet
from ups_neural_operators.fno import FNO
from ups_neural_operators.resnet import ResNet
from ups_neural_operators.unet import UNet

from plugins.neural_operators.tests.networks import (
    advanced,
    built,
    problem_of,
    size_of,
    smooth_fields,
    with_library,
    without_library,
)
from ups_framework.api import LatentSize, Operator, SpecError

NETS = [
    pytest.param(FNO(modes=4, channels=6, layers=2), marks=with_library, id="fno"),
    pytest.param(UNet(channels=4, levels=2), id="unet"),
    pytest.param(ResNet(channels=5, blocks=2, dilations=(1, 2)), id="resnet"),
    pytest.param(ConvNet(channels=5, layers=2), id="convnet"),
]
each_net = pytest.mark.parametrize("net", NETS)


@each_net
@pytest.mark.parametrize("shape", [(16,), (16, 8), (8, 8, 8)])
def test_shifting_a_periodic_field_shifts_what_becomes_of_it(net: Operator, shape: tuple[int, ...]) -> None:
    """By 4 points, which is 2^levels of the U-Net; the others by any."""
    problem = problem_of(*shape)
    module, fields = built(net, problem), smooth_fields(problem)
    by, dims = [4] * len(shape), list(range(1, 1 + len(shape)))

    def shifted(values: torch.Tensor) -> torch.Tensor:
        moved: torch.Tensor = values.unflatten(1, shape).roll(by, dims).flatten(1, len(shape))
        return moved

    after = advanced(module, fields, problem)
    assert float((after - fields).abs().max()) > 1e-3
    assert torch.allclose(advanced(module, shifted(fields), problem), shifted(after), atol=1e-5)


@each_net
def test_between_walls_a_shift_is_seen(net: Operator) -> None:
    problem = problem_of(16, boundary="dirichlet")
    module = built(net, problem)
    bump = torch.zeros(1, 16, 1)
    bump[0, 4:8] = 1.0
    one, other = advanced(module, bump, problem), advanced(module, bump.roll(4, 1), problem)
    assert not torch.allclose(one.roll(4, 1), other, atol=1e-3)


@with_library
def test_an_fno_gives_the_same_function_on_a_finer_grid() -> None:
    """Its weights belong to waves: what is left is aliasing, which falls with the resolution."""
    off = []
    module = built(FNO(modes=4, channels=6, layers=2), problem_of(32))
    for points in (16, 32, 64):
        coarse, fine = problem_of(points), problem_of(4 * points)
        after = advanced(module, smooth_fields(coarse), coarse)
        there = advanced(module, smooth_fields(fine), fine)[:, ::4]
        off.append(float((after - there).norm() / (there - smooth_fields(coarse)).norm()))
    assert off[2] < 1e-3
    assert off[0] > 3 * off[1] or off[1] < 1e-4
    local = built(ResNet(channels=5, blocks=2), problem_of(64))
    coarse, fine = problem_of(64), problem_of(256)
    change = advanced(local, smooth_fields(coarse), coarse) - advanced(local, smooth_fields(fine), fine)[:, ::4]
    assert float(change.norm()) > 0.0


@with_library
@torch.no_grad()
def test_modes_beyond_those_of_the_fno_pass_its_spectral_weights_by() -> None:
    """`modes = 4` are waves 0 … 3."""
    problem = problem_of(64)
    module = built(FNO(modes=4, channels=6, layers=1), problem)
    convolution = module.get_submodule("net.blocks.convs.0")
    x = 2 * torch.pi * problem.grid.points()[:, 0]
    bias = convolution(torch.zeros(1, 6, 64))
    inside = convolution((3 * x).sin().expand(1, 6, -1)) - bias
    outside = convolution((4 * x).sin().expand(1, 6, -1)) - bias
    assert float(inside.abs().max()) > 0.1
    assert float(outside.abs().max()) < 1e-5


@with_library
def test_the_fno_is_the_librarys_own() -> None:
    """The same weights in `neuralop.models.FNO` give the same numbers."""
    models = importlib.import_module("neuralop.models")
    problem = problem_of(16, 16)
    module = built(FNO(modes=3, channels=6, layers=2, predicts="state"), problem)
    library = models.FNO(
        n_modes=(6, 4), in_channels=3, out_channels=1, hidden_channels=6, n_layers=2, positional_embedding=None
    )
    own = {name.removeprefix("net."): value for name, value in module.state_dict().items()}
    with torch.no_grad():
        for name, parameter in library.named_parameters():
            mine = name.replace("fno_blocks", "blocks")
            if mine.startswith("blocks.convs"):
                mine = mine.replace(".weight.tensor", ".convolution.weight.parts").replace(".bias", ".convolution.bias")
            value = own[mine]
            parameter.copy_(torch.view_as_complex(value) if parameter.is_complex() else value)
        fields = smooth_fields(problem)
        conditions = torch.tensor([0.0, 0.3]).expand(2, 256, 2)
        inputs = torch.cat([fields, conditions], dim=-1).transpose(1, 2).unflatten(-1, (16, 16))
        expected = library(inputs).flatten(2).transpose(1, 2)
    assert torch.allclose(advanced(module, fields, problem), expected, atol=1e-5)


@with_library
def test_the_fnos_weights_are_real_and_its_ffts_in_float32_under_autocast() -> None:
    problem = problem_of(32)
    module = built(FNO(modes=4, channels=6), problem)
    assert not any(parameter.is_complex() for parameter in module.parameters())
    exact = advanced(module, smooth_fields(problem), problem)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = advanced(module, smooth_fields(problem), problem)
    assert float((rough - exact).abs().max()) < 0.05 * float(exact.abs().max())


@each_net
def test_parameters_and_time_step_are_conditions(net: Operator) -> None:
    problem = problem_of(16)
    module, fields = built(net, problem), smooth_fields(problem)
    plain = advanced(module, fields, problem)
    assert not torch.allclose(advanced(module, fields, problem, parameter=-0.9), plain, atol=1e-4)
    assert not torch.allclose(advanced(module, fields, problem, dt=2.0), plain, atol=1e-4)


@each_net
def test_untrained_a_change_is_nothing_and_a_state_is_something_else(net: Any) -> None:
    problem = problem_of(16)
    fields, size = smooth_fields(problem), size_of(problem)
    assert torch.equal(advanced(net.build(problem, size), fields, problem), fields)
    direct = attrs.evolve(net, predicts="state").build(problem, size)
    assert not torch.allclose(advanced(direct, fields, problem), fields, atol=0.1)


OTHER_VALUES = {
    "channels": 7,
    "layers": 3,
    "blocks": 3,
    "modes": 3,
    "levels": 1,
    "dilations": (1, 4),
    "activation": "gelu",
    "predicts": "state",
}


@each_net
def test_each_key_changes_what_becomes_of_a_field(net: Any) -> None:
    problem = problem_of(16)
    fields = smooth_fields(problem)
    before = advanced(built(net, problem), fields, problem)
    for key in attrs.fields_dict(type(net)):
        changed = built(attrs.evolve(net, **{key: OTHER_VALUES[key]}), problem)
        assert not torch.allclose(advanced(changed, fields, problem), before), key


def test_dilations_are_how_far_a_block_reaches() -> None:
    problem = problem_of(64)
    bump = torch.zeros(1, 64, 1)
    bump[0, 32] = 1.0
    for dilations, reach in (((1, 1), 2), ((1, 2, 4, 2, 1), 10)):
        module = built(ResNet(channels=8, blocks=1, dilations=dilations, activation="gelu"), problem)
        change = advanced(module, bump, problem) - advanced(module, 0 * bump, problem)
        touched = (change[0, :, 0].abs() > 1e-9).nonzero()[:, 0]
        assert int(touched.min()) >= 32 - reach
        assert int(touched.max()) <= 32 + reach
        assert int(touched.max() - touched.min()) > reach


@pytest.mark.parametrize(
    ("net", "parameters"),
    [
        (ResNet(), 32_995),
        (ResNet(channels=24), 28_153),
        (ResNet(channels=32, blocks=2, dilations=(1, 2, 4, 2, 1)), 31_201),
        (ConvNet(), 31_961),
        (UNet(), 25_825),
        pytest.param(FNO(), 35_479, marks=with_library),
        pytest.param(FNO(channels=16), 28_081, marks=with_library),
    ],
)
def test_sizes_are_those_that_the_docstrings_state(net: Operator, parameters: int) -> None:
    problem = problem_of(160)
    module = net.build(problem, size_of(problem))
    assert sum(parameter.numel() for parameter in module.parameters()) == parameters
    assert f"{parameters:,}" in str(type(net).__doc__)


@pytest.mark.parametrize(
    ("net", "field"),
    [
        (FNO(modes=9), "modes"),
        (UNet(levels=5), "levels"),
        (ResNet(dilations=(1, 17)), "dilations"),
    ],
)
def test_what_does_not_fit_the_grid_is_refused(net: Operator, field: str) -> None:
    with pytest.raises(SpecError) as caught:
        net.build(problem_of(16), size_of(problem_of(16)))
    assert caught.value.field == field


def test_tokens_that_are_no_grid_points_are_refused() -> None:
    for net in (FNO(), UNet(), ResNet(), ConvNet()):
        with pytest.raises(SpecError, match="should be 16") as caught:
            net.build(problem_of(16), LatentSize(tokens=4, width=64))
        assert caught.value.field == "latent.tokens"


@without_library
def test_without_the_library_the_fno_says_what_to_install() -> None:
    with pytest.raises(SpecError, match=r"pip install \"ups-neural-operators\[fno\]\""):
        FNO().build(problem_of(32), size_of(problem_of(32)))
