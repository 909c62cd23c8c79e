"""The bounds of all that one side of the bus can make grow at the other: one table.

PROTOCOL.md shows it, in the words of `WORDS`. What is beyond a bound is refused, cut or given up,
as is said there.
"""

# what is read at once

LARGEST_TOPIC = 256
LARGEST_HEADER = 64 << 10
LARGEST_PAYLOAD = 64 << 20
LONGEST_HEADER_LIST = 1024
LARGEST_PACKET = 4096
LONGEST_NAME = 100
LONGEST_REASON = 1000

LARGEST_TOKEN_FILE = 4096

# what a run publishes

LARGEST_BATCH = 1 << 20
LARGEST_RECORD = 4096
MOST_FIELDS = 64
MOST_PARTS = 1 << 16

# what a publisher keeps

LEAST_CREDIT = 64 << 10
"""With less, a message would hold few records."""
MOST_CREDIT = 64 << 20
"""A larger credit counts as this one, which is also what our own subscribers give."""
MOST_UNACKNOWLEDGED = 1 << 30
"""For all subscribers together. Beyond it each may have one batch."""
MOST_BATCHES = 4096
MOST_SUBSCRIBERS = 1024
MOST_CONNECTIONS = 2048
MOST_LENDING = 256
MOST_QUESTIONS = 64
MOST_COMMANDS = 64
MOST_UNREAD = 8192
"""More than the batches that may be unacknowledged; what else there is waits for its turn."""
MOST_UNHEARD = 256
MOST_ANSWERS = 256 << 20
UNREAD_SECONDS = 60
FAREWELL_SECONDS = 1
MOST_HELLOS = 16
HELLO_SECONDS = 10
LONGEST_PAUSE = 3_600_000

# what a run keeps

MOST_DEPARTURES = 256

# what a subscriber keeps

MOST_RECEIVED = 1 << 17
"""More than a publisher that keeps to the bounds can have sent to one that reads nothing."""

WORDS = {
    "LARGEST_TOPIC": "bytes of a topic, and of a prefix",
    "LARGEST_HEADER": "bytes of a header",
    "LARGEST_PAYLOAD": "bytes of a payload",
    "LONGEST_HEADER_LIST": "elements of a list in a header, and so prefixes of a subscriber",
    "LARGEST_PACKET": "bytes of a packet at the Unix socket",
    "LONGEST_NAME": "characters of a `name`",
    "LONGEST_REASON": "characters of a `reason`, and of an `error`",
    "LARGEST_TOKEN_FILE": "bytes of a file with a token that are read",
    "LARGEST_BATCH": "bytes of records in one `batch`",
    "LARGEST_RECORD": "bytes of a record",
    "MOST_FIELDS": "fields of a record",
    "MOST_PARTS": "streams times vCPUs of a run",
    "LEAST_CREDIT": "credit of a subscriber, at least",
    "MOST_CREDIT": "credit of a subscriber",
    "MOST_UNACKNOWLEDGED": "bytes of records that all subscribers together have unacknowledged",
    "MOST_BATCHES": "batches that one subscriber has unacknowledged",
    "MOST_SUBSCRIBERS": "subscribers",
    "MOST_CONNECTIONS": "connections to the ROUTER",
    "MOST_LENDING": "connections to the Unix socket",
    "MOST_QUESTIONS": "open questions for a snapshot",
    "MOST_COMMANDS": "commands under way",
    "MOST_UNREAD": "messages queued towards one peer",
    "MOST_UNHEARD": "messages queued from one peer, at the publisher",
    "MOST_ANSWERS": "bytes of answers queued towards all peers",
    "UNREAD_SECONDS": "seconds that an answer may wait for its peer to read it",
    "FAREWELL_SECONDS": "seconds that a `goodbye` may wait for its peer to read it",
    "MOST_HELLOS": "`hello`s of one connection within the time below",
    "HELLO_SECONDS": "seconds for so many `hello`s",
    "LONGEST_PAUSE": "milliseconds that `pause` waits for",
    "MOST_DEPARTURES": "subscribers that have left, kept one by one",
    "MOST_RECEIVED": "messages queued at a subscriber",
}
"""What each bound is of."""

CUT = "…"
"""What a text ends with that was longer than its bound."""


def cut(text: str, longest: int) -> str:
    """Return `text`, or as much of it as fits into `longest` characters with a mark at its end."""
    return text if len(text) <= longest else text[: longest - len(CUT)] + CUT
