"""The toy ISA comes from another package; a process reads the instructions of its run."""

from collections.abc import Iterator

import pytest
from toy_isa import assemble
from toy_llvm import INTERPRETED, LLVM
from toy_system import TOY

from mttcg.engine.isa_part import NoPartError, isa_part
from mttcg.engine.llvm.interpreter.interpreted_isa import interpreted_isa
from mttcg.engine.unicorn.left_to_host import left_to_host
from mttcg.instrument import disassemble, instruction_class, is_interprocessor, register_name
from mttcg.instrument.program.guest_isa import guest_isa, use_isa
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.registry import DEFAULT, UnknownIsaError, isa_named, isa_of_machine
from mttcg.tbcache.left_to_host import NOTHING_LEFT


@pytest.fixture
def no_run() -> Iterator[None]:
    """Before and behind the test, this process has no run."""
    use_isa("")
    yield
    use_isa("")


def test_the_registry_has_what_other_packages_announce() -> None:
    assert isa_named("toy") is TOY
    assert isa_of_machine(TOY.elf_machine) is TOY


def test_an_engine_has_its_part_of_it_or_none() -> None:
    assert isa_part("llvm", TOY) is LLVM
    assert interpreted_isa(TOY) is INTERPRETED
    with pytest.raises(NoPartError, match=r"no entry point toy in the group mttcg.isas.unicorn"):
        isa_part("unicorn", TOY)
    assert left_to_host(TOY) is NOTHING_LEFT


@pytest.mark.usefixtures("no_run")
def test_instructions_are_those_of_the_run_and_of_the_default_without_one() -> None:
    assert guest_isa().name == DEFAULT
    jump = assemble("jump", 5, immediate=8)
    assert disassemble(jump, 0)[0][2] != "jump"
    assert is_interprocessor(3)
    use_isa("toy")
    assert disassemble(jump, 0) == [(0, 4, "jump")]
    assert instruction_class(int.from_bytes(jump, "little")) is InstructionClass.CALL
    assert register_name(5) == "r5"
    assert not is_interprocessor(3)


@pytest.mark.usefixtures("no_run")
def test_an_isa_that_is_not_here_is_an_error_when_it_is_asked() -> None:
    use_isa("elsewhere")
    with pytest.raises(UnknownIsaError, match="no instruction set 'elsewhere'"):
        register_name(1)
