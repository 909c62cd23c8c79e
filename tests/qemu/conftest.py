from __future__ import annotations

import pytest
from qemu import NotAvailable, Qemu


@pytest.fixture(scope="session")
def qemu(tmp_path_factory: pytest.TempPathFactory) -> Qemu:
    try:
        return Qemu(tmp_path_factory.mktemp("qemu"))
    except NotAvailable as reason:
        pytest.skip(str(reason))
