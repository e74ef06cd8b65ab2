"""The conformance kit: whether a plugin keeps what the kinds promise.

    from ups_framework.testing import check_plugin

    def test_the_plugin_conforms() -> None:
        check_plugin("heat")

`ups plugins check NAME` is the same on the command line.
"""

from ups_framework.testing.plugin import Report, Result, check_plugin, examine_plugin

__all__ = ["Report", "Result", "check_plugin", "examine_plugin"]
