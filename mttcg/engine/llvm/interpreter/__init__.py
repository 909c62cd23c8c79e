"""A native interpreter, made from the rows of an ISA's instruction table.

It is one more meaning of `Operations`: the words emit one handler for each row, whose operands are
not in the code but in predecoded records. A handler ends in a jump to the next one, by a musttail
call. To translated pages it is code like any other, which can begin anywhere.

It lies beside the translator because it is emitted by the same parts: arithmetic, floating point,
accesses and atomics are those of translated code.
"""
