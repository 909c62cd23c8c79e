/* What these plugins use of QEMU's TCG plugin API, declared here so that no header of QEMU's is needed to build them.

   PLUGIN_API is the version that the plugin is built for: 1 (QEMU 4.2 to 8.2), or 4 (QEMU 9.2 and later), where inline
   operations go to scoreboards, one slot for each vCPU. Names and signatures are those of QEMU's documentation,
   "QEMU TCG Plugins", of the two versions. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_R = 1, QEMU_PLUGIN_MEM_W, QEMU_PLUGIN_MEM_RW };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

typedef void (*translated_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void (*executed_t)(unsigned int vcpu, void *data);
typedef void (*accessed_t)(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data);
typedef void (*ended_t)(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translated_t callback);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, ended_t callback, void *data);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, executed_t callback,
                                          enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction, executed_t callback,
                                            enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction, accessed_t callback,
                                      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw which, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);

#if PLUGIN_API == 1

void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, enum qemu_plugin_op operation,
                                              void *word, uint64_t immediate);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction, enum qemu_plugin_op operation,
                                                void *word, uint64_t immediate);
void qemu_plugin_register_vcpu_mem_inline(struct qemu_plugin_insn *instruction, enum qemu_plugin_mem_rw which,
                                          enum qemu_plugin_op operation, void *word, uint64_t immediate);

/* An inline counter is a word that all vCPUs share. */
typedef uint64_t *counter_t;

static inline counter_t new_counter(uint64_t *word) {
    return word;
}

static inline uint64_t counted(counter_t counter) {
    return *counter;
}

#define COUNT_BLOCK(block, counter, n) \
    qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, counter, n)
#define COUNT_INSTRUCTION(instruction, counter) \
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, counter, 1)
#define COUNT_ACCESSES(instruction, counter) \
    qemu_plugin_register_vcpu_mem_inline(instruction, QEMU_PLUGIN_MEM_RW, QEMU_PLUGIN_INLINE_ADD_U64, counter, 1)

#else

struct qemu_plugin_scoreboard;
typedef struct {
    struct qemu_plugin_scoreboard *score;
    size_t offset;
} qemu_plugin_u64;

struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
uint64_t qemu_plugin_u64_sum(qemu_plugin_u64 entry);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *block, enum qemu_plugin_op operation,
                                                       qemu_plugin_u64 entry, uint64_t immediate);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *instruction,
                                                         enum qemu_plugin_op operation, qemu_plugin_u64 entry,
                                                         uint64_t immediate);
void qemu_plugin_register_vcpu_mem_inline_per_vcpu(struct qemu_plugin_insn *instruction, enum qemu_plugin_mem_rw which,
                                                   enum qemu_plugin_op operation, qemu_plugin_u64 entry,
                                                   uint64_t immediate);

/* An inline counter is a slot for each vCPU, of 8 bytes, as in the plugins that come with QEMU. */
typedef qemu_plugin_u64 counter_t;

static inline counter_t new_counter(uint64_t *unused) {
    (void)unused;
    return (counter_t){qemu_plugin_scoreboard_new(sizeof(uint64_t)), 0};
}

static inline uint64_t counted(counter_t counter) {
    return qemu_plugin_u64_sum(counter);
}

#define COUNT_BLOCK(block, counter, n) \
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(block, QEMU_PLUGIN_INLINE_ADD_U64, counter, n)
#define COUNT_INSTRUCTION(instruction, counter) \
    qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, QEMU_PLUGIN_INLINE_ADD_U64, counter, 1)
#define COUNT_ACCESSES(instruction, counter) \
    qemu_plugin_register_vcpu_mem_inline_per_vcpu(instruction, QEMU_PLUGIN_MEM_RW, QEMU_PLUGIN_INLINE_ADD_U64, \
                                                  counter, 1)

#endif
