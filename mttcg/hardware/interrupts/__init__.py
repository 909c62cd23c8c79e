"""Interrupts: the ports through which they go, and the controllers, one file each."""
