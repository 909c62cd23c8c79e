"""Virtio 1.2 devices behind virtio-mmio (OASIS "Virtual I/O Device (VIRTIO) Version 1.2").

A device has two halves, which share the row's state (`layout.py`). Its *front*, the registers
(`transport.py`), runs in the vCPU that accesses them. Its *back end* serves the queues in the
device process: `backend.py` is what all have, a module each what one kind of device does.
"""
