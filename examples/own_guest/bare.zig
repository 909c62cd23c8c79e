//! Prints the squares of 1 to rounds, without a library.

const console: *volatile u8 = @ptrFromInt(0x10000000);
const finisher: *volatile u32 = @ptrFromInt(0x100000);

export var rounds: u64 = 3; // for --set

fn show(number: u64) void {
    if (number > 9)
        show(number / 10);
    console.* = '0' + @as(u8, @intCast(number % 10));
}

export fn main() c_int {
    const wanted: *volatile u64 = &rounds;
    var round: u64 = 1;
    while (round <= wanted.*) : (round += 1) {
        show(round * round);
        console.* = '\n';
    }
    return 0;
}

export fn finish(status: u32) noreturn {
    finisher.* = if (status == 0) 0x5555 else status << 16 | 0x3333;
    while (true) {}
}
