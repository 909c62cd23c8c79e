"""The address of a Dask scheduler, and what has to protect the way to it.

Whoever can talk to a scheduler can run programs on its workers, and a scheduler can run programs
here: so beyond this machine only TLS with certificates on both sides will do.
"""

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mttcg.campaign.errors import ExtraMissingError, SchedulerError
from mttcg_bus.wire.address import is_loopback

if TYPE_CHECKING:
    from distributed import Client

URL = re.compile(r"(tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
EXPECTED = "expected tcp://127.0.0.1:PORT or tls://HOST:PORT"
CONNECT_SECONDS = 10
PORT_MAX = 65535


@dataclass(frozen=True)
class Scheduler:
    """Where a scheduler is, and the files of TLS, in PEM: authorities, certificate and key of ours.

    What is None comes from Dask's own configuration (`distributed.comm.tls`), if that has it.
    Raises SchedulerError for an address that is not one, or not safe.
    """

    url: str
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be, before anything is sent."""
        found = URL.fullmatch(self.url)
        if found is None or int(found[3]) > PORT_MAX:
            raise SchedulerError(self.url, f"it is not an address; {EXPECTED}")
        if found[1] == "tcp" and not is_loopback(found[2]):
            wrong = "it reaches beyond this machine, and tcp:// is not protected"
            raise SchedulerError(
                self.url, f"{wrong}; expected tls:// with --tls-ca, --tls-cert and --tls-key"
            )
        if found[1] == "tcp" and any((self.ca, self.cert, self.key)):
            raise SchedulerError(self.url, "tcp:// has no certificates; expected tls://")
        for option, path in (("ca", self.ca), ("cert", self.cert), ("key", self.key)):
            if path is not None and not path.is_file():
                raise SchedulerError(self.url, f"--tls-{option}: there is no file {path}")

    def connect(self) -> "Client":
        """Connect to it; SchedulerError if that can't be, ExtraMissingError without distributed."""
        try:
            from distributed import Client
        except ImportError as error:
            raise ExtraMissingError("--scheduler", "distributed") from error
        security = self._security()
        try:
            if security is None:  # TLS would make a failed handshake of it
                self._knock()
            return Client(
                self.url,
                security=security,
                timeout=CONNECT_SECONDS,
                set_as_default=False,
                name="mttcg-campaign",
            )
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            raise SchedulerError(self.url, f"nobody to talk to ({reason_of(error)})") from error

    def _knock(self) -> None:
        """Find out at once that nobody listens; Dask would go on trying."""
        host, _, port = self.url.partition("://")[2].rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS):
            pass

    def _security(self) -> Any:
        from distributed.security import Security

        if not self.url.startswith("tls:"):
            return None
        given = {
            "tls_ca_file": self.ca,
            "tls_client_cert": self.cert,
            "tls_client_key": self.key,
        }
        security = Security(
            require_encryption=True,
            **{name: str(path) for name, path in given.items() if path is not None},
        )
        for option, value in (("ca", security.tls_ca_file), ("cert", security.tls_client_cert)):
            if value is None:
                raise SchedulerError(
                    self.url, f"there is no --tls-{option}, nor one in Dask's configuration"
                )
        return security


def reason_of(error: BaseException) -> str:
    """Give the first line of an error, or of what caused it: the innermost says most."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]
