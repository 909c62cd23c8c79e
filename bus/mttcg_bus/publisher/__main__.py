"""The publisher's process: `python -m mttcg_bus.publisher FD`, see `publisher.main`."""

import sys

from mttcg_bus.publisher.publisher import main

sys.exit(main(int(sys.argv[1])))
