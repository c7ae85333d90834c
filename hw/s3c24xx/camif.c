/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A camera interface (S3C2440A User's Manual rev. 1, chapter 23).
 *
 * No sensor is connected: no pixel clock, so no frame ever ends.  Registers keep
 * what is written, those of status are 0.
 *
 * Not modelled: a sensor, and with it pictures and interrupts.
 */
#include "hw/s3c24xx/camif.h"

#include <string.h>

#include "util/log.h"

/* CISRCFMT to CIIMGCPT.  Status: CICOSTATUS, CIPRSTATUS. */
enum { NUM_REGS = 0xa4 / 4, CICOSTATUS = 0x64, CIPRSTATUS = 0x98, CIIMGCPT = 0xa0 };

typedef struct S3cCamif {
    Device dev;
    uint32_t reg[NUM_REGS];
    uint8_t told;
} S3cCamif;

static uint64_t cam_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return ((S3cCamif *)opaque)->reg[offset / 4];
}

static void cam_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    S3cCamif *s = opaque;

    (void)size;
    if (offset == CICOSTATUS || offset == CIPRSTATUS) {
        return;
    }
    s->reg[offset / 4] = (uint32_t)val;
    if (offset == CIIMGCPT && val && !s->told) {
        s->told = 1;
        log_unimp("s3c2440-camif", "no camera is connected to it");
    }
}

static const MemoryRegionOps cam_ops = { cam_read, cam_write, 4, 4 };

static void camif_reset(Device *d)
{
    S3cCamif *s = (S3cCamif *)d;

    memset(s->reg, 0, sizeof(s->reg));
    s->told = 0;
}

static const WindowDef camif_windows[] = {
    { "camif", false, NUM_REGS * 4, NULL, &cam_ops },
    { .name = NULL }
};

static const VMField camif_vmstate[] = {
    VM_ARRAY(S3cCamif, reg),
    VM_FIELD(S3cCamif, told),
    VM_END
};

const DeviceType s3c2440_camif_type = {
    .name       = "s3c2440-camif",
    .desc       = "camera interface",
    .manual     = "S3C2440A User's Manual, chapter 23",
    .bus        = "sys",
    .state_size = sizeof(S3cCamif),
    .windows    = camif_windows,
    .vmstate    = camif_vmstate,
    .reset      = camif_reset,
};
