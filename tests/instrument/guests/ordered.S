/* Atomics with each of their bits, SCs that fail, and fences, once each, beside plain accesses, each at a label of its own.
   Hart 0 alone runs it; the others sleep. Ends by the finisher. */
.option norelax
.option norvc
.section .text.start, "ax", @progbits
.globl _start
_start:
        bnez a0, sleep
        la t4, area
        la t5, area + 64
        li s6, 5
        li s7, -2
plain_store:          sd s6, 0(t4)
plain_load:           lw t0, 0(t4)
fence_full:           fence rw, rw
fence_release:        fence rw, w
fence_acquire:        fence r, rw
fence_total:          fence.tso
fence_device:         fence iorw, iorw
amo_plain:            amoadd.w t0, s6, (t4)
amo_acquire:          amoswap.d.aq t0, s7, (t4)
amo_release:          amoor.w.rl t0, s6, (t4)
amo_both:             amomaxu.d.aqrl t0, s7, (t4)
reserve:              lr.w t0, (t4)
conditional:          sc.w t0, s6, (t4)
reserve_acquire:      lr.d.aq t0, (t4)
conditional_release:  sc.d.rl t0, s7, (t4)
fail_unreserved:      sc.w t0, s7, (t4)
reserve_elsewhere:    lr.w.aqrl t0, (t5)
fail_elsewhere:       sc.d.rl t0, s6, (t4)
        li t0, 0x100000
        li t1, 0x5555
finish:               sw t1, 0(t0)
sleep:
        wfi
        j sleep

.section .bss
.balign 64
area:   .zero 128
