/* SPDX-License-Identifier: MIT */
/*
 * Port 0x80: the two digits of a POST card.
 *
 * Writes are remembered and traced; systems also write here just to wait a
 * microsecond.  Real boards share the port with a spare 8237 page register,
 * which is why it can be read back.
 */
#include "hw/misc/debugcon.h"

typedef struct PostPort {
    Device dev;
    uint8_t code;
} PostPort;

static uint64_t post_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)offset;
    (void)size;
    return ((PostPort *)opaque)->code;
}

static void post_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)offset;
    (void)size;
    ((PostPort *)opaque)->code = (uint8_t)val;
}

static void post_reset(Device *d)
{
    ((PostPort *)d)->code = 0;
}

static const MemoryRegionOps post_ops = { post_read, post_write, 1, 1 };

static const WindowDef post_windows[] = {
    { "port", true, 1, NULL, &post_ops },
    { NULL, false, 0, NULL, NULL }
};

static const VMField post_vmstate[] = {
    VM_FIELD(PostPort, code),
    VM_END
};

const DeviceType post_port_type = {
    .name       = "post-port",
    .desc       = "POST code display",
    .manual     = "IBM PC AT Technical Reference 6280070",
    .bus        = "sys",
    .state_size = sizeof(PostPort),
    .windows    = post_windows,
    .vmstate    = post_vmstate,
    .reset      = post_reset,
};
