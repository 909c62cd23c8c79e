"""Where an observed page has what: a predecoded page of code to which something is attached.

Behind what every predecoded page has are three more arrays, with as many bytes for each place as
the records have, so that what belongs to a record is at a fixed distance from it. Words of the
page's own stand behind them.
"""

from mttcg.tbcache.predecoded import PAGE_BYTES, PAGE_RECORDS, RECORD_BYTES

ARRAY_BYTES = PAGE_RECORDS * RECORD_BYTES

ENTRY = -(-PAGE_BYTES // RECORD_BYTES) * RECORD_BYTES
"""From a record to the function by which a block that begins there is entered."""
INSTRUCTION = ENTRY + 8
"""To the instruction's bits."""
EXTENT = ENTRY + 12
"""To what is known of the instruction and the block that begins with it, see below."""
OWN = ENTRY + ARRAY_BYTES
"""To the handler of an instruction whose record has another."""
INSTRUCTION_ROWS = OWN + 8
"""To the rows that are attached to the instruction, as `weave.packed` has them."""
BLOCK_ROWS = OWN + ARRAY_BYTES
"""To those of the block that begins there."""
INDEX = BLOCK_ROWS + ARRAY_BYTES
"""From the page's first record to what is added to a record's number for its word in a table."""
FIRST_ENTRY = INDEX + 8
"""To the function by which each block is entered for the first time."""
CHOSEN = INDEX + 16
"""To that by which blocks are entered afterwards that have nothing of their own attached."""
CHECKED = INDEX + 24
"""To whether each of the page's instructions may be one that can't be fetched, see `checked`."""
OBSERVED_BYTES = INDEX + 32

INSTRUCTIONS_BITS, LENGTH_BITS = 12, 3
ENDS_BIT = 1 << INSTRUCTIONS_BITS + LENGTH_BITS
BYTES_SHIFT = INSTRUCTIONS_BITS + LENGTH_BITS + 1
"""Of what is known of a place, 32 bits: the instructions of the block that begins there, the length
of its first one, whether that ends it, and the block's bytes."""
RECORD_NUMBER_SHIFT = RECORD_BYTES.bit_length() - 1
"""From a record's address to its number."""
