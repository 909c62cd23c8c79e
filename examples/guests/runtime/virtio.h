/* Virtio devices behind virtio-mmio, as a driver sees them (OASIS virtio 1.2, sections 2.7 and 4.2): one queue, one
   request at a time. */
#ifndef RUNTIME_VIRTIO_H
#define RUNTIME_VIRTIO_H

#include <stdint.h>

#include "board.h"
#include "csr.h"

#define VIRTIO_BASE 0x10001000UL
#define VIRTIO_SIZE 0x1000UL
#define VIRTIO_SLOTS 8
#define VIRTIO_MAGIC 0x74726976
#define VIRTIO_BLOCK 2
#define VIRTIO_ENTROPY 4
#define VIRTIO_QUEUE_SIZE 8

enum virtio_offset {
    VIRTIO_MAGIC_VALUE = 0x000,
    VIRTIO_VERSION = 0x004,
    VIRTIO_DEVICE_ID = 0x008,
    VIRTIO_DRIVER_FEATURES = 0x020,
    VIRTIO_DRIVER_FEATURES_SELECT = 0x024,
    VIRTIO_QUEUE_SELECT = 0x030,
    VIRTIO_QUEUE_MOST = 0x034,
    VIRTIO_QUEUE_LENGTH = 0x038,
    VIRTIO_QUEUE_READY = 0x044,
    VIRTIO_QUEUE_NOTIFY = 0x050,
    VIRTIO_INTERRUPT_STATUS = 0x060,
    VIRTIO_INTERRUPT_ACK = 0x064,
    VIRTIO_STATUS = 0x070,
    VIRTIO_QUEUE_DESCRIPTORS = 0x080,
    VIRTIO_QUEUE_DRIVER = 0x090,
    VIRTIO_QUEUE_DEVICE = 0x0a0,
    VIRTIO_CONFIGURATION = 0x100,
};

/* Bits of the status, of the features from bit 32 on, of a descriptor, and of the available ring. */
#define VIRTIO_ACKNOWLEDGE 1
#define VIRTIO_DRIVER 2
#define VIRTIO_DRIVER_OK 4
#define VIRTIO_FEATURES_OK 8
#define VIRTIO_VERSION_1 1
#define VIRTIO_DESCRIPTOR_NEXT 1
#define VIRTIO_DESCRIPTOR_WRITE 2
#define VIRTIO_NO_INTERRUPT 1

struct virtio_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

/* A device and its queue. Zeroed before virtio_begin. */
struct virtio_device {
    _Alignas(16) struct virtio_descriptor descriptors[VIRTIO_QUEUE_SIZE];
    struct {
        uint16_t flags;
        volatile uint16_t index;
        uint16_t ring[VIRTIO_QUEUE_SIZE];
    } available;
    _Alignas(4) struct {
        uint16_t flags;
        volatile uint16_t index;
        struct {
            uint32_t head;
            uint32_t written;
        } ring[VIRTIO_QUEUE_SIZE];
    } used;
    uint64_t base;
    /* Its source at the interrupt controller. */
    uint32_t interrupt;
};

/* What a request is made of. */
struct virtio_buffer {
    void *address;
    uint32_t length;
    /* 1 if the device writes it; those that it reads come first. */
    uint32_t device_writes;
};

static inline volatile uint32_t *virtio_register(const struct virtio_device *device, enum virtio_offset offset) {
    return device_word(device->base + offset);
}

static inline void virtio_write_address(const struct virtio_device *device, enum virtio_offset offset, const void *to) {
    *virtio_register(device, offset) = (uint32_t)(uintptr_t)to;
    *virtio_register(device, offset + 4) = (uint32_t)((uint64_t)(uintptr_t)to >> 32);
}

static inline int virtio_find(struct virtio_device *device, uint32_t kind) {
    for (uint32_t slot = 0; slot < VIRTIO_SLOTS; slot++) {
        device->base = VIRTIO_BASE + slot * VIRTIO_SIZE;
        device->interrupt = 1 + slot;
        if (*virtio_register(device, VIRTIO_MAGIC_VALUE) == VIRTIO_MAGIC &&
            *virtio_register(device, VIRTIO_VERSION) == 2 && *virtio_register(device, VIRTIO_DEVICE_ID) == kind) {
            return 1;
        }
    }
    return 0;
}

static inline int virtio_agree(const struct virtio_device *device) {
    *virtio_register(device, VIRTIO_STATUS) = 0;
    *virtio_register(device, VIRTIO_STATUS) = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER;
    *virtio_register(device, VIRTIO_DRIVER_FEATURES_SELECT) = 0;
    *virtio_register(device, VIRTIO_DRIVER_FEATURES) = 0;
    *virtio_register(device, VIRTIO_DRIVER_FEATURES_SELECT) = 1;
    *virtio_register(device, VIRTIO_DRIVER_FEATURES) = VIRTIO_VERSION_1;
    *virtio_register(device, VIRTIO_STATUS) = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK;
    return (*virtio_register(device, VIRTIO_STATUS) & VIRTIO_FEATURES_OK) != 0;
}

/* Makes the first device of a kind ready, without interrupts if `quiet` is not 0; 0 if there is none, or it refuses. */
static inline int virtio_begin(struct virtio_device *device, uint32_t kind, int quiet) {
    if (!virtio_find(device, kind) || !virtio_agree(device)) {
        return 0;
    }
    *virtio_register(device, VIRTIO_QUEUE_SELECT) = 0;
    if (*virtio_register(device, VIRTIO_QUEUE_MOST) < VIRTIO_QUEUE_SIZE) {
        return 0;
    }
    device->available.flags = quiet ? VIRTIO_NO_INTERRUPT : 0;
    *virtio_register(device, VIRTIO_QUEUE_LENGTH) = VIRTIO_QUEUE_SIZE;
    virtio_write_address(device, VIRTIO_QUEUE_DESCRIPTORS, device->descriptors);
    virtio_write_address(device, VIRTIO_QUEUE_DRIVER, &device->available);
    virtio_write_address(device, VIRTIO_QUEUE_DEVICE, &device->used);
    *virtio_register(device, VIRTIO_QUEUE_READY) = 1;
    *virtio_register(device, VIRTIO_STATUS) =
        VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK;
    return 1;
}

/* Gives the device a request, and returns at once. */
static inline void virtio_send(struct virtio_device *device, const struct virtio_buffer *buffers, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct virtio_descriptor *descriptor = &device->descriptors[i];
        descriptor->address = (uint64_t)(uintptr_t)buffers[i].address;
        descriptor->length = buffers[i].length;
        descriptor->flags = (buffers[i].device_writes ? VIRTIO_DESCRIPTOR_WRITE : 0) |
                            (i + 1 < count ? VIRTIO_DESCRIPTOR_NEXT : 0);
        descriptor->next = (uint16_t)(i + 1);
    }
    device->available.ring[device->available.index % VIRTIO_QUEUE_SIZE] = 0;
    fence_all(); /* the request before the index that announces it */
    device->available.index++;
    fence_all(); /* and that before the notification */
    *virtio_register(device, VIRTIO_QUEUE_NOTIFY) = 0;
}

/* Whether all requests are done. */
static inline int virtio_is_done(const struct virtio_device *device) {
    int done = device->used.index == device->available.index;
    fence_all(); /* what the device wrote is read after its index */
    return done;
}

/* For an interrupt handler: tells the device that its interrupt was seen. */
static inline void virtio_acknowledge(const struct virtio_device *device) {
    *virtio_register(device, VIRTIO_INTERRUPT_ACK) = *virtio_register(device, VIRTIO_INTERRUPT_STATUS);
}

/* The first eight bytes of the configuration space. */
static inline uint64_t virtio_configuration(const struct virtio_device *device) {
    return *virtio_register(device, VIRTIO_CONFIGURATION) |
           (uint64_t)*virtio_register(device, VIRTIO_CONFIGURATION + 4) << 32;
}

#endif
