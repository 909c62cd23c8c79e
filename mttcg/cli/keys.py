"""`mttcg keys`: the keys that a bus beyond this machine needs; and the options that name them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mttcg.errors import OptionError
from mttcg.terminal import say

if TYPE_CHECKING:
    from mttcg_bus.wire.security import Security


class KeysVerb:
    """The verb `keys`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's one argument."""
        parser.add_argument(
            "file", metavar="FILE", type=Path, help="a new file; its public key goes to FILE.pub"
        )

    def run(self, args: argparse.Namespace) -> int:
        """Write the two files."""
        from mttcg_bus.wire.security import make_keys

        beside = make_keys(args.file)
        say(f"{args.file}: keep it secret")
        say(f"{beside}: give it to the other side")
        return 0


def add_client_keys(parser: argparse.ArgumentParser) -> None:
    """Add the options of a subscriber's keys, and of its token."""
    parser.add_argument(
        "--keys", metavar="FILE", type=Path, help="keys of this subscriber (see mttcg keys)"
    )
    parser.add_argument(
        "--server", metavar="FILE", type=Path, help="public key of the run that has the bus"
    )
    parser.add_argument(
        "--token", metavar="FILE", type=Path, help="token of the bus, if it is not found by itself"
    )


def client_security(args: argparse.Namespace) -> "Security | None":
    """Read the keys, or the token, that the options name; OptionError for what does not fit."""
    if args.token is not None:
        if args.keys is not None or args.server is not None:
            raise OptionError("--token", "there are keys, too", "keys or a token")
        from mttcg_bus.wire.security import ClientToken

        return ClientToken.read(args.token)
    if args.keys is None and args.server is None:
        return None
    if args.keys is None or args.server is None:
        given, absent = ("--keys", "--server") if args.server is None else ("--server", "--keys")
        raise OptionError(given, f"there is no {absent}", "both or neither")
    from mttcg_bus.wire.security import ClientSecurity, read_keys, read_public

    return ClientSecurity(read_keys(args.keys), read_public(args.server))
