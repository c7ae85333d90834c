/* SPDX-License-Identifier: MIT */
/*
 * Intel 8259A programmable interrupt controller (Intel order 231468), and the
 * edge/level control register that chip sets add to it (Intel 82371SB, 290550,
 * section 2.5.9).
 *
 *      IR0..7 --> edge/level --> IRR --&~IMR--> priority --> INT
 *                                                  ^
 *                                INTA --> ISR -----'
 *
 * Everything follows from four bytes (lines, IRR, IMR, ISR) and from which
 * level has the lowest priority: update_int() is called after each change.
 *
 * Not modelled: MCS-80/85 mode (ICW4 bit 0 clear) and its CALL sequences, and
 * the buffered mode pin.
 */
#include "hw/intc/i8259.h"

#include <errno.h>

#include "util/log.h"

/* ICW1 */
enum { ICW1_IC4 = 0x01, ICW1_SNGL = 0x02, ICW1_LTIM = 0x08, ICW1_ICW = 0x10 };
/* ICW4 */
enum { ICW4_UPM = 0x01, ICW4_AEOI = 0x02, ICW4_SFNM = 0x10 };
/* OCW3 */
enum { OCW3_RIS = 0x01, OCW3_RR = 0x02, OCW3_P = 0x04, OCW3_OCW3 = 0x08,
       OCW3_SMM = 0x20, OCW3_ESMM = 0x40 };

enum { NONE = -1 };

typedef struct I8259 {
    Device dev;
    Device *slave;
    uint32_t elcr_mask;
    uint8_t lines;                      /* levels of IR0..7 */
    uint8_t irr, isr, imr, elcr;
    uint8_t icw1, icw2, icw3, icw4;
    uint8_t next_icw;                   /* 2..4 expected; 0: initialized */
    uint8_t lowest;                     /* level of lowest priority */
    uint8_t special_mask, poll, read_isr, rotate_aeoi;
} I8259;

static uint8_t level_triggered(const I8259 *s)
{
    if (s->elcr_mask) {
        return s->elcr;                 /* 82371SB: replaces ICW1.LTIM */
    }
    return s->icw1 & ICW1_LTIM ? 0xff : 0;
}

/* The level of highest priority among the bits of mask, or NONE. */
static int highest(const I8259 *s, uint8_t mask)
{
    for (int i = 1; i <= 8; i++) {
        int ir = (s->lowest + i) & 7;

        if (mask >> ir & 1) {
            return ir;
        }
    }
    return NONE;
}

/* 0: highest priority, 8: none. */
static int rank(const I8259 *s, int ir)
{
    return ir == NONE ? 8 : (ir - s->lowest - 1) & 7;
}

/*
 * What blocks a request: the levels in service of equal or higher priority
 * ("Fully Nested Mode"); in special mask mode only those not masked; in special
 * fully nested mode a slave's own level does not block it.
 */
static int find_request(const I8259 *s)
{
    int ir = highest(s, s->irr & ~s->imr);
    int busy = highest(s, s->special_mask ? s->isr & ~s->imr : s->isr);

    if (ir != NONE && ir == busy && (s->icw4 & ICW4_SFNM) &&
        (s->icw3 >> ir & 1)) {
        return ir;
    }
    return rank(s, ir) < rank(s, busy) ? ir : NONE;
}

static bool initializing(const I8259 *s)
{
    return s->next_icw != 0;
}

static void update_int(I8259 *s)
{
    qemu_set_irq(s->dev.irq[0], !initializing(s) && find_request(s) != NONE);
}

static void set_line(Device *d, int n, int level)
{
    I8259 *s = (I8259 *)d;
    uint8_t bit = (uint8_t)(1u << (n & 7));

    if (!level) {
        s->lines &= ~bit;
        s->irr &= ~bit;
    } else {
        if (!(s->lines & bit) || (level_triggered(s) & bit)) {
            s->irr |= bit;
        }
        s->lines |= bit;
    }
    update_int(s);
}

/* -- Acknowledge and end of interrupt ---------------------------------------- */

static void end_of_interrupt(I8259 *s, int ir, bool rotate)
{
    if (ir == NONE) {
        return;
    }
    s->isr &= (uint8_t)~(1u << ir);
    if (rotate) {
        s->lowest = (uint8_t)ir;
    }
}

/*
 * The first INTA pulse, or a poll: the request moves from IRR to ISR.  A level
 * request stays in IRR as long as its line is high.
 */
static int acknowledge(I8259 *s)
{
    int ir = find_request(s);

    if (ir == NONE) {
        return NONE;
    }
    s->isr |= (uint8_t)(1u << ir);
    s->irr &= (uint8_t)(~(1u << ir) | (level_triggered(s) & s->lines));
    if (s->icw4 & ICW4_AEOI) {
        end_of_interrupt(s, ir, s->rotate_aeoi);
    }
    /* INT falls with INTA; it rises again for what is left. */
    qemu_irq_lower(s->dev.irq[0]);
    update_int(s);
    return ir;
}

/* "Interrupt Sequence": no request at INTA is an interrupt of level 7. */
static int vector_of(const I8259 *s, int ir)
{
    return (s->icw2 & 0xf8) | (ir == NONE ? 7 : ir);
}

static int slave_intack(const I8259 *s, int ir)
{
    I8259 *slave = (I8259 *)s->slave;

    if (!slave || (slave->icw3 & 7) != ir) {
        return 0xff;                    /* nobody drives the bus */
    }
    return vector_of(slave, acknowledge(slave));
}

int i8259_intack(Device *master)
{
    I8259 *s = (I8259 *)master;
    bool cascaded = !(s->icw1 & ICW1_SNGL);
    int ir = find_request(s);

    if (ir != NONE && cascaded && (s->icw3 >> ir & 1)) {
        acknowledge(s);
        return slave_intack(s, ir);
    }
    return vector_of(s, acknowledge(s));
}

/* -- Command words ----------------------------------------------------------- */

/* "Initialization Command Words 1 and 2": what ICW1 does at once. */
static void write_icw1(I8259 *s, uint8_t val)
{
    s->icw1 = val;
    s->icw3 = 0;
    s->icw4 = 0;
    s->irr = level_triggered(s) & s->lines;
    s->isr = 0;
    s->imr = 0;
    s->lowest = 7;
    s->special_mask = s->poll = s->read_isr = s->rotate_aeoi = 0;
    s->next_icw = 2;
    if (!(val & ICW1_IC4)) {
        log_unimp("i8259", "MCS-80/85 mode (ICW1 0x%02x without ICW4)", val);
    }
}

static void write_next_icw(I8259 *s, uint8_t val)
{
    switch (s->next_icw) {
    case 2:
        s->icw2 = val;
        s->next_icw = s->icw1 & ICW1_SNGL ? s->icw1 & ICW1_IC4 ? 4 : 0 : 3;
        break;
    case 3:
        s->icw3 = val;
        s->next_icw = s->icw1 & ICW1_IC4 ? 4 : 0;
        break;
    default:
        s->icw4 = val;
        s->next_icw = 0;
        if (!(val & ICW4_UPM)) {
            log_unimp("i8259", "MCS-80/85 mode (ICW4 0x%02x)", val);
        }
    }
}

/* The EOI that means the highest level in service; masked ones are left alone
 * in special mask mode ("End of Interrupt"). */
static int nonspecific(const I8259 *s)
{
    return highest(s, s->special_mask ? s->isr & ~s->imr : s->isr);
}

/* Operation Command Word 2: R SL EOI - - L2 L1 L0. */
static void write_ocw2(I8259 *s, uint8_t val)
{
    int level = val & 7;

    switch (val >> 5) {
    case 0: s->rotate_aeoi = 0; break;
    case 1: end_of_interrupt(s, nonspecific(s), false); break;
    case 2: break;                      /* no operation */
    case 3: end_of_interrupt(s, level, false); break;
    case 4: s->rotate_aeoi = 1; break;
    case 5: end_of_interrupt(s, nonspecific(s), true); break;
    case 6: s->lowest = (uint8_t)level; break;
    case 7: end_of_interrupt(s, level, true); break;
    }
}

static void write_ocw3(I8259 *s, uint8_t val)
{
    if (val & OCW3_ESMM) {
        s->special_mask = (val & OCW3_SMM) != 0;
    }
    if (val & OCW3_P) {
        s->poll = 1;                    /* overrides RR */
    } else if (val & OCW3_RR) {
        s->read_isr = val & OCW3_RIS;
    }
}

static void write_port(void *opaque, hwaddr offset, uint64_t val64, unsigned size)
{
    I8259 *s = opaque;
    uint8_t val = (uint8_t)val64;

    (void)size;
    if (offset == 0 && (val & ICW1_ICW)) {
        write_icw1(s, val);
    } else if (offset == 0 && (val & OCW3_OCW3)) {
        write_ocw3(s, val);
    } else if (offset == 0) {
        write_ocw2(s, val);
    } else if (initializing(s)) {
        write_next_icw(s, val);
    } else {
        s->imr = val;
    }
    update_int(s);
}

/* "Poll Command": the next read is an acknowledge, bit 7 says of something. */
static uint8_t read_poll(I8259 *s)
{
    int ir = acknowledge(s);

    s->poll = 0;
    return ir == NONE ? 0 : (uint8_t)(0x80 | ir);
}

static uint64_t read_port(void *opaque, hwaddr offset, unsigned size)
{
    I8259 *s = opaque;

    (void)size;
    if (s->poll) {
        return read_poll(s);
    }
    if (offset == 1) {
        return s->imr;
    }
    return s->read_isr ? s->isr : s->irr;
}

static const MemoryRegionOps port_ops = {
    .read = read_port, .write = write_port, .min = 1, .max = 1,
};

static uint64_t read_elcr(void *opaque, hwaddr offset, unsigned size)
{
    I8259 *s = opaque;

    (void)offset;
    (void)size;
    return s->elcr;
}

static void write_elcr(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    I8259 *s = opaque;

    (void)offset;
    (void)size;
    s->elcr = (uint8_t)(val & s->elcr_mask);
    s->irr |= level_triggered(s) & s->lines;
    update_int(s);
}

static const MemoryRegionOps elcr_ops = {
    .read = read_elcr, .write = write_elcr, .min = 1, .max = 1,
};

/* -- The type ---------------------------------------------------------------- */

/* The chip has no reset pin; the levels of its inputs belong to others. */
static void i8259_reset(Device *d)
{
    I8259 *s = (I8259 *)d;

    s->irr = s->isr = s->imr = s->elcr = 0;
    s->icw1 = s->icw2 = s->icw3 = s->icw4 = 0;
    s->next_icw = 0;
    s->lowest = 7;
    s->special_mask = s->poll = s->read_isr = s->rotate_aeoi = 0;
    update_int(s);
}

static int i8259_post_load(Device *d, Error *err)
{
    I8259 *s = (I8259 *)d;

    if (s->lowest > 7 || s->next_icw > 4) {
        return error_set(err, EINVAL, "i8259: snapshot has an impossible state");
    }
    s->elcr &= (uint8_t)s->elcr_mask;
    update_int(s);
    return 0;
}

static int i8259_realize(Device *d, Error *err)
{
    I8259 *s = (I8259 *)d;

    if (s->slave && s->slave->type != &i8259_type) {
        return error_set(err, EINVAL, "i8259: slave must be an i8259");
    }
    return 0;
}

static const WindowDef i8259_windows[] = {
    [I8259_PORTS] = { "ports", true, 2, NULL, &port_ops },
    [I8259_ELCR]  = { "elcr",  true, 1, NULL, &elcr_ops },
    { .name = NULL }
};

static const PropDef i8259_props[] = {
    { "slave",     PROP_LINK, offsetof(I8259, slave),     0, "cascaded 8259" },
    { "elcr_mask", PROP_U32,  offsetof(I8259, elcr_mask), 0,
      "inputs that can be level triggered by the ELCR; 0: no ELCR" },
    { .name = NULL }
};

static const VMField i8259_vmstate[] = {
    VM_FIELD(I8259, lines),
    VM_FIELD(I8259, irr),
    VM_FIELD(I8259, isr),
    VM_FIELD(I8259, imr),
    VM_FIELD(I8259, elcr),
    VM_FIELD(I8259, icw1),
    VM_FIELD(I8259, icw2),
    VM_FIELD(I8259, icw3),
    VM_FIELD(I8259, icw4),
    VM_FIELD(I8259, next_icw),
    VM_FIELD(I8259, lowest),
    VM_FIELD(I8259, special_mask),
    VM_FIELD(I8259, poll),
    VM_FIELD(I8259, read_isr),
    VM_FIELD(I8259, rotate_aeoi),
    VM_END
};

const DeviceType i8259_type = {
    .name       = "i8259",
    .desc       = "programmable interrupt controller",
    .manual     = "Intel 231468",
    .bus        = "sys",
    .state_size = sizeof(I8259),
    .windows    = i8259_windows,
    .props      = i8259_props,
    .vmstate    = i8259_vmstate,
    .num_irqs   = 1,
    .num_inputs = 8,
    .realize    = i8259_realize,
    .reset      = i8259_reset,
    .post_load  = i8259_post_load,
    .input      = set_line,
};
