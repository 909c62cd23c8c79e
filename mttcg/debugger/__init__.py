"""The remote protocol of GDB (GDB manual, appendix E), of no machine: what talks to a debugger."""
