/* The two devices that a small guest needs. */
#define CONSOLE (*(volatile unsigned char *)0x10000000)  /* a byte that is written here is shown */
#define FINISHER (*(volatile unsigned int *)0x100000)

/* Ends the guest, with an exit status from 0 to 255. */
static inline __attribute__((noreturn)) void finish_with(unsigned status)
{
    FINISHER = status ? status << 16 | 0x3333 : 0x5555;
    for (;;)
        ;
}
