"""The framework's own components keep what the kinds promise."""

from ups_framework.testing import check_plugin


def test_the_plugin_conforms() -> None:
    check_plugin("builtin")
