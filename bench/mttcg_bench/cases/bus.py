"""The bus, without a guest: what one producer process and one reducer can pass on."""

from collections.abc import Iterator

from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.cases.figures import per_second
from mttcg_bench.model import Bar, Case, Side, Variant

LONG = {"records": 20_000_000}
THROUGHPUT = Case(
    name="bus.throughput",
    purpose="records of 32 bytes from one producer process to one numpy reducer, nothing lost",
    variants=(
        Variant("ring", "ring", settings=LONG),
        Variant("bus", "bus", settings=LONG),
    ),
    figures=(
        per_second("ring alone", "ring", "records", "seconds"),
        per_second("ring, publisher, subscriber", "bus", "records", "seconds"),
    ),
)


def records_case(name: str, how: str, borrow: bool, least: float, claim: str) -> Case:
    """Records of 16 bytes a second from one producer to one reducer."""
    settings = {"records": 200_000_000, "itemsize": 16, "borrow": borrow}
    return Case(
        name=f"bus.records-{name}",
        purpose=f"records of 16 bytes from one producer process to one numpy reducer, {how}",
        variants=(Variant(name, "bus", settings=settings),),
        figures=(per_second("records", name, "records", "seconds"),),
        bars=(Bar("records", Side.AT_LEAST, least, claim),),
    )


SHARED = "200 M records of 16 bytes a second from a producer to a reducer on the same host"
SOCKET = "40 M records of 16 bytes a second from a producer to a reducer through sockets"


def cases(_choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    yield THROUGHPUT
    yield records_case("shared", "read in the ring", borrow=True, least=200.0, claim=SHARED)
    yield records_case("socket", "sent as bytes", borrow=False, least=40.0, claim=SOCKET)
