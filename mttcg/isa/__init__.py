"""Guest instruction sets, one folder each: registers, decoding, atomics, traps."""
