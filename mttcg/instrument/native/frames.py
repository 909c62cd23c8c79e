"""The frames of native operations: words, private to a vCPU process, that translated code shares.

An operation that runs another one only sometimes (see `conditions`) has one, and so has an emitter
of records (see `emitters`).
"""

FLAGS, FUNCTION, DATA = range(3)
"""Words of an operation to be run once: address of the flag, or of a flag for each block; what to
run."""
CONDITION, CONDITION_DATA = 3, 4
"""Words of one with a condition, after the same three: the condition's function and data."""
CONDITION_WORDS = 5
WAYS = 0
"""Of one for some instructions alone, in the place of the flag's: which bits say what they do."""
SCOPE_MASK, SCOPE_WANTED, CONTEXT_AT = 3, 4, 5
"""Words of one with a scope, in the place of the condition's: the scope, and where the hart's state
has the context."""
SCOPED_WORDS = 6

(
    RING,  # address of the ring's header
    RECORDS,  # address of its first record
    MASK,  # its capacity - 1
    BATCH_MASK,  # its batch - 1
    ITEMSIZE,
    CPU,
    SLOW,  # function that waits for space for so many records, and its data
    SLOW_DATA,
    WRITE,  # address of write(2), the publisher's eventfd, and the address of what is written there
    DOORBELL,
    ONE,
    SCRATCH,  # address of room for MOST_RECORDS, written when there is no space
    CURSOR,  # address of the next record; 0 if no window is open
    LIMIT,  # address after the window
    START,  # address of the first record of the window that is not counted yet
    LOST,  # 1 if the window is in the scratch area
    CONTEXT,  # address of the hart's context
) = range(17)
EMITTER_WORDS = 17
HOW_BITS, HOW_MASK = 8, 0xFF
"""Of an access's `how`, see `plan.Operation`: what was done; above it, when it began."""
REGISTER_MASK, JUMPS, BRANCHES, TAKEN = 0xFF << 32, 1 << 40, 1 << 41, 1 << 42
"""Of what is said after an instruction, see `plan.Operation`: the register that it wrote; whether
it always goes elsewhere; whether it is a branch, and went elsewhere."""
MOST_TICKS = (1 << 32) - 1
MOST_RECORDS = 1024
"""Records that a window is opened for, at most."""
