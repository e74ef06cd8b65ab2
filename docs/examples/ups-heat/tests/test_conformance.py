"""The plugin keeps what the framework's kinds promise."""

from ups_framework.testing import check_plugin


def test_the_plugin_conforms() -> None:
    check_plugin("heat")
