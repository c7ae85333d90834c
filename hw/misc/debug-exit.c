/* SPDX-License-Identifier: MIT */
/*
 * isa-debug-exit: a write of N ends the emulator with status N << 1 | 1, so
 * that a bare-metal test can report its result.  0 is never a status of it:
 * that is an orderly shutdown.
 */
#include "hw/misc/debugcon.h"

typedef struct DebugExit {
    Device dev;
    uint32_t iobase;
    void (*exit_with)(void *opaque, int status);
    void *opaque;
} DebugExit;

void isa_debug_exit_connect(Device *d, void (*exit_with)(void *opaque, int status),
                            void *opaque)
{
    DebugExit *s = (DebugExit *)d;

    s->exit_with = exit_with;
    s->opaque = opaque;
}

static uint64_t exit_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)size;
    return 0;
}

static void exit_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    DebugExit *s = opaque;

    (void)offset;
    (void)size;
    if (s->exit_with) {
        s->exit_with(s->opaque, (int)(val & 0x7f) << 1 | 1);
    }
}

static const MemoryRegionOps exit_ops = { exit_read, exit_write, 1, 4 };

static const WindowDef exit_windows[] = {
    { "port", true, 4, NULL, &exit_ops },
    { NULL, false, 0, NULL, NULL }
};

static const PropDef exit_props[] = {
    { "iobase", PROP_U32, offsetof(DebugExit, iobase), 0x501, "first port" },
    { NULL, PROP_BOOL, 0, 0, NULL }
};

const DeviceType isa_debug_exit_type = {
    .name           = "isa-debug-exit",
    .desc           = "ends the emulator with a status",
    .manual         = "none",
    .bus            = "isa",
    .state_size     = sizeof(DebugExit),
    .windows        = exit_windows,
    .props          = exit_props,
    .user_creatable = true,
};
