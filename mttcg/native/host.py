"""Raw memory, atomics and calls for numba: the words that its own language lacks.

All addresses are host addresses as integers. Loads and stores are single and aligned; `store64`
releases, so what was written before it is seen by who loads the new value (on x86-64 any load
acquires).
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

I32, I64 = ir.IntType(32), ir.IntType(64)
VOID = ir.VoidType()


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


@intrinsic
def read64(_context: Any, address: Any) -> Any:
    """The 64 bits at an address to which nobody writes meanwhile."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(_pointer(builder, args[0], I64))

    return types.uint64(types.uint64), build


@intrinsic
def load64(_context: Any, address: Any) -> Any:
    """The 64 bits at an address."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load_atomic(_pointer(builder, args[0], I64), "acquire", 8)

    return types.uint64(types.uint64), build


@intrinsic
def store64(_context: Any, address: Any, value: Any) -> Any:
    """Store 64 bits at an address, after everything that was stored before."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _pointer(builder, args[0], I64), "release", 8)
        return cgutils.get_null_value(I64)

    return types.uint64(types.uint64, types.uint64), build


@intrinsic
def load32(_context: Any, address: Any) -> Any:
    """The 32 bits at an address, zero-extended."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.zext(builder.load_atomic(_pointer(builder, args[0], I32), "acquire", 4), I64)

    return types.uint64(types.uint64), build


@intrinsic
def store32(_context: Any, address: Any, value: Any) -> Any:
    """Store 32 bits at an address, after everything that was stored before."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        value = builder.trunc(args[1], I32)
        builder.store_atomic(value, _pointer(builder, args[0], I32), "release", 4)
        return cgutils.get_null_value(I64)

    return types.uint64(types.uint64, types.uint64), build


@intrinsic
def load16(_context: Any, address: Any) -> Any:
    """The 16 bits at an address, zero-extended."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.zext(builder.load(_pointer(builder, args[0], ir.IntType(16))), I64)

    return types.uint64(types.uint64), build


@intrinsic
def load8(_context: Any, address: Any) -> Any:
    """The byte at an address, zero-extended."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.zext(builder.load(_pointer(builder, args[0], ir.IntType(8))), I64)

    return types.uint64(types.uint64), build


@intrinsic
def store8(_context: Any, address: Any, value: Any) -> Any:
    """Store a byte at an address."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = ir.IntType(8)
        builder.store(builder.trunc(args[1], kind), _pointer(builder, args[0], kind))
        return cgutils.get_null_value(I64)

    return types.uint64(types.uint64, types.uint64), build


def _read_modify_write(operation: str, kind: Any) -> Any:
    @intrinsic
    def atomic(_context: Any, address: Any, value: Any) -> Any:
        def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
            value = args[1] if kind is I64 else builder.trunc(args[1], kind)
            old = builder.atomic_rmw(operation, _pointer(builder, args[0], kind), value, "seq_cst")
            return old if kind is I64 else builder.sext(old, I64)

        return types.uint64(types.uint64, types.uint64), build

    return atomic


swap32, swap64 = _read_modify_write("xchg", I32), _read_modify_write("xchg", I64)
add32, add64 = _read_modify_write("add", I32), _read_modify_write("add", I64)
xor32, xor64 = _read_modify_write("xor", I32), _read_modify_write("xor", I64)
and32, and64 = _read_modify_write("and", I32), _read_modify_write("and", I64)
or32, or64 = _read_modify_write("or", I32), _read_modify_write("or", I64)
min32, min64 = _read_modify_write("min", I32), _read_modify_write("min", I64)
max32, max64 = _read_modify_write("max", I32), _read_modify_write("max", I64)
minu32, minu64 = _read_modify_write("umin", I32), _read_modify_write("umin", I64)
maxu32, maxu64 = _read_modify_write("umax", I32), _read_modify_write("umax", I64)


def _compare_and_swap(kind: Any) -> Any:
    @intrinsic
    def compare_and_swap(_context: Any, address: Any, expected: Any, value: Any) -> Any:
        def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
            old, new = args[1], args[2]
            if kind is not I64:
                old, new = builder.trunc(old, kind), builder.trunc(new, kind)
            pair = builder.cmpxchg(_pointer(builder, args[0], kind), old, new, "seq_cst", "seq_cst")
            return builder.extract_value(pair, 1)

        return types.boolean(types.uint64, types.uint64, types.uint64), build

    return compare_and_swap


compare_and_swap32, compare_and_swap64 = _compare_and_swap(I32), _compare_and_swap(I64)


@intrinsic
def full_fence(_context: Any) -> Any:
    """Order every earlier access before every later one."""

    def build(_ctx: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        builder.fence("seq_cst")
        return cgutils.get_null_value(I64)

    return types.uint64(), build


def _clock(name: str, result: Any) -> Any:
    @intrinsic
    def clock(_context: Any) -> Any:
        def build(_ctx: Any, builder: Any, _signature: Any, _args: Any) -> Any:
            function = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(result, []), name
            )
            answer = builder.call(function, [])
            return answer if result is I64 else builder.extract_value(answer, 0)

        return types.uint64(), build

    return clock


clock_before = _clock("llvm.readcyclecounter", I64)
"""The time-stamp counter, read before anything later is seen by others (RDTSC)."""
clock_after = _clock("llvm.x86.rdtscp", ir.LiteralStructType([I64, I32]))
"""The time-stamp counter, read after all earlier loads and atomics are over (RDTSCP)."""


def _call(result: Any, *arguments: Any) -> Any:
    """A call through a function's address, with the given LLVM types.

    Numba keeps booleans and integers in 64 bits here; narrower arguments are cut.
    """
    signature = ir.FunctionType(result, list(arguments))

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        function = builder.inttoptr(args[0], signature.as_pointer())
        given = [
            builder.trunc(value, kind) if kind.width < 64 else value
            for value, kind in zip(args[1:], arguments, strict=True)
        ]
        answer = builder.call(function, given)
        return cgutils.get_null_value(I64) if isinstance(result, ir.VoidType) else answer

    return build


@intrinsic
def call_engine(_context: Any, function: Any, engine: Any) -> Any:
    """Call `int f(engine)`, such as uc_emu_stop."""
    build = _call(I32, I64)
    return types.int32(types.uint64, types.uint64), build


@intrinsic
def call_register(_context: Any, function: Any, engine: Any, register: Any, slot: Any) -> Any:
    """Call `int f(engine, int register, void *value)`, such as uc_reg_read."""
    build = _call(I32, I64, I32, I64)
    return types.int32(types.uint64, types.uint64, types.uint64, types.uint64), build


@intrinsic
def call_operation(
    _context: Any, function: Any, data: Any, a: Any, b: Any, c: Any, d: Any, e: Any
) -> Any:
    """Call an operation of a plan: `void f(data, a, b, c, d, e)`, all 64 bits."""
    build = _call(VOID, *[I64] * 6)
    return types.uint64(*[types.uint64] * 7), build


@intrinsic
def call_condition(
    _context: Any, function: Any, data: Any, a: Any, b: Any, c: Any, d: Any, e: Any
) -> Any:
    """Call `uint64 f(data, a, b, c, d, e)`, all 64 bits."""
    build = _call(I64, *[I64] * 6)
    return types.uint64(*[types.uint64] * 7), build


@intrinsic
def call_write(_context: Any, function: Any, descriptor: Any, address: Any, size: Any) -> Any:
    """Call `ssize_t write(int, const void *, size_t)`."""
    build = _call(I64, I32, I64, I64)
    return types.int64(types.uint64, types.uint64, types.uint64, types.uint64), build


@intrinsic
def call_read(_context: Any, function: Any, descriptor: Any, address: Any, size: Any) -> Any:
    """Call `ssize_t read(int, void *, size_t)`."""
    build = _call(I64, I32, I64, I64)
    return types.int64(types.uint64, types.uint64, types.uint64, types.uint64), build


@intrinsic
def call_protect(_context: Any, function: Any, address: Any, size: Any, how: Any) -> Any:
    """Call `int mprotect(void *, size_t, int)`."""
    build = _call(I32, I64, I64, I32)
    return types.int32(*[types.uint64] * 4), build


@intrinsic
def call_compare(_context: Any, function: Any, one: Any, other: Any, size: Any) -> Any:
    """Call `int memcmp(const void *, const void *, size_t)`."""
    build = _call(I32, I64, I64, I64)
    return types.int32(*[types.uint64] * 4), build


@intrinsic
def call_copy(_context: Any, function: Any, to: Any, source: Any, size: Any) -> Any:
    """Call `void *memcpy(void *, const void *, size_t)`."""
    build = _call(I64, I64, I64, I64)
    return types.uint64(*[types.uint64] * 4), build


@intrinsic
def call_fill(_context: Any, function: Any, to: Any, byte: Any, size: Any) -> Any:
    """Call `void *memset(void *, int, size_t)`."""
    build = _call(I64, I64, I32, I64)
    return types.uint64(*[types.uint64] * 4), build


@intrinsic
def call_predecode(_context: Any, function: Any, records: Any, offset: Any, frame: Any) -> Any:
    """Call `void f(records, offset, frame)`, all 64 bits."""
    build = _call(VOID, I64, I64, I64)
    return types.uint64(*[types.uint64] * 4), build


@intrinsic
def call_lock(_context: Any, function: Any, descriptor: Any, command: Any, request: Any) -> Any:
    """Call `int fcntl(int, int, struct flock *)`, whose third argument is variadic."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(I32, [I32, I32], var_arg=True)
        descriptor, command = (builder.trunc(value, I32) for value in args[1:3])
        return builder.call(_pointer(builder, args[0], kind), [descriptor, command, args[3]])

    return types.int32(*[types.uint64] * 4), build


@intrinsic
def call_ioctl(_context: Any, function: Any, descriptor: Any, request: Any, place: Any) -> Any:
    """Call `int ioctl(int, unsigned long, void *)`, whose third argument is variadic."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(I32, [I32, I64], var_arg=True)
        descriptor = builder.trunc(args[1], I32)
        return builder.call(_pointer(builder, args[0], kind), [descriptor, *args[2:]])

    return types.int32(*[types.uint64] * 4), build


@intrinsic
def call_set_action(_context: Any, function: Any, signal: Any, action: Any, old: Any) -> Any:
    """Call `int sigaction(int, const struct sigaction *, struct sigaction *)`."""
    build = _call(I32, I32, I64, I64)
    return types.int32(*[types.uint64] * 4), build


@intrinsic
def call_mutex(_context: Any, function: Any, mutex: Any) -> Any:
    """Call `int f(pthread_mutex_t *)`, such as pthread_mutex_lock."""
    build = _call(I32, I64)
    return types.int32(*[types.uint64] * 2), build


@intrinsic
def call_raise(_context: Any, function: Any, signal: Any) -> Any:
    """Call `int raise(int)`."""
    build = _call(I32, I32)
    return types.int32(*[types.uint64] * 2), build


def _process_word(builder: Any) -> Any:
    """A word that all functions of a module of ours share, in memory of the process alone."""
    name = "mttcg_process_word"
    found = builder.module.globals.get(name)
    if found is None:
        found = ir.GlobalVariable(builder.module, I64, name)
        found.initializer = ir.Constant(I64, 0)
        found.linkage = "linkonce_odr"
    return found


@intrinsic
def process_word(_context: Any) -> Any:
    """The module's word of this process; 0 at first. For who gets no argument of ours."""

    def build(_ctx: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        return builder.load(_process_word(builder))

    return types.uint64(), build


@intrinsic
def set_process_word(_context: Any, value: Any) -> Any:
    """Set it."""

    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(args[0], _process_word(builder))
        return cgutils.get_null_value(I64)

    return types.uint64(types.uint64), build
