"""Semihosting: what a guest asks of its host by a sequence of instructions, without a device."""
