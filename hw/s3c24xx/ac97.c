/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A AC97 controller (S3C2440A User's Manual rev. 1, chapter 24).
 *
 * No codec is connected, so its registers keep what is written, and the link
 * stays idle: no codec is ever ready.
 *
 * Not modelled: a codec, and with it sound and interrupts.
 */
#include "hw/s3c24xx/ac97.h"

#include "util/log.h"

enum { STAT_IDLE = 1 };

typedef struct S3cAc97 {
    Device dev;
    uint32_t glbctrl, codec_cmd, told;
} S3cAc97;

static void write_glbctrl(Device *d, uint32_t val)
{
    S3cAc97 *s = (S3cAc97 *)d;

    if (val && !s->told) {
        s->told = 1;
        log_unimp("s3c2440-ac97", "no codec is connected to it");
    }
}

/* clang-format off */
#define AT(m) offsetof(S3cAc97, m)
/* "AC97 controller special registers". */
static const RegDef ac97_regs[] = {
    { "AC_GLBCTRL",    0x00, AT(glbctrl),   REG_RW, 0, 0x007f3f0f, NULL, write_glbctrl },
    { "AC_GLBSTAT",    0x04, REG_CONST,     REG_R,  STAT_IDLE, 0,  NULL, NULL },
    { "AC_CODEC_CMD",  0x08, AT(codec_cmd), REG_RW, 0, 0x00ffffff, NULL, NULL },
    { "AC_CODEC_STAT", 0x0c, REG_CONST,     REG_R,  0, 0,          NULL, NULL },
    { "AC_PCMADDR",    0x10, REG_CONST,     REG_R,  0, 0,          NULL, NULL },
    { "AC_MICADDR",    0x14, REG_CONST,     REG_R,  0, 0,          NULL, NULL },
    { "AC_PCMDATA",    0x18, REG_CONST,     REG_RW, 0, 0,          NULL, NULL },
    { "AC_MICDATA",    0x1c, REG_CONST,     REG_R,  0, 0,          NULL, NULL },
    REG_END
};
/* clang-format on */

static void ac97_reset(Device *d)
{
    ((S3cAc97 *)d)->told = 0;
}

static const WindowDef ac97_windows[] = {
    { "ac97", false, 0x1000, ac97_regs, NULL },
    { .name = NULL }
};

static const VMField ac97_vmstate[] = {
    VM_FIELD(S3cAc97, glbctrl),
    VM_FIELD(S3cAc97, codec_cmd),
    VM_FIELD(S3cAc97, told),
    VM_END
};

const DeviceType s3c2440_ac97_type = {
    .name       = "s3c2440-ac97",
    .desc       = "AC97 controller",
    .manual     = "S3C2440A User's Manual, chapter 24",
    .bus        = "sys",
    .state_size = sizeof(S3cAc97),
    .windows    = ac97_windows,
    .vmstate    = ac97_vmstate,
    .reset      = ac97_reset,
};
