/* Calls of the Supervisor Binary Interface, version 2.0. */
#ifndef SBI_H
#define SBI_H
#include <stdint.h>

enum { BASE = 0x10, TIME = 0x54494D45, IPI = 0x735049, RFENCE = 0x52464E43, HSM = 0x48534D, SRST = 0x53525354,
       DBCN = 0x4442434E };
enum { SOFTWARE = 1, TIMER = 5 };
#define BIT(number) (1UL << (number))

struct answer { long error; unsigned long value; };

static inline struct answer call(long extension, long function, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    register uint64_t a0 __asm__("a0") = a;
    register uint64_t a1 __asm__("a1") = b;
    register uint64_t a2 __asm__("a2") = c;
    register uint64_t a3 __asm__("a3") = d;
    register uint64_t a6 __asm__("a6") = (uint64_t)function;
    register uint64_t a7 __asm__("a7") = (uint64_t)extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a6), "r"(a7) : "memory");
    return (struct answer){(long)a0, a1};
}

#define read_csr(name) ({ uint64_t value_; __asm__ volatile("csrr %0, " #name : "=r"(value_) : : "memory"); value_; })
#define write_csr(name, value) __asm__ volatile("csrw " #name ", %0" : : "r"((uint64_t)(value)) : "memory")
#define set_csr(name, bits) __asm__ volatile("csrs " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")
#define clear_csr(name, bits) __asm__ volatile("csrc " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")
#define wfi() __asm__ volatile("wfi" : : : "memory")

extern char secondary[];
void print(const char *text);
void print_number(const char *name, long number);
void print_answer(const char *name, struct answer answer);
uint64_t wait_for(uint64_t bits);
__attribute__((noreturn)) void finish(uint64_t reason);

#endif
