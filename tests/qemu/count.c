/* A TCG plugin for QEMU that counts executed instructions exactly, for each vCPU on its own.

   QEMU's own inline counters (insn.c's `inline` mode) are one word for all vCPUs, incremented without an atomic: with
   several vCPUs they lose counts. Here each vCPU has a slot of its own, in a line of its own, written by its thread only,
   and every instruction calls back, so that a block that is left half way (a trap, an interrupt) is counted right.

   Counted is every instruction that was begun: one that traps (ecall, a fault) counts, as it does before it is executed.
   Instructions of the boot ROM, which QEMU runs before the guest's first, are counted apart.

   At exit: one line for each vCPU on QEMU's plugin log (-d plugin -D FILE):
     vcpu I guest G reset R

   The few declarations of the plugin interface that are used stand here, as no header of QEMU is installed with it. Their
   source is the interface's documentation (QEMU, "QEMU TCG Plugins"). */
#include <stddef.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))
#define VCPUS 64
#define RAM_BASE 0x80000000u

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*vcpu_callback)(unsigned vcpu, void *userdata);
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *block));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction, vcpu_callback callback,
                                            enum qemu_plugin_cb_flags flags, void *userdata);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t id, void *userdata),
                                    void *userdata);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
void qemu_plugin_outs(const char *text);

/* QEMU 7.2 offers version 1 and refuses a plugin built for a later one. */
EXPORTED int qemu_plugin_version = 1;

static struct {
    _Alignas(128) uint64_t guest;
    uint64_t reset;
} counts[VCPUS];

static void count_guest(unsigned vcpu, void *userdata) {
    (void)userdata;
    counts[vcpu % VCPUS].guest++;
}

static void count_reset(unsigned vcpu, void *userdata) {
    (void)userdata;
    counts[vcpu % VCPUS].reset++;
}

static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        vcpu_callback count = qemu_plugin_insn_vaddr(instruction) < RAM_BASE ? count_reset : count_guest;
        qemu_plugin_register_vcpu_insn_exec_cb(instruction, count, QEMU_PLUGIN_CB_NO_REGS, NULL);
    }
}

/* Without the C library, which a cross compiler may link in another version than QEMU runs with. */
static char *put_number(char *to, uint64_t value) {
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count > 0) {
        *to++ = digits[--count];
    }
    return to;
}

static char *put_text(char *to, const char *text) {
    while (*text) {
        *to++ = *text++;
    }
    return to;
}

static void print_counts(qemu_plugin_id_t id, void *userdata) {
    (void)id;
    (void)userdata;
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        char line[96], *end = line;
        if (counts[vcpu].guest + counts[vcpu].reset == 0) {
            continue;
        }
        end = put_number(put_text(end, "vcpu "), vcpu);
        end = put_number(put_text(end, " guest "), counts[vcpu].guest);
        end = put_number(put_text(end, " reset "), counts[vcpu].reset);
        *put_text(end, "\n") = 0;
        qemu_plugin_outs(line);
    }
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
    (void)info;
    (void)argc;
    (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_atexit_cb(id, print_counts, NULL);
    return 0;
}
