"""RV64GC with machine mode: what the specification says, over the hart state in shared memory."""
