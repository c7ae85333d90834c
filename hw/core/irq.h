/* SPDX-License-Identifier: MIT */
/*
 * One interrupt wire.  Copy it freely: a device owns its end as a plain value
 * and never knows what the board soldered to the other end.  An unconnected
 * wire (all zero) is legal.  Levels are 0 and 1; a wire does not remember its
 * level, the receiver does.
 */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

typedef struct qemu_irq {
    void (*set)(void *opaque, int n, int level);
    void *opaque;
    int n;
} qemu_irq;

static inline void qemu_set_irq(qemu_irq irq, int level)
{
    if (irq.set) {
        irq.set(irq.opaque, irq.n, level);
    }
}

static inline void qemu_irq_raise(qemu_irq irq) { qemu_set_irq(irq, 1); }
static inline void qemu_irq_lower(qemu_irq irq) { qemu_set_irq(irq, 0); }
static inline void qemu_irq_pulse(qemu_irq irq)
{
    qemu_set_irq(irq, 1);
    qemu_set_irq(irq, 0);
}

#endif
