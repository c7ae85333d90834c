/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A USB device controller (S3C2440A User's Manual rev. 1, chapter 13).
 *
 * It has no host at the other end of its cable: registers keep what is written,
 * each endpoint its own behind INDEX_REG, and nothing ever happens.
 *
 * Not modelled: a connection.
 */
#include "hw/s3c24xx/usbdev.h"

#include <string.h>

#include "util/bits.h"
#include "util/log.h"

enum { BASE = 0x140, NUM_ENDPOINTS = 5 };

typedef struct Endpoint {
    uint32_t maxp, in1, in2, out1, out2;
} Endpoint;

typedef struct S3cUdc {
    Device dev;
    uint32_t func_addr, pwr, ep_int_en, usb_int_en, index;
    uint32_t dma[4][6];
    Endpoint ep[NUM_ENDPOINTS];
} S3cUdc;

static Endpoint *ep_of(Device *d)
{
    S3cUdc *s = (S3cUdc *)d;

    return &s->ep[s->index % NUM_ENDPOINTS];
}

static uint32_t read_maxp(Device *d) { return ep_of(d)->maxp; }
static uint32_t read_in1(Device *d) { return ep_of(d)->in1; }
static uint32_t read_in2(Device *d) { return ep_of(d)->in2; }
static uint32_t read_out1(Device *d) { return ep_of(d)->out1; }
static uint32_t read_out2(Device *d) { return ep_of(d)->out2; }
static void write_maxp(Device *d, uint32_t val) { ep_of(d)->maxp = val; }
static void write_in2(Device *d, uint32_t val) { ep_of(d)->in2 = val; }
static void write_out2(Device *d, uint32_t val) { ep_of(d)->out2 = val; }

/* "SEND_STALL" stays; packets are never sent, flags that software sets clear. */
static void write_in1(Device *d, uint32_t val) { ep_of(d)->in1 = val & 0x10; }
static void write_out1(Device *d, uint32_t val) { ep_of(d)->out1 = val & 0x20; }
static uint32_t read_zero(Device *d) { (void)d; return 0; }

static void write_nothing(Device *d, uint32_t val)
{
    (void)d;
    (void)val;
}

static void write_fifo(Device *d, uint32_t val)
{
    (void)d;
    log_guest("s3c2440-udc", "0x%02x for a host that is not there", val);
}

/* clang-format off */
#define AT(m) offsetof(S3cUdc, m)
#define VIRT REG_VIRTUAL
#define FIFO(n) \
    { "EP" #n "_FIFO", 0x1c0 + 4 * n - BASE, VIRT, REG_RW, 0, 0xff, read_zero, write_fifo }
#define DMA(n, at)                                                                           \
    { "EP" #n "_DMA_CON",   at +  0 - BASE, AT(dma[n - 1][0]), REG_RW, 0, 0xff, NULL, NULL }, \
    { "EP" #n "_DMA_UNIT",  at +  4 - BASE, AT(dma[n - 1][1]), REG_RW, 0, 0xff, NULL, NULL }, \
    { "EP" #n "_DMA_FIFO",  at +  8 - BASE, AT(dma[n - 1][2]), REG_RW, 0, 0xff, NULL, NULL }, \
    { "EP" #n "_DMA_TTC_L", at + 12 - BASE, AT(dma[n - 1][3]), REG_RW, 0, 0xff, NULL, NULL }, \
    { "EP" #n "_DMA_TTC_M", at + 16 - BASE, AT(dma[n - 1][4]), REG_RW, 0, 0xff, NULL, NULL }, \
    { "EP" #n "_DMA_TTC_H", at + 20 - BASE, AT(dma[n - 1][5]), REG_RW, 0, 0x0f, NULL, NULL }

/* "USB device special registers", little endian. */
static const RegDef udc_regs[] = {
    { "FUNC_ADDR_REG",  0x140 - BASE, AT(func_addr),  REG_RW, 0,    0xff, NULL,      NULL },
    { "PWR_REG",        0x144 - BASE, AT(pwr),        REG_RW, 0,    0x05, NULL,      NULL },
    { "EP_INT_REG",     0x148 - BASE, VIRT,           REG_RW, 0,    0x1f, read_zero, write_nothing },
    { "USB_INT_REG",    0x158 - BASE, VIRT,           REG_RW, 0,    0x07, read_zero, write_nothing },
    { "EP_INT_EN_REG",  0x15c - BASE, AT(ep_int_en),  REG_RW, 0x1f, 0x1f, NULL,      NULL },
    { "USB_INT_EN_REG", 0x16c - BASE, AT(usb_int_en), REG_RW, 0x04, 0x05, NULL,      NULL },
    { "FRAME_NUM1_REG", 0x170 - BASE, REG_CONST,      REG_R,  0,    0,    NULL,      NULL },
    { "FRAME_NUM2_REG", 0x174 - BASE, REG_CONST,      REG_R,  0,    0,    NULL,      NULL },
    { "INDEX_REG",      0x178 - BASE, AT(index),      REG_RW, 0,    0xff, NULL,      NULL },
    { "MAXP_REG",       0x180 - BASE, VIRT,           REG_RW, 0,    0x0f, read_maxp, write_maxp },
    { "IN_CSR1_REG",    0x184 - BASE, VIRT,           REG_RW, 0,    0xff, read_in1,  write_in1 },
    { "IN_CSR2_REG",    0x188 - BASE, VIRT,           REG_RW, 0,    0xf0, read_in2,  write_in2 },
    { "OUT_CSR1_REG",   0x190 - BASE, VIRT,           REG_RW, 0,    0xff, read_out1, write_out1 },
    { "OUT_CSR2_REG",   0x194 - BASE, VIRT,           REG_RW, 0,    0xe0, read_out2, write_out2 },
    { "OUT_FIFO_CNT1",  0x198 - BASE, REG_CONST,      REG_R,  0,    0,    NULL,      NULL },
    { "OUT_FIFO_CNT2",  0x19c - BASE, REG_CONST,      REG_R,  0,    0,    NULL,      NULL },
    FIFO(0), FIFO(1), FIFO(2), FIFO(3), FIFO(4),
    DMA(1, 0x200), DMA(2, 0x218), DMA(3, 0x240), DMA(4, 0x258),
    REG_END
};
/* clang-format on */

static void udc_reset(Device *d)
{
    S3cUdc *s = (S3cUdc *)d;

    for (int i = 0; i < NUM_ENDPOINTS; i++) {
        s->ep[i] = (Endpoint){ .maxp = 1, .in2 = 0x20 };
    }
    qemu_irq_lower(d->irq[0]);
}

static const WindowDef udc_windows[] = {
    { "udc", false, 0x270 - BASE, udc_regs, NULL },
    { .name = NULL }
};

static const VMField endpoint_vmstate[] = {
    VM_FIELD(Endpoint, maxp),
    VM_FIELD(Endpoint, in1),
    VM_FIELD(Endpoint, in2),
    VM_FIELD(Endpoint, out1),
    VM_FIELD(Endpoint, out2),
    VM_END
};

static const VMField udc_vmstate[] = {
    VM_FIELD(S3cUdc, func_addr),
    VM_FIELD(S3cUdc, pwr),
    VM_FIELD(S3cUdc, ep_int_en),
    VM_FIELD(S3cUdc, usb_int_en),
    VM_FIELD(S3cUdc, index),
    VM_ARRAY(S3cUdc, dma[0]),
    VM_ARRAY(S3cUdc, dma[1]),
    VM_ARRAY(S3cUdc, dma[2]),
    VM_ARRAY(S3cUdc, dma[3]),
    VM_STRUCTS(S3cUdc, ep, NUM_ENDPOINTS, endpoint_vmstate),
    VM_END
};

const DeviceType s3c2440_udc_type = {
    .name       = "s3c2440-udc",
    .desc       = "USB device controller",
    .manual     = "S3C2440A User's Manual, chapter 13",
    .bus        = "sys",
    .state_size = sizeof(S3cUdc),
    .windows    = udc_windows,
    .vmstate    = udc_vmstate,
    .num_irqs   = 1,
    .reset      = udc_reset,
};
