"""The plugin keeps what the kinds promise."""

from ups_framework.testing import check_plugin


def test_the_plugin_conforms() -> None:
    check_plugin("navier_stokes")
