"""Functions that only a Linux guest calls are refused where there is none."""

from types import ModuleType

import pytest

from mttcg.errors import PluginError
from mttcg.instrument.api.options import parse_spec
from mttcg.instrument.loading.loader import Plugin
from mttcg.instrument.loading.plugin_functions import (
    KERNEL_FUNCTIONS,
    OF_THE_KERNEL,
    check_kernel,
)


def plugin_with(name: str) -> Plugin:
    module = ModuleType("seen")
    setattr(module, name, print)
    return Plugin("seen", parse_spec("seen"), module, None)


def test_each_of_them_has_its_place_in_the_kernel() -> None:
    assert KERNEL_FUNCTIONS.keys() == OF_THE_KERNEL.keys()


@pytest.mark.parametrize(("name", "symbol"), KERNEL_FUNCTIONS.items())
def test_they_need_a_kernel_with_names(name: str, symbol: str) -> None:
    check_kernel(plugin_with(name), {symbol: 1})
    check_kernel(plugin_with("plugin_trap"), {})
    with pytest.raises(PluginError) as caught:
        check_kernel(plugin_with(name), {"main": 1})
    expected = f"plugin seen: its {name} is called at the kernel's {symbol}, which the guest does"
    assert str(caught.value).startswith(expected)
