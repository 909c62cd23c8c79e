"""Instructions that go over a page's end, where what is behind it in memory is another page."""

from pathlib import Path

import pytest
from instrument_harness import ENGINE, plugin, run_guest


@pytest.mark.skipif(ENGINE == "unicorn", reason="Unicorn translates no addresses")
@pytest.mark.parametrize("plugins", [(), ("icount",), ("hotblocks", plugin("five_ways"))])
def test_every_count_is_exact_whatever_comes_behind_the_page(
    own_guests: dict[str, Path], plugins: tuple[str, ...]
) -> None:
    done = run_guest(own_guests["straddle"], *plugins)
    assert done.in_order, done.result.failures
    assert done.result.vcpus[0].traps == 21
    bare = run_guest(own_guests["straddle"], check=False)
    assert bare.in_order
    assert (bare.result.vcpus[0].instructions, bare.result.vcpus[0].blocks) == (
        done.result.vcpus[0].instructions,
        done.result.vcpus[0].blocks,
    )
