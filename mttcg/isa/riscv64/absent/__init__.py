"""Instructions and CSRs of extensions that this hart lacks, by name: for what it says of a trap.

Names and bits alone, as the unprivileged and the privileged specification have them; what there is
has its rows in `table`, with what it does.
"""
