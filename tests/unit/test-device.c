/* SPDX-License-Identifier: MIT */
/* hw/core/device.h, statement by statement, with a device made for it. */
#include "hw/core/device.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/test.h"
#include "util/log.h"

typedef struct Toy {
    Device dev;
    uint32_t ctrl, data, status;
    uint32_t written, hook_calls;
    uint32_t number;
    uint64_t big;
    bool flag;
    char *text;
    Device *peer;
    uint8_t ports[8];
    unsigned sizes;                     /* of accesses to the wide window, or-ed */
    uint32_t wide[2];
} Toy;

static uint32_t read_virtual(Device *d)
{
    return ((Toy *)d)->written + 1;
}

static void write_hook(Device *d, uint32_t val)
{
    Toy *t = (Toy *)d;

    t->written = val;
    t->hook_calls++;
}

#define AT(m) offsetof(Toy, m)

static const RegDef toy_regs[] = {
    { "CTRL",   0x00, AT(ctrl),    REG_RW, 0x12345678, 0x00ffff00, NULL, write_hook },
    { "DATA",   0x04, AT(data),    REG_RW, 0, 0xffffffff, NULL, NULL },
    { "STATUS", 0x08, AT(status),  REG_R,  5, 0, NULL, NULL },
    { "ID",     0x0c, REG_CONST,   REG_R,  0xcafe, 0, NULL, NULL },
    { "VIRT",   0x10, REG_VIRTUAL, REG_RW, 0, 0x0000ffff, read_virtual, write_hook },
    { "CMD",    0x14, REG_VIRTUAL, REG_W,  0, 0xff, NULL, write_hook },
    REG_END
};

static uint64_t wide_read(void *opaque, hwaddr offset, unsigned size)
{
    Toy *t = opaque;

    t->sizes |= size;
    return t->wide[offset / 4];
}

static void wide_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Toy *t = opaque;

    t->sizes |= size;
    t->wide[offset / 4] = (uint32_t)val;
}

static uint64_t byte_read(void *opaque, hwaddr offset, unsigned size)
{
    CHECK_EQ(size, 1);
    return ((Toy *)opaque)->ports[offset];
}

static void byte_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    CHECK_EQ(size, 1);
    ((Toy *)opaque)->ports[offset] = (uint8_t)val;
}

static const MemoryRegionOps wide_ops = { wide_read, wide_write, 4, 4 };
static const MemoryRegionOps byte_ops = { byte_read, byte_write, 1, 1 };

enum { REGS, WIDE, BYTES };
static const WindowDef toy_windows[] = {
    { "regs", false, 0x20, toy_regs, NULL },
    { "wide", false, 8, NULL, &wide_ops },
    { "bytes", true, 8, NULL, &byte_ops },
    { .name = NULL }
};

static const PropDef toy_props[] = {
    { "number", PROP_U32, AT(number), 7, "a number" },
    { "big", PROP_U64, AT(big), 1ull << 40, "a large one" },
    { "flag", PROP_BOOL, AT(flag), 1, "yes or no" },
    { "text", PROP_STRING, AT(text), 0, "words" },
    { "peer", PROP_LINK, AT(peer), 0, "somebody" },
    { .name = NULL }
};

static const VMField toy_vmstate[] = {
    VM_FIELD(Toy, ctrl), VM_FIELD(Toy, data), VM_FIELD(Toy, status), VM_END
};

static int toy_realize(Device *d, Error *err)
{
    return ((Toy *)d)->number == 13 ? error_set(err, EINVAL, "toy: no 13") : 0;
}

static int toy_post_load(Device *d, Error *err)
{
    return ((Toy *)d)->data == 0xbad ? error_set(err, EINVAL, "bad data") : 0;
}

static int inputs_seen;

static void toy_input(Device *d, int n, int level)
{
    (void)d;
    inputs_seen = n * 10 + level;
}

static const DeviceType toy_type = {
    .name = "toy", .desc = "for tests", .manual = "TOY 1", .bus = "sys",
    .state_size = sizeof(Toy), .windows = toy_windows, .props = toy_props,
    .vmstate = toy_vmstate, .num_irqs = 2, .num_inputs = 3,
    .realize = toy_realize, .post_load = toy_post_load, .input = toy_input,
};

static Clock clock_;

static Toy *toy_new(void)
{
    clock_init_manual(&clock_);
    Device *d = device_new(&toy_type, "toy0", &clock_, NULL, NULL);

    device_reset(d);
    return (Toy *)d;
}

TEST(reset_gives_every_register_its_table_value)
{
    Toy *t = toy_new();

    CHECK_EQ(device_read(&t->dev, REGS, 0x00, 4), 0x12345678);
    CHECK_EQ(device_read(&t->dev, REGS, 0x08, 4), 5);
    device_write(&t->dev, REGS, 0x04, 99, 4);
    device_reset(&t->dev);
    CHECK_EQ(device_read(&t->dev, REGS, 0x04, 4), 0);
    device_free(&t->dev);
}

TEST(only_bits_of_wmask_can_be_written_and_the_hook_sees_them)
{
    Toy *t = toy_new();

    device_write(&t->dev, REGS, 0x00, 0xffffffff, 4);
    CHECK_EQ(device_read(&t->dev, REGS, 0x00, 4), 0x12ffff78);
    CHECK_EQ(t->written, 0x00ffff00);
    CHECK_EQ(t->hook_calls, 1);
    device_free(&t->dev);
}

TEST(read_only_write_only_and_absent_registers_are_guest_errors)
{
    Toy *t = toy_new();
    uint64_t before = log_count(LOG_GUEST_ERRORS);

    device_write(&t->dev, REGS, 0x08, 9, 4);
    CHECK_EQ(device_read(&t->dev, REGS, 0x08, 4), 5);
    CHECK_EQ(device_read(&t->dev, REGS, 0x14, 4), 0);
    CHECK_EQ(device_read(&t->dev, REGS, 0x1c, 4), 0);
    device_write(&t->dev, REGS, 0x1c, 1, 4);
    CHECK_EQ(log_count(LOG_GUEST_ERRORS) - before, 4);
    device_free(&t->dev);
}

TEST(constants_and_virtual_registers_have_no_storage)
{
    Toy *t = toy_new();

    CHECK_EQ(device_read(&t->dev, REGS, 0x0c, 4), 0xcafe);
    device_write(&t->dev, REGS, 0x10, 0x12345, 4);
    CHECK_EQ(device_read(&t->dev, REGS, 0x10, 4), 0x2346);
    device_free(&t->dev);
}

/* Sub-word accesses: a stored register keeps its other bytes. */
TEST(bytes_and_halfwords_of_registers)
{
    Toy *t = toy_new();

    CHECK_EQ(device_read(&t->dev, REGS, 0x01, 1), 0x56);
    CHECK_EQ(device_read(&t->dev, REGS, 0x02, 2), 0x1234);
    device_write(&t->dev, REGS, 0x05, 0xaa, 1);
    device_write(&t->dev, REGS, 0x06, 0xbbcc, 2);
    CHECK_EQ(device_read(&t->dev, REGS, 0x04, 4), 0xbbccaa00);
    device_write(&t->dev, REGS, 0x11, 0x7f, 1);
    CHECK_EQ(t->written, 0x7f00);
    device_free(&t->dev);
}

TEST(eight_bytes_are_two_registers)
{
    Toy *t = toy_new();

    device_write(&t->dev, REGS, 0x00, 0x1111222233334444, 8);
    CHECK_EQ(device_read(&t->dev, REGS, 0x04, 4), 0x11112222);
    CHECK_EQ(device_read(&t->dev, REGS, 0x00, 8), 0x1111222212334478);
    device_free(&t->dev);
}

/* A callback gets the sizes it says it takes. */
TEST(accesses_are_split_and_combined)
{
    Toy *t = toy_new();

    device_write(&t->dev, BYTES, 0, 0x44332211, 4);
    CHECK_EQ(device_read(&t->dev, BYTES, 1, 2), 0x3322);
    t->wide[0] = 0x01020304;
    CHECK_EQ(device_read(&t->dev, WIDE, 1, 1), 3);
    device_write(&t->dev, WIDE, 2, 0xaa, 1);
    CHECK_EQ(t->wide[0], 0x01aa0304);
    CHECK_EQ(device_read(&t->dev, WIDE, 0, 8), 0x01aa0304);
    CHECK_EQ(t->sizes, 4);
    device_free(&t->dev);
}

TEST(outside_of_a_window_nobody_answers)
{
    Toy *t = toy_new();

    CHECK_EQ(device_read(&t->dev, BYTES, 7, 2), 0xffff);
    CHECK_EQ(device_read(&t->dev, BYTES, 100, 1), 0xff);
    device_write(&t->dev, BYTES, 7, 0x5555, 2);
    CHECK_EQ(t->ports[7], 0);
    device_free(&t->dev);
}

TEST(properties_have_defaults_and_are_parsed)
{
    Toy *t = toy_new();
    Device *d = &t->dev;
    Error err;

    CHECK(t->number == 7 && t->big == 1ull << 40 && t->flag && !t->text);
    CHECK_EQ(device_set_prop(d, "number", "0x10", NULL, &err), 0);
    CHECK_EQ(t->number, 16);
    CHECK_EQ(device_set_prop(d, "big", "3G", NULL, &err), 0);
    CHECK_EQ(t->big, 3ull << 30);
    CHECK_EQ(device_set_prop(d, "flag", "off", NULL, &err), 0);
    CHECK(!t->flag);
    CHECK_EQ(device_set_prop(d, "text", "one", NULL, &err), 0);
    CHECK_EQ(device_set_prop(d, "text", "two", NULL, &err), 0);
    CHECK_STR(t->text, "two");
    device_free(d);
}

TEST(wrong_properties_are_sentences)
{
    Toy *t = toy_new();
    Device *d = &t->dev;
    Error err;

    CHECK_EQ(device_set_prop(d, "colour", "red", NULL, &err), -EINVAL);
    CHECK_STR(err.msg, "toy0: no property called 'colour', see -device toy,help");
    CHECK_EQ(device_set_prop(d, "number", "many", NULL, &err), -EINVAL);
    CHECK_STR(err.msg, "toy0: number wants a number, not 'many'");
    CHECK_EQ(device_set_prop(d, "number", "-1", NULL, &err), -EINVAL);
    CHECK_EQ(device_set_prop(d, "number", "4G", NULL, &err), -ERANGE);
    CHECK_EQ(device_set_prop(d, "flag", "perhaps", NULL, &err), -EINVAL);
    CHECK_STR(err.msg, "toy0: flag wants on or off, not 'perhaps'");
    CHECK_EQ(device_set_prop(d, "peer", "nobody", NULL, &err), -ENOENT);
    CHECK_STR(err.msg, "toy0: there is no device called 'nobody'");
    CHECK_EQ(t->number, 7);
    device_free(d);
}

static void *find_toy(void *opaque, PropKind kind, const char *name)
{
    return kind == PROP_LINK && !strcmp(name, "it") ? opaque : NULL;
}

TEST(links_are_resolved_by_name)
{
    Toy *t = toy_new(), *u = toy_new();
    PropResolver r = { find_toy, u };
    Error err;

    CHECK_EQ(device_set_prop(&t->dev, "peer", "it", &r, &err), 0);
    CHECK(t->peer == &u->dev);
    device_free(&t->dev);
    device_free(&u->dev);
}

TEST(properties_are_fixed_once_realized)
{
    Toy *t = toy_new();
    Error err;

    CHECK_EQ(device_realize(&t->dev, &err), 0);
    CHECK_EQ(device_set_prop(&t->dev, "number", "1", NULL, &err), -EBUSY);
    device_free(&t->dev);
}

TEST(realize_may_refuse)
{
    Toy *t = toy_new();
    Error err;

    t->number = 13;
    CHECK_EQ(device_realize(&t->dev, &err), -EINVAL);
    CHECK_STR(err.msg, "toy: no 13");
    CHECK(!t->dev.realized);
    device_free(&t->dev);
}

static void watch(void *opaque, int n, int level)
{
    *(int *)opaque = n * 10 + level;
}

TEST(wires)
{
    Toy *t = toy_new();
    int seen = 0;

    qemu_irq_raise(t->dev.irq[1]);      /* not connected: nothing happens */
    device_connect(&t->dev, 1, (qemu_irq){ watch, &seen, 4 });
    qemu_irq_raise(t->dev.irq[1]);
    CHECK_EQ(seen, 41);
    qemu_set_irq(device_input(&t->dev, 2), 1);
    CHECK_EQ(inputs_seen, 21);
    device_free(&t->dev);
}

TEST(windows_are_mapped_where_the_board_says)
{
    AddressSpace *mem = as_new("memory", 1 << 20), *io = as_new("io", 1 << 16);
    Device *d = device_new(&toy_type, NULL, &clock_, mem, io);

    device_reset(d);
    device_map(d, REGS, 0x8000, 0);
    device_map(d, BYTES, 0x300, 0);
    CHECK_EQ(as_load(mem, 0x8000, 4), 0x12345678);
    as_store(io, 0x303, 0x99, 1);
    CHECK_EQ(((Toy *)d)->ports[3], 0x99);
    device_map(d, REGS, 0x9000, 0);     /* moved */
    CHECK_EQ(as_load(mem, 0x9000, 4), 0x12345678);
    CHECK_EQ(as_load(mem, 0x8000, 4), 0xffffffff);
    device_free(d);
    CHECK_EQ(as_load(mem, 0x9000, 4), 0xffffffff);
    as_free(io);
    as_free(mem);
}

TEST(a_refused_snapshot_changes_nothing)
{
    Toy *t = toy_new();
    uint8_t image[12] = { 0 };
    Error err;

    device_write(&t->dev, REGS, 0x04, 0x600d, 4);
    image[4] = 0xad;                    /* DATA = 0xbad */
    image[5] = 0x0b;
    CHECK(device_load(&t->dev, image, sizeof(image), &err) < 0);
    CHECK_STR(err.msg, "toy0: bad data");
    CHECK_EQ(t->data, 0x600d);
    CHECK(device_load(&t->dev, image, 11, &err) < 0);
    CHECK_EQ(t->data, 0x600d);
    image[5] = 0;
    CHECK_EQ(device_load(&t->dev, image, sizeof(image), &err), 0);
    CHECK_EQ(t->data, 0xad);
    device_free(&t->dev);
}

typedef struct Text { char buf[2000]; } Text;

static void collect(void *opaque, const char *line)
{
    Text *t = opaque;
    size_t len = strlen(t->buf);

    snprintf(t->buf + len, sizeof(t->buf) - len, "%s", line);
}

TEST(dump_and_help_come_from_the_tables)
{
    Toy *t = toy_new();
    Text text = { "" };

    device_dump(&t->dev, collect, &text);
    CHECK(strstr(text.buf, "toy0: toy\n"));
    CHECK(strstr(text.buf, "  number = 0x7\n"));
    CHECK(strstr(text.buf, "000 CTRL         0x12345678\n"));
    CHECK(!strstr(text.buf, "VIRT"));
    text.buf[0] = 0;
    device_type_help(&toy_type, collect, &text);
    CHECK(strstr(text.buf, "toy: for tests, bus sys, manual: TOY 1\n"));
    CHECK(strstr(text.buf, "  number=<a number>  a number (default 0x7)\n"));
    CHECK(strstr(text.buf, "  flag=<on or off>  yes or no (default on)\n"));
    CHECK(strstr(text.buf, "  peer=<device>  somebody\n"));
    device_free(&t->dev);
}
