/* Text output on the UART. One store for each character: the boards' transmitter is always ready, and polling
   for it would make the number of executed instructions depend on time. */
#ifndef RUNTIME_CONSOLE_H
#define RUNTIME_CONSOLE_H

#include <stdint.h>

/* Between these two, no other hart that uses them prints: they keep a line in one piece. */
void console_lock(void);
void console_unlock(void);

void print_character(char character);
void print_text(const char *text);
/* The text, then spaces up to the width: for columns. */
void print_column(const char *text, unsigned width);
void print_number(uint64_t value);
/* With 0x in front, no leading zeros. */
void print_hexadecimal(uint64_t value);

#endif
