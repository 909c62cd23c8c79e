"""Where an observed page has what: a predecoded page of code to which something is attached.

Behind what every predecoded page has are three more arrays, with as many bytes for each place as
the records have, so that what belongs to a record is at a fixed distance from it. A word of the
page's own stands behind them.
"""

from mttcg.tbcache.predecoded import PAGE_BYTES, PAGE_RECORDS, RECORD_BYTES

ARRAY_BYTES = PAGE_RECORDS * RECORD_BYTES

ENTRY = -(-PAGE_BYTES // RECORD_BYTES) * RECORD_BYTES
"""From a record to the function by which a block that begins there is entered."""
INSTRUCTION = ENTRY + 8
"""To the instruction's bits."""
EXTENT = ENTRY + 12
"""To what is known of the instruction and the block that begins with it, see `extent_of`."""
OWN = ENTRY + ARRAY_BYTES
"""To the handler of an instruction whose record has another."""
INSTRUCTION_ROWS = OWN + 8
"""To the rows that are attached to the instruction, as `weave.packed` has them."""
BLOCK_ROWS = OWN + ARRAY_BYTES
"""To those of the block that begins there."""
INDEX = BLOCK_ROWS + ARRAY_BYTES
"""From the page's first record to what is added to a record's number for its word in a table."""
OBSERVED_BYTES = INDEX + 8

INSTRUCTIONS_BITS, LENGTH_BITS = 12, 4
BYTES_SHIFT = INSTRUCTIONS_BITS + LENGTH_BITS
RECORD_NUMBER_SHIFT = RECORD_BYTES.bit_length() - 1
"""From a record's address to its number."""
OBSERVED = 1
"""Set in a row of the frame's table of pages if the page is an observed one."""


def extent_of(instructions: int, size: int, length: int) -> int:
    """32 bits: of a block its instructions, of its first one the length, and the block's bytes."""
    return instructions | length << INSTRUCTIONS_BITS | size << BYTES_SHIFT
