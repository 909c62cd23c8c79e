"""The snapshot of --snapshot-at, over a run that is none: who stands until it is taken."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mttcg.config import Config
from mttcg.memory.address import Virtual
from mttcg.snapshot.errors import SnapshotError
from mttcg.supervisor.control.control import RunControl
from mttcg.supervisor.control.planned_snapshot import PlannedSnapshot
from mttcg.supervisor.failures import Failures
from mttcg.supervisor.tasks import Task
from mttcg.vcpu.protocol.orders import ChangeStops, GoOn, Order
from mttcg.vcpu.protocol.stop_point import Motion, Reason
from mttcg.vcpu.protocol.vcpu_messages import HartStopped

PLACE = Virtual(0x8000_0000)
STOPPED = HartStopped(Reason.BREAKPOINT, PLACE, Virtual(0))


class Control:
    """Keeps the tasks that it is given, and what vCPUs are ordered."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.orders: list[Order] = []
        self.debugger: Any = None
        self.loading = None
        self.run = SimpleNamespace(harts=SimpleNamespace(count=2))
        self.watch = SimpleNamespace(
            order=lambda make: self.orders.append(make(len(self.orders))),
            standstill=None,
            files=SimpleNamespace(any_open=lambda: ""),
            failures=Failures(),
        )

    def begin(self, task: Task, _reply: Callable[..., None]) -> None:
        self.tasks.append(task)

    def hart_stopped(self, cpu: int) -> None:
        RunControl.hear(cast(RunControl, self), cpu, STOPPED)


@pytest.fixture
def control(tmp_path: Path) -> Control:
    made = Control()
    config = Config(Path("guest.elf"), snapshot=tmp_path / "a.snap", snapshot_at="place")
    PlannedSnapshot(cast(RunControl, made), config, PLACE)
    return made


def let_go(control: Control) -> None:
    """Check that stops were taken away once, and then all went on."""
    assert [type(order) for order in control.orders] == [ChangeStops, GoOn]
    change, going = control.orders
    assert [p.address for p in cast(ChangeStops, change).removed] == [PLACE]
    assert cast(GoOn, going).ways == (Motion.GO,) * 2


def test_all_harts_that_come_stand_until_it_is_taken(
    control: Control, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def take(_snapshots: Any, path: Path, taken: Callable[[], None]) -> Task:
        yield lambda: True  # the harts are about to stand
        taken()
        return {"file": str(path), "bytes": 7}

    monkeypatch.setattr("mttcg.supervisor.snapshots.snapshots.Snapshots.take", take)
    control.hart_stopped(0)
    (task,) = control.tasks
    next(task)
    control.hart_stopped(1)
    assert control.orders == [] and len(control.tasks) == 1
    with pytest.raises(StopIteration):
        next(task)
    let_go(control)
    control.hart_stopped(1)  # it was there before it was told to stop there no more
    assert len(control.orders) == 2 and control.debugger is None
    assert "a.snap at place: 7 bytes" in capsys.readouterr().err


def test_harts_go_on_if_it_can_not_be_taken(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(_snapshots: Any, path: Path, _taken: Callable[[], None]) -> Task:
        yield lambda: True
        raise SnapshotError(path, "No space left on device", "room for it")

    monkeypatch.setattr("mttcg.supervisor.snapshots.snapshots.Snapshots.take", take)
    control.hart_stopped(0)
    control.hart_stopped(1)
    (task,) = control.tasks
    with pytest.raises(SnapshotError):
        list(task)
    let_go(control)
