"""Variables that `--set` writes, where start-up code goes over them."""

from collections.abc import Callable

from run_harness import Running, guest


def test_a_variable_that_start_up_code_clears_is_told(start: Callable[..., Running]) -> None:
    set_to_3 = ("--set", "highest_status=3", "--set", "harts_expected=1")
    running = start(guest("hello"), *set_to_3, "--quiet", with_json=True)
    assert running.wait() == 0  # the status that it was set to is gone
    (warning,) = running.result["warnings"]
    assert warning.startswith("--set highest_status: it is in .bss, which start-up code clears")
    assert running.stderr == f"mttcg: warning: {warning}\n"
