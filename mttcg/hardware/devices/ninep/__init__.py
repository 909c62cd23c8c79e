"""A server of 9P2000.L, the protocol by which Linux mounts a folder of its host.

`wire.py` knows how messages are written, `fids.py` what a client has open, `attributes.py` what is
said of a file; `naming.py`, `content.py` and `session.py` have the operations, and `server.py`
finds the one that a message asks for. (Plan 9's intro(5); linux: include/net/9p/9p.h, and
diod's protocol.md for what ".L" adds.)
"""
