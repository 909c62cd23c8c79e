"""`python -m mttcg`: the same as the command `mttcg`."""

import sys

from mttcg.cli import main

if __name__ == "__main__":
    sys.exit(main())
