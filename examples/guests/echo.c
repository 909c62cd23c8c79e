/* echo: hart 0 reads the UART and writes back what it reads, in upper case, until a `q`; the others do nothing.
   Enter at a terminal is a carriage return, after which a new line begins. */
#include "runtime/board.h"
#include "runtime/clint.h"
#include "runtime/console.h"
#include "runtime/harts.h"

#define UART_LINE_STATUS 5
#define LINE_STATUS_DATA_READY 1
/* A millisecond between two looks when nothing is there: nobody types faster, and the host's core stays free. */
#define TICKS_BETWEEN_LOOKS (TIMEBASE_FREQUENCY / 1000)

static char read_character(void) {
    while (!(*device_byte(UART_BASE + UART_LINE_STATUS) & LINE_STATUS_DATA_READY)) {
        nap(TICKS_BETWEEN_LOOKS);
    }
    return (char)*device_byte(UART_BASE);
}

uint64_t guest_main(uint64_t hart) {
    if (hart != 0) {
        return 0;
    }
    print_text("echo until q\n");
    for (;;) {
        char character = read_character();
        if (character == 'q') {
            print_text("\n");
            return 0;
        }
        if (character == '\r') {
            character = '\n';
        } else if (character >= 'a' && character <= 'z') {
            character = (char)(character - 'a' + 'A');
        }
        print_character(character);
    }
}
