"""Who may subscribe: why a `hello` is refused, if it is."""

from collections.abc import Iterable

from mttcg_bus.publisher.peers import Peer
from mttcg_bus.wire import wire
from mttcg_bus.wire.limits import (
    HELLO_SECONDS,
    LARGEST_TOPIC,
    LEAST_CREDIT,
    MOST_HELLOS,
    MOST_SUBSCRIBERS,
)
from mttcg_bus.wire.policy import POLICIES, parse_policy


def why_not_now(peer: Peer, now: float, subscribers: int) -> str:
    """Say which bound one more subscriber would go beyond, now that there are so many; "" if none.

    peer: who says hello; this time is noted.
    """
    if not peer.may_say_hello(now):
        return f"hello too often; expected at most {MOST_HELLOS} within {HELLO_SECONDS} s"
    if subscribers >= MOST_SUBSCRIBERS:
        return f"there are {subscribers} subscribers already; expected fewer"
    return ""


def why_not(hello: wire.Hello, streams: Iterable[str], wanted: bool) -> str:
    """Say what is wrong with a `hello`, "" if nothing is.

    streams: names of those that there are. wanted: whether the prefixes fit one of them.
    """
    if hello.credit < LEAST_CREDIT:
        return f"credit of {hello.credit} bytes; expected at least {LEAST_CREDIT}"
    if hello.policy and parse_policy(hello.policy) is None:
        return f"policy {hello.policy!r}; expected {', '.join(POLICIES)}"
    if any(len(prefix.encode()) > LARGEST_TOPIC for prefix in hello.prefixes):
        return f"a prefix is too long; expected at most {LARGEST_TOPIC} bytes"
    if not (wanted or hello.later):
        names = ", ".join(streams) or "no stream"
        return f"no stream starts with {' or '.join(hello.prefixes)!r}; this run has {names}"
    return ""
