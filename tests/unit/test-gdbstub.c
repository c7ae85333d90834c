/* SPDX-License-Identifier: MIT */
/*
 * GDB's remote protocol against an i386 that is only RAM (GDB manual, appendix
 * "Remote Serial Protocol"; paragraphs are named by their titles).
 *
 *   code at 1000 in real mode; 2000 a GDT
 */
#include "gdbstub.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "exec.h"
#include "hw/core/memory.h"
#include "sys/loop.h"
#include "target-i386/cpu.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

enum { RAM_SIZE = 0x200000, CODE = 0x1000, GDT = 0x2000, SIZE_G = (16 + 8) * 4 + 80 + 128 + 4 };

static struct {
    CPUs *cpus;
    CPUX86State *env;
    AddressSpace *mem;
    MemoryRegion region;
    Clock clock;
    GDBStub *gdb;
    int fd, quits;
    char path[100];
    char got[20000];
    size_t len;
} m;

/* -- The machine and the line ------------------------------------------------ */

static void count_quit(void *opaque)
{
    (void)opaque;
    m.quits++;
}

static void pump(void)
{
    loop_run_once(1000000);
    ssize_t n = read(m.fd, m.got + m.len, sizeof(m.got) - 1 - m.len);

    m.len += n > 0 ? (size_t)n : 0;
    m.got[m.len] = 0;
}

/* Until it has come, 10 s at most. */
static bool wait_for(const char *text)
{
    time_t end = time(NULL) + 10;

    while (!strstr(m.got, text) && time(NULL) < end) {
        pump();
    }
    return strstr(m.got, text) != NULL;
}

static void connect_line(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", m.path);
    m.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(connect(m.fd, (struct sockaddr *)&a, sizeof(a)), 0);
    fcntl(m.fd, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 1000 && !gdbstub_attached(m.gdb); i++) {
        pump();
    }
    CHECK(gdbstub_attached(m.gdb));
}

static void open_all(int num_cpus)
{
    static const uint8_t code[] = { 0x40, 0x43, 0xeb, 0xfc };   /* inc ax; inc bx; jmp 1000 */
    Error err = { "" };

    memset(&m, 0, sizeof(m));
    global_lock();
    clock_init(&m.clock);
    m.mem = as_new("memory", 1ull << 32);
    region_init_ram(&m.region, "ram", ram_block_new("ram", RAM_SIZE));
    region_map(m.mem, &m.region, 0, 0);
    CPUsConfig c = { .ops = &x86_cpu_ops, .mem = m.mem, .clock = &m.clock,
                     .accel = { .tb_size = 8 << 20 } };

    m.cpus = cpus_new(&c, &err);
    for (int i = 0; i < num_cpus; i++) {
        CPUX86State *env = x86_env(cpu_create(m.cpus));

        CHECK_EQ(x86_set_model(env, "core2duo", &err), 0);
        env->a20_mask = ~0u;
        env->segs[R_CS].selector = env->segs[R_CS].base = 0;
        env->eip = CODE;
        env->common.halted = env->wait_for_sipi = 0;
    }
    m.env = x86_env(cpus_get(m.cpus, 0));
    as_write(m.mem, CODE, code, sizeof(code));
    snprintf(m.path, sizeof(m.path), "/tmp/test-gdbstub-%d", (int)getpid());
    MonitorOps ops = { .cpus = m.cpus, .quit = count_quit, .name = "tester" };
    char *spec = xasprintf("unix:%s,server,nowait", m.path);

    m.gdb = gdbstub_new(&ops);
    CHECK_EQ(gdbstub_open(m.gdb, spec, &err), 0);
    free(spec);
    cpus_start(m.cpus, NULL);
    connect_line();
}

static void close_all(void)
{
    gdbstub_close(m.gdb, 0);
    vm_stop(m.cpus, STOP_USER);
    gdbstub_free(m.gdb);
    close(m.fd);
    cpus_free(m.cpus);
    as_free(m.mem);
    global_unlock();
}

#define MACHINE(id, num_cpus)                                               \
    static void id##_on(void);                                              \
    TEST(id) { open_all(num_cpus); id##_on(); close_all(); }                \
    static void id##_on(void)

static void send_raw(const char *text, size_t len)
{
    m.len = 0;
    m.got[0] = 0;
    CHECK_EQ(write(m.fd, text, len), len);
}

static void send_data(const char *data, size_t len)
{
    char packet[8200];
    unsigned sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum += (uint8_t)data[i];
    }
    packet[0] = '$';
    memcpy(packet + 1, data, len);
    snprintf(packet + 1 + len, 4, "#%02x", sum & 0xff);
    send_raw(packet, len + 4);
}

/* The data of the last packet that came. */
static const char *last_reply(void)
{
    static char data[9000];
    char *start = strrchr(m.got, '$'), *end = start ? strchr(start, '#') : NULL;
    unsigned sum = 0;

    if (!end) {
        return "(none)";
    }
    snprintf(data, sizeof(data), "%.*s", (int)(end - start - 1), start + 1);
    for (const char *p = data; *p; p++) {
        sum += (uint8_t)*p;
    }
    CHECK_EQ(strtoul(end + 1, NULL, 16), sum & 0xff);
    return data;
}

static const char *ask_data(const char *data, size_t len)
{
    send_data(data, len);
    for (int i = 0; i < 2000; i++) {
        char *hash;

        pump();
        hash = strrchr(m.got, '#');
        if (hash && strlen(hash) == 3) {
            break;
        }
    }
    return last_reply();
}

static const char *ask(const char *data)
{
    return ask_data(data, strlen(data));
}

static const char *ask_number(unsigned n)
{
    char text[20];

    snprintf(text, sizeof(text), "p%x", n);
    return ask(text);
}

/* -- Overview: framing ------------------------------------------------------- */

MACHINE(packets_are_acknowledged_and_summed, 1)
{
    send_raw("$qC#b4", 6);
    CHECK(wait_for("+$QC01#"));
    send_raw("-", 1);                   /* "-" asks for it again */
    CHECK(wait_for("$QC01#f5"));
    send_raw("$qC#b5", 6);              /* a wrong sum is not acted upon */
    CHECK(wait_for("-"));
    CHECK(!strchr(m.got, '$'));
    send_raw("$qC$qC#b4", 9);           /* a new start ends what was cut off */
    CHECK(wait_for("+$QC01#"));
    CHECK_STR(ask("QStartNoAckMode"), "OK");
    send_raw("+$qC#00", 7);             /* "sums need not be right" then */
    CHECK(wait_for("$QC01#f5"));
    CHECK(!strchr(m.got, '+'));
}

/* "}" and the byte xor 0x20; in X, where any byte may come. */
MACHINE(binary_data_is_escaped, 1)
{
    static const char data[] = "X3000,6:}\x03}\x04}]}\x0a" "\0z";

    CHECK_STR(ask_data(data, sizeof(data) - 1), "OK");
    CHECK_EQ(as_load(m.mem, 0x3000, 8) & 0xffffffffffff, 0x7a002a7d2423);
    CHECK_STR(ask("m3000,6"), "23247d2a007a");
}

MACHINE(unknown_packets_get_the_empty_reply, 1)
{
    static const char *const rows[] = { "vMustReplyEmpty", "qTStatus", "!", "R00", "bs", "Z5,0,1" };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CHECK_STR(ask(rows[i]), "");
    }
}

MACHINE(malformed_packets_are_errors, 1)
{
    static const char *const rows[] = {
        "m", "m1000", "m1000,", "m,1", "mxyz,1", "m1000,1x", "M1000,2:1", "M1000,1:zz",
        "M1000,1:1234", "X1000,2:a", "p", "pzz", "p1000", "P", "P0", "P0=", "P0=12",
        "P0=1234567890", "P99=00000000", "G", "G00", "Gzz", "H", "Hx1", "Hg9", "T", "T9", "T-1",
        "Z0", "Z0,", "Z0,1000", "z0,1000,zz", "Z2,1000,0", "vCont", "vCont;", "vCont;x",
        "vCont;C", "vCont;c:77", "cxx", "Sxx", "C05;", "C05,1", "qRcmd,", "qRcmd,1", "qRcmd,zz",
        "qThreadExtraInfo,99", "Qqemu.sstep=9", "qXfer:features:read:x:0,1",
        "qXfer:features:read:target.xml:0", "m00000000000000000000,1",
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *got = ask(rows[i]);

        if (got[0] != 'E' || strlen(got) != 3) {
            CHECK_STR(rows[i], got);
        }
        CHECK(!vm_running(m.cpus));
    }
}

/* PacketSize is what we say; more is refused, and what follows is understood. */
MACHINE(long_packets_are_refused, 1)
{
    char data[8000];

    memset(data, 'a', sizeof(data));
    CHECK_STR(ask_data(data, sizeof(data)), "E07");
    CHECK_STR(ask("qC"), "QC01");
}

/* A fixed series of the bytes that mean something. */
MACHINE(noise_does_no_harm, 1)
{
    uint32_t x = 1;
    char noise[4000];

    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof(noise); i++) {
            x = x * 1664525 + 1013904223;
            noise[i] = "$#}mgGpPXZzHvq0123,:;=+-\x03\x7f\xff"[(x >> 24) % 27];
        }
        send_raw(noise, sizeof(noise));
        pump();
    }
    send_raw("$qC#b4", 6);
    CHECK(wait_for("$QC01#"));
}

/* -- Packets: registers ------------------------------------------------------ */

MACHINE(registers_are_read_and_written, 1)
{
    char all[2 * SIZE_G + 2] = "G";

    m.env->regs[R_EDX] = 0x12345678;
    m.env->xmm[1].q[1] = 0x1122334455667788;
    CHECK_EQ(strlen(ask("g")), 2 * SIZE_G);
    strcat(all, last_reply());
    CHECK(!memcmp(all + 1 + 16, "78563412", 8));
    CHECK_STR(ask("p2"), "78563412");
    CHECK_STR(ask_number(33), "00000000000000008877665544332211");
    CHECK_STR(ask("p28"), "801f0000");              /* MXCSR */
    CHECK_STR(ask("P3=01020304"), "OK");
    CHECK_EQ(m.env->regs[R_EBX], 0x04030201);
    CHECK_STR(ask(all), "OK");
    CHECK_EQ(m.env->regs[R_EBX], 0);
    CHECK_STR(ask("P10=0000000000000080ff3f"), "OK");
    CHECK_EQ(m.env->fpregs[m.env->fpstt].f.se, 0x3fff);
    CHECK_STR(ask("P1a=fcff0000"), "OK");           /* register 0: valid, the others empty */
    CHECK_EQ(m.env->fptags[0], 0);
    CHECK_EQ(m.env->fptags[1], 1);
}

/* What depends on a register follows it. */
MACHINE(derived_state_follows, 1)
{
    CHECK_STR(ask("P9=d7080000"), "OK");
    CHECK_EQ(x86_get_eflags(m.env) & CC_ALL, 0x8d5);
    CHECK_STR(ask("P9=02010000"), "OK");
    CHECK(m.env->hflags & HF_TF);
    CHECK_STR(ask("P9=02000000"), "OK");
    CHECK(!(m.env->hflags & HF_TF));
    CHECK_STR(ask("P9=02000200"), "E01");           /* VM */
    CHECK_STR(ask("Pc=34120000"), "OK");            /* DS, real mode: times 16 */
    CHECK_EQ(m.env->segs[R_DS].base, 0x12340);
    CHECK_STR(ask("P28=00001f00"), "E01");          /* reserved bits of MXCSR */
}

/* In protected mode a selector brings its descriptor with it, if it is fit. */
MACHINE(selectors_load_descriptors, 1)
{
    as_store(m.mem, GDT + 8, 0x0040920300100fff, 8);        /* data, base 30010, 0fff */
    as_store(m.mem, GDT + 16, 0x00409a0000000fff, 8);       /* code */
    as_store(m.mem, GDT + 24, 0x0040120000000fff, 8);       /* not present */
    m.env->gdt = (DescTable){ GDT, 31 };
    m.env->cr[0] |= CR0_PE;
    x86_update_hflags(m.env);
    CHECK_STR(ask("Pc=08000000"), "OK");
    CHECK_EQ(m.env->segs[R_DS].base, 0x030010);
    CHECK_EQ(m.env->segs[R_DS].limit, 0xfff);
    CHECK_STR(ask("Pc=18000000"), "E01");
    CHECK_STR(ask("Pc=20000000"), "E01");           /* behind the table */
    CHECK_STR(ask("Pb=10000000"), "E01");           /* code for SS */
    CHECK_STR(ask("Pa=08000000"), "E01");           /* data for CS */
    CHECK_STR(ask("Pa=10000000"), "OK");
    CHECK(m.env->hflags & HF_CS32);
    CHECK_STR(ask("Pc=00000000"), "OK");            /* the null selector */
}

/* -- Packets: memory --------------------------------------------------------- */

MACHINE(memory_is_read_and_written, 1)
{
    CHECK_STR(ask("m1000,4"), "4043ebfc");
    CHECK_STR(ask("M1ffe,4:01020304"), "OK");       /* over a page boundary */
    CHECK_EQ(as_load(m.mem, 0x1ffe, 4), 0x04030201);
    CHECK_STR(ask("m1ffe,0"), "");
    CHECK_EQ(strlen(ask("m0,ffffffff")), 4096);     /* as much as fits */
}

/* "The reply may contain fewer": up to the page that is not mapped. */
MACHINE(memory_ends_at_a_missing_page, 1)
{
    m.env->cr[3] = 0x4000;
    m.env->cr[0] |= CR0_PE | (uint32_t)CR0_PG;
    as_store(m.mem, 0x4000, 0x5007, 4);
    as_store(m.mem, 0x5004, 0x1007, 4);             /* linear 1000 only */
    CHECK_STR(ask("m1ffe,4"), "0000");
    CHECK_STR(ask("m3000,4"), "E0e");
    CHECK_STR(ask("M1fff,2:0102"), "E0e");
}

/* -- Stop replies, breakpoints ----------------------------------------------- */

MACHINE(a_breakpoint_stops_and_a_step_goes_over_it, 1)
{
    CHECK_STR(ask("?"), "T02thread:01;");
    CHECK(strstr(ask("qSupported:swbreak+;hwbreak+"), "PacketSize=1000;"));
    CHECK_STR(ask("Z0,1001,1"), "OK");
    CHECK_STR(ask("Z0,1001,1"), "OK");              /* idempotent */
    CHECK_STR(ask("c"), "T05thread:01;swbreak:;");
    CHECK_EQ(m.env->eip, CODE + 1);
    CHECK_EQ(m.env->regs[R_EAX], 1);
    CHECK_EQ(vm_stop_reason(m.cpus), STOP_DEBUG);
    CHECK_STR(ask("s"), "T05thread:01;");
    CHECK_EQ(m.env->eip, CODE + 2);
    CHECK_STR(ask("vCont;s:1"), "T05thread:01;");
    CHECK_EQ(m.env->eip, CODE);
    CHECK_STR(ask("z0,1001,1"), "OK");
    CHECK_STR(ask("z0,1001,1"), "OK");
    CHECK_STR(ask("Z1,1002,1"), "OK");
    CHECK_STR(ask("vCont;c"), "T05thread:01;hwbreak:;");
    CHECK_EQ(m.env->eip, CODE + 2);
    CHECK_EQ(m.env->regs[R_EBX], 2);
    CHECK_STR(ask("s1000"), "T05thread:01;");       /* from another address */
    CHECK_EQ(m.env->eip, CODE + 1);
}

MACHINE(ctrl_c_stops, 1)
{
    send_data("c", 1);
    for (int i = 0; i < 100 && !vm_running(m.cpus); i++) {
        pump();
    }
    CHECK(vm_running(m.cpus));
    send_raw("\x03", 1);
    CHECK(wait_for("$T02thread:01;#"));
    CHECK(!vm_running(m.cpus));
}

MACHINE(watchpoints_stop_behind_the_access, 1)
{
    /* mov [3000], ax; mov bx, [3000]; jmp */
    as_write(m.mem, CODE, "\xa3\x00\x30\x8b\x1e\x00\x30\xeb\xf7", 9);
    CHECK_STR(ask("Z2,3000,2"), "OK");
    CHECK_STR(ask("c"), "T05thread:01;watch:3000;");
    CHECK_EQ(m.env->eip, CODE + 3);
    CHECK_STR(ask("z2,3000,2"), "OK");
    CHECK_STR(ask("Z3,3001,1"), "OK");
    CHECK_STR(ask("c"), "T05thread:01;rwatch:3001;");
    CHECK_EQ(m.env->eip, CODE + 7);
    CHECK_STR(ask("z3,3001,1"), "OK");
    CHECK_STR(ask("Z4,3000,1"), "OK");
    CHECK_STR(ask("c"), "T05thread:01;awatch:3000;");
    CHECK_EQ(m.env->eip, CODE + 3);
}

/* STI, NOP, HLT and NOP with an interrupt pending: none ends in its handler. */
MACHINE(steps_take_no_interrupts, 1)
{
    as_write(m.mem, CODE, "\xfb\x90\xf4\x90", 4);
    cpu_interrupt(x86_cpu(m.env), CPU_INTERRUPT_HARD);
    for (unsigned i = 1; i <= 4; i++) {
        int64_t before = clock_now(&m.clock);

        CHECK_STR(ask("s"), "T05thread:01;");
        CHECK_EQ(m.env->eip, CODE + i);
        CHECK(clock_now(&m.clock) == before || i == 4);     /* time waits, too */
    }
    CHECK_STR(ask("qqemu.sstepbits"), "ENABLE=1,NOIRQ=2,NOTIMER=4");
    CHECK_STR(ask("qqemu.sstep"), "0x7");
    CHECK_STR(ask("Qqemu.sstep=1"), "OK");
    CHECK_STR(ask("qqemu.sstep"), "0x1");
    cpu_reset_interrupt(x86_cpu(m.env), CPU_INTERRUPT_HARD);
}

/* -- Threads ----------------------------------------------------------------- */

MACHINE(processors_are_threads, 2)
{
    CHECK_STR(ask("qfThreadInfo"), "m01,02");
    CHECK_STR(ask("qsThreadInfo"), "l");
    CHECK_STR(ask("T2"), "OK");
    CHECK_STR(ask("T3"), "E16");
    CHECK_STR(ask("qThreadExtraInfo,2"), "43505523" "31" "205b72756e6e696e675d");
    CHECK_STR(ask("Hg2"), "OK");
    CHECK_STR(ask("qC"), "QC02");
    x86_env(cpus_get(m.cpus, 1))->regs[R_ECX] = 0x77;
    CHECK_STR(ask("p1"), "77000000");
    CHECK_STR(ask("vCont;s:2"), "T05thread:02;");   /* the other stands still */
    CHECK_EQ(m.env->eip, CODE);
    CHECK_EQ(x86_env(cpus_get(m.cpus, 1))->eip, CODE + 1);
    CHECK_STR(ask("Hc1"), "OK");
    CHECK_STR(ask("Z0,1002,1"), "OK");
    CHECK_STR(ask("vCont;c:1"), "T05thread:01;");
    CHECK_EQ(x86_env(cpus_get(m.cpus, 1))->eip, CODE + 1);
}

/* -- Queries ----------------------------------------------------------------- */

MACHINE(registers_are_described, 1)
{
    char xml[8000] = "", text[100], kind;

    do {
        snprintf(text, sizeof(text), "qXfer:features:read:target.xml:%zx,100", strlen(xml));
        const char *part = ask(text);

        kind = part[0];
        strcat(xml, part + 1);
    } while (kind == 'm' && strlen(xml) < 7000);
    CHECK_EQ(kind, 'l');
    CHECK(strstr(xml, "<architecture>i386</architecture>"));
    CHECK(strstr(xml, "org.gnu.gdb.i386.core"));
    CHECK(strstr(xml, "<reg name=\"mxcsr\" bitsize=\"32\" type=\"int\"/>"));
    CHECK(strstr(xml, "</target>"));
    CHECK_STR(ask("qAttached"), "1");
    CHECK_STR(ask("vCont?"), "vCont;c;C;s;S");
}

/* "info name", and a command that is none. */
MACHINE(the_monitor_answers, 1)
{
    send_data("qRcmd,696e666f206e616d65", 24);
    CHECK(wait_for("$OK#"));
    CHECK(strstr(m.got, "$O7465737465720a#"));
    send_data("qRcmd,676462736572766572206e6f6e65", 34);        /* gdbserver none */
    CHECK(wait_for("$OK#"));
    CHECK(gdbstub_attached(m.gdb));
}

/* -- Coming and going -------------------------------------------------------- */

MACHINE(detaching_removes_breakpoints_and_goes_on, 1)
{
    CHECK_STR(ask("Z0,1001,1"), "OK");
    CHECK_STR(ask("Z2,3000,4"), "OK");
    CHECK_STR(ask("D"), "OK");
    CHECK(vm_running(m.cpus));
    CHECK_EQ(m.env->common.exec->num_breaks, 0);
    CHECK_EQ(m.env->common.exec->num_watches, 0);
}

MACHINE(a_lost_line_is_a_detach_and_another_may_come, 1)
{
    CHECK_STR(ask("Z0,1001,1"), "OK");
    close(m.fd);
    for (int i = 0; i < 1000 && gdbstub_attached(m.gdb); i++) {
        loop_run_once(1000000);
    }
    CHECK(vm_running(m.cpus));
    CHECK_EQ(m.env->common.exec->num_breaks, 0);
    connect_line();
    CHECK(!vm_running(m.cpus));                     /* attaching stops it */
    CHECK_STR(ask("?"), "T02thread:01;");
}

MACHINE(kill_quits, 1)
{
    send_data("k", 1);
    CHECK(wait_for("+"));
    CHECK_EQ(m.quits, 1);
    CHECK_STR(ask("vKill;1"), "OK");
    CHECK_EQ(m.quits, 2);
}

/* W: the process exited. */
MACHINE(the_end_of_the_program_is_told, 1)
{
    send_data("c", 1);
    for (int i = 0; i < 100 && !vm_running(m.cpus); i++) {
        pump();
    }
    gdbstub_close(m.gdb, 3);
    CHECK(wait_for("$W03#"));
}

MACHINE(bad_devices_are_sentences, 1)
{
    Error err = { "" };

    CHECK(gdbstub_open(m.gdb, "nonsense", &err) < 0);
    CHECK(strstr(err.msg, "gdb: 'nonsense' is no character device"));
    CHECK(gdbstub_open(m.gdb, "tcp:nohost.invalid:99999", &err) < 0);
    CHECK(strstr(err.msg, "ports end at 65535"));
    CHECK_EQ(gdbstub_open(m.gdb, "none", &err), 0);
}

