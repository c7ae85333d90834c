/* SPDX-License-Identifier: MIT */
/* The monitor against a machine that is only memory, ports and a clock. */
#include "monitor/monitor.h"

#include <stdlib.h>
#include <unistd.h>

#include "monitor/command.h"
#include "monitor/expr.h"
#include "tests/test.h"
#include "ui/console.h"
#include "util/log.h"
#include "util/mem.h"

/* -- Expressions ------------------------------------------------------------- */

static bool fake_register(void *opaque, const char *name, uint64_t *val)
{
    (void)opaque;
    *val = !strcmp(name, "eax") ? 0x1234 : 0xf0000;
    return !strcmp(name, "eax") || !strcmp(name, "cs.base");
}

static int64_t eval(const char *text)
{
    ExprEnv env = { fake_register, NULL };
    const char *p = text;
    int64_t val = -1;
    Error err;

    CHECK_EQ(expr_eval(&p, &env, &val, &err), 0);
    return val;
}

TEST(expressions)
{
    CHECK_EQ(eval("1+2*3"), 7);
    CHECK_EQ(eval("(1 + 2) * 3"), 9);
    CHECK_EQ(eval("0x10-1"), 15);
    CHECK_EQ(eval("010"), 8);
    CHECK_EQ(eval("-6 / 4"), -1);
    CHECK_EQ(eval("-6 % 4"), -2);
    CHECK_EQ(eval("0x8000000000000000 / -1"), INT64_MIN);
    CHECK_EQ(eval("~0 & 0xff"), 0xff);
    CHECK_EQ(eval("1 | 6 ^ 2"), (1 | 6) ^ 2);
    CHECK_EQ(eval("17 % 5"), 2);
    CHECK_EQ(eval("'A'+1"), 'B');
    CHECK_EQ(eval("$eax+$cs.base"), 0xf1234);
}

/* "10 -5" is two expressions: the second argument may be negative. */
TEST(expression_ends_before_a_signed_one)
{
    ExprEnv env = { NULL, NULL };
    const char *p = "10 -5";
    int64_t val;
    Error err;

    CHECK_EQ(expr_eval(&p, &env, &val, &err), 0);
    CHECK_EQ(val, 10);
    CHECK_STR(p, " -5");
    p = "4 /path";
    CHECK_EQ(expr_eval(&p, &env, &val, &err), 0);
    CHECK_STR(p, " /path");
}

TEST(bad_expressions_are_sentences)
{
    static const char *const bad[] = {
        "", "1/0", "1%0", "(1", "$nothing", "99999999999999999999", "*", "'a",
        "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1",
        "------------------------------------------------------------------------1",
    };
    ExprEnv env = { fake_register, NULL };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *p = bad[i];
        int64_t val;
        Error err = { "" };

        CHECK(expr_eval(&p, &env, &val, &err) < 0);
        CHECK(err.msg[0] != 0);
    }
}

/* -- The rig ----------------------------------------------------------------- */

typedef struct Rig {
    Machine m;
    MonitorOps ops;
    Clock clock;
    MemoryRegion ram, port;
    uint8_t ports[16];
    int quits;
    char out[20000];
} Rig;

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return ((Rig *)opaque)->ports[offset];
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)size;
    ((Rig *)opaque)->ports[offset] = (uint8_t)val;
}

static const MemoryRegionOps port_ops = { port_read, port_write, 1, 1 };

static void count_quit(void *opaque)
{
    ((Rig *)opaque)->quits++;
}

static Rig *rig_new(void)
{
    Rig *r = xzalloc(sizeof(*r));

    clock_init_manual(&r->clock);
    r->m = (Machine){ .clock = &r->clock, .mem = as_new("memory", 1ull << 32),
                      .io = as_new("io", 0x10000) };
    region_init_ram(&r->ram, "ram", ram_block_new("ram", 0x10000));
    region_map(r->m.mem, &r->ram, 0, 0);
    region_init_io(&r->port, "port", 16, &port_ops, r);
    region_map(r->m.io, &r->port, 0x70, 0);
    r->ops = (MonitorOps){ .machine = &r->m, .name = "tester", .quit = count_quit,
                           .opaque = r };
    return r;
}

static void rig_free(Rig *r)
{
    sendkey_release();
    as_free(r->m.mem);
    as_free(r->m.io);
    free(r);
}

static void collect(void *opaque, const char *text)
{
    Rig *r = opaque;

    strncat(r->out, text, sizeof(r->out) - strlen(r->out) - 1);
}

static const char *run(Rig *r, const char *line)
{
    r->out[0] = 0;
    monitor_exec(&r->ops, line, collect, r);
    return r->out;
}

/* -- Commands ---------------------------------------------------------------- */

TEST(unknown_and_wrong_commands_say_so)
{
    Rig *r = rig_new();

    CHECK_STR(run(r, "frob"), "unknown command: 'frob'\n");
    CHECK_STR(run(r, ""), "");
    CHECK_STR(run(r, "   "), "");
    CHECK_STR(run(r, "sendkey"), "usage: sendkey keys [hold_ms]\n");
    CHECK(strstr(run(r, "stop now"), "'now' is too much") != NULL);
    CHECK(strstr(run(r, "log \"in_asm"), "quote") != NULL);
    CHECK(strstr(run(r, "xp/z 0"), "format") != NULL);
    CHECK(strstr(run(r, "stop"), "no CPU") != NULL);
    CHECK(strstr(run(r, "info registers"), "no CPU") != NULL);
    rig_free(r);
}

TEST(help)
{
    Rig *r = rig_new();

    CHECK(strstr(run(r, "help"), "screendump") != NULL);
    CHECK_STR(run(r, "? stop"), "stop  -- stop emulation\n");
    CHECK(strstr(run(r, "help info"), "info qtree") != NULL);
    CHECK(strstr(run(r, "help log"), "in_asm") != NULL);
    CHECK(strstr(run(r, "help frob"), "unknown") != NULL);
    CHECK(strstr(run(r, "info nothing"), "there is no 'nothing'") != NULL);
    rig_free(r);
}

TEST(quit_and_its_short_name)
{
    Rig *r = rig_new();

    run(r, "quit");
    run(r, "q");
    CHECK_EQ(r->quits, 2);
    rig_free(r);
}

TEST(physical_memory)
{
    Rig *r = rig_new();

    as_store(r->m.mem, 0x100, 0xdeadbeef, 4);
    as_store(r->m.mem, 0x104, 0x41, 4);
    CHECK_STR(run(r, "xp/2xw 0x100"), "00000100: 0xdeadbeef 0x00000041\n");
    CHECK_STR(run(r, "xp /4xb 0x100"), "00000100: 0xef 0xbe 0xad 0xde\n");
    CHECK_STR(run(r, "xp/dh 0x100"), "00000100: -16657\n");
    CHECK_STR(run(r, "xp/uh 0x100"), "00000100: 48879\n");
    CHECK_STR(run(r, "xp/c 0x104"), "00000104: 'A'\n");
    CHECK_STR(run(r, "xp/ob 0x104"), "00000104: 0101\n");
    CHECK_STR(run(r, "xp/1xg 0x100"), "00000100: 0x00000041deadbeef\n");
    CHECK_STR(run(r, "xp/5xw 0x200"),
              "00000200: 0x00000000 0x00000000 0x00000000 0x00000000\n"
              "00000210: 0x00000000\n");
    CHECK_STR(run(r, "sum 0x100 2"), "33077\n");        /* as sum -r */
    rig_free(r);
}

TEST(print_and_ports)
{
    Rig *r = rig_new();

    CHECK_STR(run(r, "p 16+4"), "0x14\n");
    CHECK_STR(run(r, "print/d -1"), "-1\n");
    CHECK_STR(run(r, "p/c 65"), "'A'\n");
    CHECK_STR(run(r, "p/o 8"), "010\n");
    CHECK_STR(run(r, "o 0x74 0x5a"), "");
    CHECK_EQ(r->ports[4], 0x5a);
    CHECK_STR(run(r, "i 0x74"), "portb[0x0074] = 0x5a\n");
    CHECK_STR(run(r, "i/h 0x74"), "portw[0x0074] = 0x005a\n");
    r->ports[1] = 0x77;
    CHECK_STR(run(r, "i 0x70 0x0b"), "portb[0x0071] = 0x77\n");
    CHECK_EQ(r->ports[0], 0x0b);
    rig_free(r);
}

TEST(memory_to_a_file)
{
    Rig *r = rig_new();
    uint8_t buf[8] = { 0 };

    as_store(r->m.mem, 0x1ffe, 0x04030201, 4);
    CHECK_STR(run(r, "pmemsave 0x1ffe 4 \"/tmp/test-monitor file\""), "");
    FILE *f = fopen("/tmp/test-monitor file", "rb");
    CHECK(f && fread(buf, 1, 8, f) == 4);
    CHECK(!memcmp(buf, "\1\2\3\4", 4));
    fclose(f);
    unlink("/tmp/test-monitor file");
    CHECK(strstr(run(r, "pmemsave 0 4 /nonexistent/x"), "No such file") != NULL);
    CHECK(strstr(run(r, "pmemsave 0 -4 /tmp/x"), "size") != NULL);
    rig_free(r);
}

typedef struct Keys { char log[300]; } Keys;

static void on_key(void *opaque, uint8_t key, bool down)
{
    Keys *k = opaque;
    size_t n = strlen(k->log);

    snprintf(k->log + n, sizeof(k->log) - n, "%c%02x ", down ? '+' : '-', key);
}

/* Keys go down in order and up in reverse order when the time is over. */
TEST(sendkey)
{
    Rig *r = rig_new();
    Keys keys = { "" };

    input_add_keyboard(&(KeySink){ on_key, NULL, &keys });
    CHECK_STR(run(r, "sendkey ctrl-alt-delete"), "");
    CHECK_STR(keys.log, "+1d +38 +d3 ");
    clock_step(&r->clock, 99 * NS_PER_MS);
    CHECK_STR(keys.log, "+1d +38 +d3 ");
    clock_step(&r->clock, 1 * NS_PER_MS);
    CHECK_STR(keys.log, "+1d +38 +d3 -d3 -38 -1d ");
    keys.log[0] = 0;
    clock_step(&r->clock, 20 * NS_PER_MS);
    run(r, "sendkey a 500");
    run(r, "sendkey 0x30");             /* waits, but not so long */
    CHECK_STR(keys.log, "+1e ");
    clock_step(&r->clock, 20 * NS_PER_MS);
    CHECK_STR(keys.log, "+1e -1e ");
    clock_step(&r->clock, 20 * NS_PER_MS);
    CHECK_STR(keys.log, "+1e -1e +30 ");
    clock_step(&r->clock, 100 * NS_PER_MS);
    CHECK_STR(keys.log, "+1e -1e +30 -30 ");
    CHECK_STR(run(r, "sendkey a-nokey"), "sendkey: unknown key: 'nokey'\n");
    input_remove_keyboard(&keys);
    rig_free(r);
}

static void on_move(void *opaque, int x, int y, int dz, int buttons)
{
    int *p = opaque;

    p[0] = x, p[1] = y, p[2] = dz, p[3] = buttons;
}

TEST(mouse)
{
    Rig *r = rig_new();
    int got[4] = { 0 };

    input_add_pointer(&(PointerSink){ on_move, false, "test mouse", got });
    run(r, "mouse_button 1");
    CHECK_EQ(got[3], POINTER_LEFT);
    run(r, "mouse_move 10 -5 1");
    CHECK(got[0] == 10 && got[1] == -5 && got[2] == 1 && got[3] == POINTER_LEFT);
    CHECK(strstr(run(r, "info mice"), "* Mouse #0: test mouse") != NULL);
    run(r, "mouse_button 0");
    CHECK_EQ(got[3], 0);
    input_remove_pointer(got);
    rig_free(r);
}

TEST(info_commands)
{
    Rig *r = rig_new();

    CHECK(strlen(run(r, "info version")) > 1);
    CHECK_STR(run(r, "info name"), "tester\n");
    CHECK_STR(run(r, "info status"), "VM status: paused\n");
    CHECK(strstr(run(r, "info mtree"), "ram") != NULL);
    CHECK(strstr(run(r, "info pci"), "no PCI") != NULL);
    CHECK_STR(run(r, "info qtree"), "");
    rig_free(r);
}

TEST(log_command)
{
    Rig *r = rig_new();

    run(r, "log in_asm,int");
    CHECK(log_on(LOG_IN_ASM));
    CHECK(log_on(LOG_INT));
    run(r, "log none");
    CHECK(!log_on(LOG_IN_ASM));
    CHECK(strstr(run(r, "log nonsense"), "no log item") != NULL);
    rig_free(r);
}

TEST(drives_by_name)
{
    Rig *r = rig_new();

    CHECK(strstr(run(r, "eject nodrive"), "no drive called 'nodrive'") != NULL);
    CHECK(strstr(run(r, "eject -f nodrive"), "no drive called 'nodrive'") != NULL);
    CHECK(strstr(run(r, "change nodrive /x"), "no drive") != NULL);
    CHECK(strstr(run(r, "drive_backup -n -f nodrive x"), "called 'nodrive'") != NULL);
    CHECK(strstr(run(r, "drive_mirror -f -n nodrive x raw"), "called 'nodrive'") != NULL);
    CHECK(strstr(run(r, "snapshot_blkdev -f nodrive x"), "called '-f'") != NULL);
    CHECK_STR(run(r, "info block-jobs"), "No active jobs\n");
    rig_free(r);
}

/* -- The line editor --------------------------------------------------------- */

typedef struct Editor {
    Readline r;
    char lines[400], screen[4000];
} Editor;

static void ed_put(void *opaque, const char *text)
{
    Editor *e = opaque;

    strncat(e->screen, text, sizeof(e->screen) - strlen(e->screen) - 1);
}

static void ed_done(void *opaque, const char *line)
{
    Editor *e = opaque;

    strcat(e->lines, line);
    strcat(e->lines, "|");
}

static void ed_complete(void *opaque, const char *left, Completions *c)
{
    static const char *const words[] = { "screendump", "sendkey", "stop", "system_reset" };

    (void)opaque;
    snprintf(c->prefix, sizeof(c->prefix), "%s", left);
    for (size_t i = 0; i < 4; i++) {
        completions_add(c, words[i]);
    }
}

static const char *type(const char *keys)
{
    static Editor e;

    memset(&e, 0, sizeof(e));
    readline_init(&e.r, "> ", &e);
    e.r.put = ed_put;
    e.r.done = ed_done;
    e.r.complete = ed_complete;
    for (const char *p = keys; *p; p++) {
        readline_byte(&e.r, (uint8_t)*p);
    }
    readline_free(&e.r);
    return e.lines;
}

TEST(line_editing)
{
    CHECK_STR(type("stop\r"), "stop|");
    CHECK_STR(type("stop\r\ncont\n"), "stop|cont|");
    CHECK_STR(type("stpo\b\bop\n"), "stop|");
    CHECK_STR(type("top\001s\n"), "stop|");             /* C-a */
    CHECK_STR(type("top\033[Hs\005!\n"), "stop!|");     /* home, C-e */
    CHECK_STR(type("ab\033[D\033[Dx\033[Cy\n"), "xayb|");
    CHECK_STR(type("one two\027three\n"), "one three|");        /* C-w */
    CHECK_STR(type("junk\025ok\n"), "ok|");             /* C-u */
    CHECK_STR(type("abc\002\002\013\n"), "a|");         /* C-b C-b C-k */
    CHECK_STR(type("abc\001\004\033[3~\n"), "c|");      /* C-d, delete */
    CHECK_STR(type("gone\003kept\n"), "kept|");         /* C-c */
    CHECK_STR(type("\033[1;5Cx\033Oz\n"), "x|");
}

TEST(line_history)
{
    CHECK_STR(type("one\ntwo\n\033[A\033[A\n"), "one|two|one|");
    CHECK_STR(type("one\ntwo\n\020\020\016\n"), "one|two|two|");
    CHECK_STR(type("one\n\033[A\033[B\n"), "one||");
}

TEST(line_completion)
{
    CHECK_STR(type("st\t\n"), "stop |");
    CHECK_STR(type("sy\tx\n"), "system_reset x|");
    CHECK_STR(type("s\tt\t\n"), "stop |");      /* several: listed, not chosen */
    CHECK_STR(type("zz\t\n"), "zz|");
}

TEST(endless_line_is_cut)
{
    char *keys = xzalloc(5000);

    memset(keys, 'x', 4000);
    keys[4000] = 0;
    CHECK_STR(type(keys), "");
    free(keys);
}
