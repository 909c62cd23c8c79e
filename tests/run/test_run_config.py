"""The Config of a run in the last processes that have one; this file is also a plugin of the run.

As that it has the processes write down what they were given.
"""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from mttcg import Machine
from mttcg.config import Config
from mttcg.instrument import Stream

MADE = []
"""What keeps the stream of the plugin."""


def plugin_init(options: Any) -> None:
    """In the vCPU host: let what makes its children's work write down their Config."""
    from mttcg.processes import translator_process, vcpu_process

    MADE.append(Stream("words", [("word", "<u8")]))
    for module, name in ((vcpu_process, "VcpuProcess"), (translator_process, "make_translator")):
        setattr(module, name, telling(getattr(module, name)))


def telling(make: Any) -> Any:
    """What makes something, and writes the first Config among its arguments beside the record."""

    def made(*given: Any) -> Any:
        process = make(*given)
        [config] = [value for value in given if isinstance(value, Config)]
        assert config.record is not None
        name = f"{type(process).__name__}{getattr(process, 'index', '')}"
        config.record.with_name(name).write_text(repr(config), encoding="utf-8")
        return process

    return made


def test_every_process_has_the_config_of_the_machine(tmp_path: Path) -> None:
    guest = Path(__file__).parents[2] / "examples" / "guests" / "hello.elf"
    config = Config(
        guest,
        smp=2,
        memory=32 << 20,
        code_cache=16 << 20,
        code_store=tmp_path / "code",
        plugins=(__file__,),
        bus=f"ipc://{tmp_path}/bus",
        symbols_set={"harts_expected": 2},
        args="one two",
        semihosting_files=tmp_path,
        pin=True,
        aggregate=False,
        interim=7.5,
        policies={f"{Path(__file__).stem}.words": "drop"},
        stall_limit=3,
        stop_on_trap_loop=True,
        quiet=True,
        control=True,
        record=tmp_path / "record",
        record_limit=1 << 20,
        json=tmp_path / "json",
        html=tmp_path / "html",
    )
    machine = Machine(config)
    assert machine.config == config
    result = machine.run(console=BytesIO())
    assert (result.exit_status, result.failures) == (0, [])
    for name in ("VcpuProcess0", "VcpuProcess1", "TranslatorProcess"):
        assert (tmp_path / name).read_text(encoding="utf-8") == repr(config)


def test_a_machine_takes_a_config_with_changes(tmp_path: Path) -> None:
    guest = Path(__file__).parents[2] / "examples" / "guests" / "hello.elf"
    config = Config(guest, smp=2, engine="unicorn")
    assert Machine(config, smp=3).config == replace(config, smp=3)
    assert Machine(str(guest), smp=2, engine="unicorn").config == config
