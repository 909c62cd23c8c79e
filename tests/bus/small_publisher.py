"""A publisher with other bounds: `small_publisher.py NAME=VALUE,... FD`."""

import sys

from mttcg_bus.wire import limits

for _bound in filter(None, sys.argv[1].split(",")):
    _name, _value = _bound.split("=")
    assert hasattr(limits, _name)
    setattr(limits, _name, int(_value))  # before anybody imports it

from mttcg_bus.publisher.publisher import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(int(sys.argv[2])))
