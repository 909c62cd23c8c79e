"""What the devices of a run did, read from the state that they share with the vCPUs."""

from collections.abc import Iterator
from typing import Any

from mttcg.hardware.devices.virtio.layout import BackWord, QueueWord, queue_word
from mttcg.processes.attachments import attachments
from mttcg.supervisor.run_state import RunState

COLUMNS = {
    "requests": QueueWord.REQUESTS,
    "failed": QueueWord.FAILED,
    "dropped": QueueWord.DROPPED,
    "bytes_from_guest": QueueWord.READ,
    "bytes_to_guest": QueueWord.WRITTEN,
}
"""Of the result, and the words that they are in."""


def device_rows(run: RunState) -> Iterator[dict[str, Any]]:
    """A row for each queue of each device; it counts also what a process had done that was killed.

    Bytes are of guest memory, which the device read, or wrote.
    """
    for attached in attachments(run.config, run.board):
        words = run.board.state_of(attached.row, run.machine.device_state).cast("Q")
        for queue in range(words[BackWord.QUEUES]):
            yield {
                "device": attached.row,
                "kind": attached.kind,
                "source": attached.source,
                "queue": queue,
                **{name: words[queue_word(queue, word)] for name, word in COLUMNS.items()},
            }
