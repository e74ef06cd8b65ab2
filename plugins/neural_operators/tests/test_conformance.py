"""The plugin keeps what the kinds promise."""

from plugins.neural_operators.tests.networks import with_library, without_library
from ups_framework.plugins import load_plugins
from ups_framework.testing import check_plugin, examine_plugin


@with_library
def test_the_plugin_conforms() -> None:
    check_plugin("neural_operators")


@without_library
def test_without_the_library_only_the_fno_is_missing_and_says_what_to_install() -> None:
    (failure,) = examine_plugin("neural_operators", load_plugins()).failures
    assert failure.component == "operator fno"
    assert 'pip install "ups-neural-operators[fno]"' in str(failure.problem)
