"""`mttcg images`: guests that can be had ready, such as a distribution's kernel."""

import argparse
import sys
from pathlib import Path

from mttcg.images.apt import KEYRING, MIRROR
from mttcg.images.catalogue import (
    CACHE,
    FIRMWARE,
    IMAGES,
    INITRD,
    KERNEL,
    ImageRow,
    folder_of,
    get,
    is_current,
    is_there,
    make,
    row_of,
)
from mttcg.terminal import tell


class ImagesVerb:
    """The verb `images`: `list` them, or `get` one."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add what is to be done."""
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        listing = actions.add_parser("list", help="list the images, and which are there")
        getting = actions.add_parser("get", help="fetch an image's packages, and make its files")
        for each in (listing, getting):
            each.add_argument(
                "--cache",
                metavar="DIR",
                type=Path,
                default=CACHE,
                help="where images are kept (%(default)s)",
            )
        getting.add_argument("name", metavar="NAME", help=" or ".join(IMAGES))
        getting.add_argument("--mirror", metavar="URL", default=MIRROR, help="(%(default)s)")
        getting.add_argument(
            "--keyring",
            metavar="FILE",
            type=Path,
            default=KEYRING,
            help="keys that the mirror's index is signed by (%(default)s)",
        )
        getting.add_argument(
            "--module",
            metavar="NAME",
            action="append",
            default=[],
            help="a further module of the kernel; may be given more than once",
        )
        getting.add_argument(
            "--if-needed",
            action="store_true",
            help="do nothing if the image is there as this version makes it",
        )
        getting.add_argument(
            "--packages",
            metavar="DIR",
            type=Path,
            help="fetch nothing: the image's .deb files are in DIR",
        )

    def run(self, args: argparse.Namespace) -> int:
        """Do it; ImageError or PackageError for what goes wrong."""
        cache = args.cache.expanduser()
        if args.action == "list":
            print_images(cache)
            return 0
        row = row_of(args.name)
        if args.if_needed and is_current(row, cache, args.module):
            folder = folder_of(row, cache)
        elif args.packages is not None:
            folder = make(row, cache, sorted(args.packages.glob("*.deb")), args.module)
        else:
            tell(f"{row.name}: fetching packages from {args.mirror}")
            options = {"mirror": args.mirror, "keyring": args.keyring, "modules": args.module}
            folder = get(row, cache, **options)
        tell(f"{row.name} is in {folder}; run it with")
        tell(f"  mttcg run --kernel {folder / KERNEL} --initrd {folder / INITRD} --memory 512M")
        tell(f"or on OpenSBI, with --bios {folder / FIRMWARE} as well")
        return 0


def print_images(cache: Path) -> None:
    """Print a table of the images."""
    from mttcg.cli.render import make_console
    from mttcg.cli.report import rows_table

    rows = [
        {
            "name": row.name,
            "what it is": row.summary,
            "where": place_of(row, cache),
        }
        for row in IMAGES.values()
    ]
    console = make_console(sys.stdout)
    for part in rows_table(rows, limit=len(rows)):
        console.print(part)


def place_of(row: ImageRow, cache: Path) -> str:
    """Where an image is, in words."""
    if not is_there(row, cache):
        return "not fetched"
    old = "" if is_current(row, cache) else " (made by another version; get it again)"
    return f"{folder_of(row, cache)}{old}"
