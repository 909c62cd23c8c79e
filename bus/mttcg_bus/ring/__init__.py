"""Records in shared memory, from one producer to one consumer, and where they went."""
