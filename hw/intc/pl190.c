/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL190 vectored interrupt controller (ARM DDI 0181).
 *
 *      inputs --|--> RAWINTR --&--> INTSELECT --> FIQSTATUS ---------> FIQ
 *      SOFTINT -'          INTENABLE      \----> IRQSTATUS --> level --> IRQ
 *                                                  16 vectors, then the rest
 *
 * Each source in IRQSTATUS has a level: the first enabled vector that names it
 * (0 is the highest), or 16.  Reading VECTADDR takes the highest pending level
 * into service, and only higher ones make IRQ until VECTADDR is written
 * (2.2.5, "Interrupt priority logic").  A handler that looks at IRQSTATUS and
 * never reads VECTADDR has nothing in service, so nothing is masked.
 *
 * Not modelled: the daisy chain of several controllers, VICPROTECTION (it is
 * stored), and the integration test registers (VICITCR is stored).
 */
#include "hw/intc/pl190.h"

#include "hw/core/primecell.h"
#include "util/bits.h"

enum { NUM_VECTORS = 16, LEVEL_DEFAULT = 16, LEVEL_NONE = 17 };
enum { CNTL_ENABLE = 0x20, CNTL_SOURCE = 0x1f };

typedef struct Pl190 {
    Device dev;
    uint32_t inputs;                    /* levels */
    uint32_t soft, select, enable, protection, itcr;
    uint32_t def_addr, addr[NUM_VECTORS], cntl[NUM_VECTORS];
    uint32_t in_service;                /* a bit to a level */
} Pl190;

static uint32_t raw_status(const Pl190 *s)
{
    return s->inputs | s->soft;
}

static uint32_t irq_status(const Pl190 *s)
{
    return raw_status(s) & s->enable & ~s->select;
}

static uint32_t fiq_status(const Pl190 *s)
{
    return raw_status(s) & s->enable & s->select;
}

/* -- Priority ---------------------------------------------------------------- */

/* Sources without a vector are of the default level even if others have one. */
static int pending_level(const Pl190 *s)
{
    uint32_t status = irq_status(s);

    for (int n = 0; n < NUM_VECTORS && status; n++) {
        if ((s->cntl[n] & CNTL_ENABLE) && (status >> (s->cntl[n] & CNTL_SOURCE) & 1)) {
            return n;
        }
    }
    return status ? LEVEL_DEFAULT : LEVEL_NONE;
}

static int service_level(const Pl190 *s)
{
    return s->in_service ? __builtin_ctz(s->in_service) : LEVEL_NONE;
}

static void update(Pl190 *s)
{
    qemu_set_irq(s->dev.irq[PL190_OUT_IRQ], pending_level(s) < service_level(s));
    qemu_set_irq(s->dev.irq[PL190_OUT_FIQ], fiq_status(s) != 0);
}

/* 3.3.10: "indicates to the priority hardware that the interrupt is being
 * serviced".  With nothing pending there is nothing to take. */
static uint32_t read_vectaddr(Device *d)
{
    Pl190 *s = (Pl190 *)d;
    int level = pending_level(s);

    if (level >= service_level(s)) {
        return s->def_addr;
    }
    s->in_service |= 1u << level;
    update(s);
    return level == LEVEL_DEFAULT ? s->def_addr : s->addr[level];
}

/* "... that the interrupt has been serviced": the highest of them. */
static void write_vectaddr(Device *d, uint32_t val)
{
    Pl190 *s = (Pl190 *)d;

    (void)val;
    s->in_service &= s->in_service - 1;
    update(s);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t read_irqstatus(Device *d) { return irq_status((Pl190 *)d); }
static uint32_t read_fiqstatus(Device *d) { return fiq_status((Pl190 *)d); }
static uint32_t read_rawintr(Device *d) { return raw_status((Pl190 *)d); }
static uint32_t read_intenable(Device *d) { return ((Pl190 *)d)->enable; }
static uint32_t read_softint(Device *d) { return ((Pl190 *)d)->soft; }

static void change(Device *d, uint32_t *reg, uint32_t clear, uint32_t set)
{
    *reg = (*reg & ~clear) | set;
    update((Pl190 *)d);
}

static void write_intenable(Device *d, uint32_t val)
{
    change(d, &((Pl190 *)d)->enable, 0, val);
}

static void write_intenclear(Device *d, uint32_t val)
{
    change(d, &((Pl190 *)d)->enable, val, 0);
}

static void write_softint(Device *d, uint32_t val)
{
    change(d, &((Pl190 *)d)->soft, 0, val);
}

static void write_softclear(Device *d, uint32_t val)
{
    change(d, &((Pl190 *)d)->soft, val, 0);
}

static void write_stored(Device *d, uint32_t val)
{
    (void)val;
    update((Pl190 *)d);
}

/* clang-format off */
#define AT(m) offsetof(Pl190, m)
#define ALL 0xffffffff
#define VECTOR(n)                                                              \
    { "VICVECTADDR" #n, 0x100 + 4 * n, AT(addr[n]), REG_RW, 0, ALL, NULL, NULL }, \
    { "VICVECTCNTL" #n, 0x200 + 4 * n, AT(cntl[n]), REG_RW, 0, 0x3f, NULL, write_stored }

/* Table 3-1, register summary. */
static const RegDef pl190_regs[] = {
    { "VICIRQSTATUS",    0x000, REG_VIRTUAL,    REG_R,  0, 0,   read_irqstatus, NULL },
    { "VICFIQSTATUS",    0x004, REG_VIRTUAL,    REG_R,  0, 0,   read_fiqstatus, NULL },
    { "VICRAWINTR",      0x008, REG_VIRTUAL,    REG_R,  0, 0,   read_rawintr,   NULL },
    { "VICINTSELECT",    0x00c, AT(select),     REG_RW, 0, ALL, NULL,           write_stored },
    { "VICINTENABLE",    0x010, REG_VIRTUAL,    REG_RW, 0, ALL, read_intenable, write_intenable },
    { "VICINTENCLEAR",   0x014, REG_VIRTUAL,    REG_W,  0, ALL, NULL,           write_intenclear },
    { "VICSOFTINT",      0x018, REG_VIRTUAL,    REG_RW, 0, ALL, read_softint,   write_softint },
    { "VICSOFTINTCLEAR", 0x01c, REG_VIRTUAL,    REG_W,  0, ALL, NULL,           write_softclear },
    { "VICPROTECTION",   0x020, AT(protection), REG_RW, 0, 1,   NULL,           NULL },
    { "VICVECTADDR",     0x030, REG_VIRTUAL,    REG_RW, 0, ALL, read_vectaddr,  write_vectaddr },
    { "VICDEFVECTADDR",  0x034, AT(def_addr),   REG_RW, 0, ALL, NULL,           NULL },
    VECTOR(0),  VECTOR(1),  VECTOR(2),  VECTOR(3),
    VECTOR(4),  VECTOR(5),  VECTOR(6),  VECTOR(7),
    VECTOR(8),  VECTOR(9),  VECTOR(10), VECTOR(11),
    VECTOR(12), VECTOR(13), VECTOR(14), VECTOR(15),
    { "VICITCR",         0x300, AT(itcr),       REG_RW, 0, 1,   NULL,           NULL },
    PRIMECELL_ID_REGS(0x90, 0x11, 0x04, 0x00),
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void set_input(Device *d, int n, int level)
{
    Pl190 *s = (Pl190 *)d;

    change(d, &s->inputs, 1u << n, level ? 1u << n : 0);
}

/* The sources are as their devices drive them. */
static void pl190_reset(Device *d)
{
    Pl190 *s = (Pl190 *)d;

    s->soft = s->enable = s->in_service = 0;
    update(s);
}

static int pl190_post_load(Device *d, Error *err)
{
    Pl190 *s = (Pl190 *)d;

    (void)err;
    s->in_service &= (1u << LEVEL_NONE) - 1;
    update(s);
    return 0;
}

static const WindowDef pl190_windows[] = {
    { "vic", false, PRIMECELL_SIZE, pl190_regs, NULL },
    { .name = NULL }
};

static const VMField pl190_vmstate[] = {
    VM_FIELD(Pl190, inputs),
    VM_FIELD(Pl190, soft),
    VM_FIELD(Pl190, select),
    VM_FIELD(Pl190, enable),
    VM_FIELD(Pl190, protection),
    VM_FIELD(Pl190, itcr),
    VM_FIELD(Pl190, def_addr),
    VM_ARRAY(Pl190, addr),
    VM_ARRAY(Pl190, cntl),
    VM_FIELD(Pl190, in_service),
    VM_END
};

const DeviceType pl190_type = {
    .name       = "pl190",
    .desc       = "vectored interrupt controller",
    .manual     = "ARM DDI 0181",
    .bus        = "sys",
    .state_size = sizeof(Pl190),
    .windows    = pl190_windows,
    .vmstate    = pl190_vmstate,
    .num_irqs   = PL190_NUM_OUTPUTS,
    .num_inputs = 32,
    .reset      = pl190_reset,
    .post_load  = pl190_post_load,
    .input      = set_input,
};
