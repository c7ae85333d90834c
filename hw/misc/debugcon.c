/* SPDX-License-Identifier: MIT */
/*
 * Debug console: a port whose bytes go to a character device.
 *
 * Reading gives 0xe9, by which firmware knows that somebody listens (Bochs
 * documentation, "port E9 hack"; SeaBIOS looks at 0x402).
 */
#include "hw/misc/debugcon.h"

#include "char/char.h"

typedef struct DebugCon {
    Device dev;
    CharDriverState *chr;
    uint32_t iobase, readback;
} DebugCon;

static uint64_t debugcon_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)offset;
    (void)size;
    return ((DebugCon *)opaque)->readback & 0xff;
}

static void debugcon_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    uint8_t byte = (uint8_t)val;

    (void)offset;
    (void)size;
    chr_write(((DebugCon *)opaque)->chr, &byte, 1);
}

static const MemoryRegionOps debugcon_ops = { debugcon_read, debugcon_write, 1, 1 };

static const WindowDef debugcon_windows[] = {
    { "port", true, 1, NULL, &debugcon_ops },
    { NULL, false, 0, NULL, NULL }
};

static const PropDef debugcon_props[] = {
    { "chardev", PROP_CHAR, offsetof(DebugCon, chr), 0, "where bytes go" },
    { "iobase", PROP_U32, offsetof(DebugCon, iobase), 0xe9, "port" },
    { "readback", PROP_U32, offsetof(DebugCon, readback), 0xe9, "what reads give" },
    { NULL, PROP_BOOL, 0, 0, NULL }
};

const DeviceType isa_debugcon_type = {
    .name           = "isa-debugcon",
    .desc           = "debug console port",
    .manual         = "Bochs documentation, port E9 hack",
    .bus            = "isa",
    .state_size     = sizeof(DebugCon),
    .windows        = debugcon_windows,
    .props          = debugcon_props,
    .user_creatable = true,
};
