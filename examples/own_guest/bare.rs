//! Prints the squares of 1 to ROUNDS, without a library.
#![no_std]
#![no_main]

use core::arch::global_asm;
use core::ptr::{addr_of, write_volatile};

global_asm!(include_str!("start.S"));

const CONSOLE: *mut u8 = 0x1000_0000 as *mut u8;
const FINISHER: *mut u32 = 0x10_0000 as *mut u32;

#[no_mangle]
pub static mut ROUNDS: u64 = 3; // for --set

fn put(byte: u8) {
    unsafe { write_volatile(CONSOLE, byte) }
}

fn show(number: u64) {
    if number > 9 {
        show(number / 10);
    }
    put(b'0' + (number % 10) as u8);
}

#[no_mangle]
pub extern "C" fn main() -> u32 {
    let rounds = unsafe { addr_of!(ROUNDS).read_volatile() };
    for round in 1..=rounds {
        show(round * round);
        put(b'\n');
    }
    0
}

#[no_mangle]
pub extern "C" fn finish(status: u32) -> ! {
    let word = if status == 0 { 0x5555 } else { status << 16 | 0x3333 };
    unsafe { write_volatile(FINISHER, word) };
    loop {}
}

#[panic_handler]
fn panicked(_why: &core::panic::PanicInfo) -> ! {
    finish(101)
}
