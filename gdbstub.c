/* SPDX-License-Identifier: MIT */
/*
 * GDB's remote serial protocol ("Debugging with GDB", appendix "Remote Serial
 * Protocol").
 *
 *      $data#xx  --take_byte-->  packet  --packets[], queries[]-->  handler
 *      +  -  ^C                                                       |
 *      $reply#xx  <-------------- send_packet <---- s->reply <--------'
 *
 *   continue, step: the reply comes when the machine stops (on_vm)
 *
 * A packet finds the machine stopped: it is stopped when a debugger attaches,
 * and by any packet that comes while it runs.  Processor n is thread n + 1.
 *
 * Interrupts and guest time wait while a processor is stepped alone (bits 2 and
 * 4 of qqemu.sstep).  A halted one needs both: its step is the instruction behind
 * the HLT, and ends when something has woken it.
 *
 * Not modelled: several processes, non-stop mode, reverse execution, file
 * transfer, tracepoints; run-length encoding; signals that the debugger passes
 * on, which a machine has no use for.
 */
#include "gdbstub.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    PACKET_MAX = 4096,                  /* between $ and # */
    CTRL_C = 3,
    /* GDB's own numbers of signals */
    SIG_INT = 2, SIG_QUIT = 3, SIG_TRAP = 5, SIG_ABRT = 6, SIG_STOP = 17,
    SSTEP_ENABLE = 1, SSTEP_NOIRQ = 2, SSTEP_NOTIMER = 4,
};

typedef enum Action { ACTION_NONE, ACTION_RUN, ACTION_STEP } Action;

typedef struct Break {
    unsigned type;                      /* of Z: 0 software, 1 hardware, 2-4 watch */
    uint32_t addr, len;
} Break;

struct GDBStub {
    MonitorOps ops;
    CPUs *cpus;
    CharDriverState *chr;               /* NULL: closed */
    bool attached, no_ack;
    bool waiting;                       /* the debugger, for the machine to stop */
    bool reports_breaks[2];             /* it understands swbreak, hwbreak */
    int g_cpu, c_cpu;                   /* whose registers, who continues */
    Action action[MAX_CPUS];
    unsigned sstep;
    Break breaks[MAX_BREAKS];
    unsigned num_breaks;

    enum { AT_START, IN_PACKET, IN_ESCAPE, AT_SUM1, AT_SUM2 } state;
    char packet[PACKET_MAX + 1];
    size_t len;
    bool too_long;
    uint8_t sum, sum_given;

    char reply[PACKET_MAX + 1];
    size_t reply_len;
    char sent[PACKET_MAX + 5];          /* for retransmission */
    size_t sent_len;
};

/* -- Replies ----------------------------------------------------------------- */

static void put_byte(GDBStub *s, char ch)
{
    if (s->reply_len < PACKET_MAX) {
        s->reply[s->reply_len++] = ch;
    }
}

__attribute__((format(printf, 2, 3)))
static void put(GDBStub *s, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (const char *p = text; *p; p++) {
        put_byte(s, *p);
    }
}

static void put_hex(GDBStub *s, const void *buf, size_t len)
{
    const uint8_t *p = buf;

    for (size_t i = 0; i < len; i++) {
        put(s, "%02x", p[i]);
    }
}

static void put_error(GDBStub *s, int ret)
{
    s->reply_len = 0;
    put(s, "E%02x", -ret & 0xff);
}

static void put_result(GDBStub *s, int ret)
{
    if (ret < 0) {
        put_error(s, ret);
    } else {
        put(s, "OK");
    }
}

/* What s->reply has. */
static void send_packet(GDBStub *s)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < s->reply_len; i++) {
        sum += (uint8_t)s->reply[i];
    }
    s->sent[0] = '$';
    memcpy(s->sent + 1, s->reply, s->reply_len);
    snprintf(s->sent + 1 + s->reply_len, 4, "#%02x", sum);
    s->sent_len = s->reply_len + 4;
    s->reply_len = 0;
    chr_write(s->chr, s->sent, s->sent_len);
}

/* -- Arguments --------------------------------------------------------------- */

/* A handler's view of the packet: what is behind its name. */
typedef struct Text {
    const char *p, *end;
} Text;

static bool at_end(const Text *t)
{
    return t->p == t->end;
}

static bool take(Text *t, char ch)
{
    if (at_end(t) || *t->p != ch) {
        return false;
    }
    t->p++;
    return true;
}

static int digit(char ch)
{
    return !isxdigit((unsigned char)ch) ? -1 : isdigit((unsigned char)ch) ? ch - '0'
                                             : tolower((unsigned char)ch) - 'a' + 10;
}

static bool take_number(Text *t, uint32_t *val)
{
    const char *start = t->p;
    uint64_t v = 0;

    for (; !at_end(t) && digit(*t->p) >= 0; t->p++) {
        v = v << 4 | (unsigned)digit(*t->p);
    }
    *val = (uint32_t)v;
    return t->p != start && t->p - start <= 16;
}

/* As many bytes as there are pairs of digits, up to len. */
static size_t take_bytes(Text *t, void *buf, size_t len)
{
    uint8_t *out = buf;
    size_t n = 0;

    for (; n < len && t->end - t->p >= 2; n++, t->p += 2) {
        int high = digit(t->p[0]), low = digit(t->p[1]);

        if (high < 0 || low < 0) {
            break;
        }
        out[n] = (uint8_t)(high << 4 | low);
    }
    return n;
}

/* A thread: the processor, -1 for "-1" (all), `any` for "0". */
static bool take_thread(GDBStub *s, Text *t, int any, int *cpu)
{
    uint32_t n;

    if (take(t, '-')) {
        *cpu = -1;
        return take(t, '1');
    }
    if (!take_number(t, &n) || n > (uint32_t)cpus_num(s->cpus)) {
        return false;
    }
    *cpu = n ? (int)n - 1 : any;
    return true;
}

static CPUState *g_cpu(GDBStub *s)
{
    return cpus_get(s->cpus, s->g_cpu);
}

/* -- Breakpoints ------------------------------------------------------------- */

static int engine_break(CPUState *cpu, const Break *b, bool insert)
{
    bool read = b->type >= 3, write = b->type != 3;

    if (b->type < 2) {
        return insert ? cpu_breakpoint_insert(cpu, b->addr)
                      : cpu_breakpoint_remove(cpu, b->addr);
    }
    return insert ? cpu_watchpoint_insert(cpu, b->addr, b->len, read, write)
                  : cpu_watchpoint_remove(cpu, b->addr, b->len, read, write);
}

/* On every processor, or on none. */
static int set_break(GDBStub *s, const Break *b, bool insert)
{
    for (int i = 0; i < cpus_num(s->cpus); i++) {
        int ret = engine_break(cpus_get(s->cpus, i), b, insert);

        if (ret < 0 && insert) {
            while (i--) {
                engine_break(cpus_get(s->cpus, i), b, false);
            }
            return ret;
        }
    }
    return 0;
}

static Break *find_break(GDBStub *s, const Break *b)
{
    for (unsigned i = 0; i < s->num_breaks; i++) {
        Break *have = &s->breaks[i];

        if (have->type == b->type && have->addr == b->addr &&
            (b->type < 2 || have->len == b->len)) {
            return have;
        }
    }
    return NULL;
}

/* Both may be said twice: "idempotent", says the manual. */
static int insert_break(GDBStub *s, const Break *b)
{
    if (find_break(s, b)) {
        return 0;
    }
    int ret = s->num_breaks < MAX_BREAKS ? set_break(s, b, true) : -ENOSPC;

    if (ret == 0) {
        s->breaks[s->num_breaks++] = *b;
    }
    return ret;
}

static int remove_break(GDBStub *s, const Break *b)
{
    Break *have = find_break(s, b);

    if (have) {
        set_break(s, have, false);
        *have = s->breaks[--s->num_breaks];
    }
    return 0;
}

static void remove_all_breaks(GDBStub *s)
{
    while (s->num_breaks) {
        set_break(s, &s->breaks[--s->num_breaks], false);
    }
}

static void breakpoint(GDBStub *s, Text t, bool insert)
{
    uint32_t type;
    Break b;

    if (!take_number(&t, &type) || !take(&t, ',') || !take_number(&t, &b.addr) ||
        !take(&t, ',') || !take_number(&t, &b.len) || (!at_end(&t) && *t.p != ';')) {
        put_error(s, -1);
    } else if (type <= 4) {             /* else the empty reply */
        b.type = type;
        put_result(s, type >= 2 && !b.len ? -EINVAL
                      : insert ? insert_break(s, &b) : remove_break(s, &b));
    }
}

static void do_insert_break(GDBStub *s, Text t)
{
    breakpoint(s, t, true);
}

static void do_remove_break(GDBStub *s, Text t)
{
    breakpoint(s, t, false);
}

/* -- Stopping ---------------------------------------------------------------- */

static void put_watch(GDBStub *s, const Watch *w)
{
    static const char *const words[2][2] = { { "", "watch" }, { "rwatch", "awatch" } };

    put(s, "%s:%" PRIx32 ";", words[w->read][w->write], w->addr);
}

/* A breakpoint where the debugger thinks the processor is: with a segment base
 * it does not, and would take the report for a stale one. */
static void put_break(GDBStub *s, CPUState *cpu)
{
    static const char *const words[2] = { "swbreak:;", "hwbreak:;" };
    TBKey key = cpu->common.ops->tb_key(cpu);

    for (unsigned i = 0; i < s->num_breaks && !key.cs_base; i++) {
        const Break *b = &s->breaks[i];

        if (b->type < 2 && b->addr == key.pc && s->reports_breaks[b->type]) {
            put(s, "%s", words[b->type]);
            return;
        }
    }
}

/* "Stop Reply Packets" */
static void put_stop(GDBStub *s)
{
    static const uint8_t signals[] = {
        [STOP_USER] = SIG_INT, [STOP_DEBUG] = SIG_TRAP, [STOP_SHUTDOWN] = SIG_QUIT,
        [STOP_IO_ERROR] = SIG_STOP, [STOP_SAVE] = SIG_STOP, [STOP_PANIC] = SIG_ABRT,
    };

    put(s, "T%02xthread:%02x;", signals[vm_stop_reason(s->cpus)], (unsigned)s->g_cpu + 1);
}

static void send_stop(GDBStub *s, StopReason why)
{
    CPUState *cpu = vm_debug_cpu(s->cpus);
    Watch w;

    s->waiting = false;
    if (why != STOP_DEBUG || !cpu) {
        put_stop(s);
    } else {
        s->g_cpu = s->c_cpu = (int)cpu->common.cpu_index;
        put_stop(s);
        if (cpu_watchpoint_take(cpu, &w)) {
            put_watch(s, &w);
        } else if (s->action[s->g_cpu] != ACTION_STEP) {
            put_break(s, cpu);
        }
    }
    send_packet(s);
}

static void set_actions(GDBStub *s, bool running)
{
    for (int i = 0; i < cpus_num(s->cpus); i++) {
        CPUState *cpu = cpus_get(s->cpus, i);

        cpu_single_step(cpu, running && s->action[i] == ACTION_STEP);
        cpu_single_step_irqs(cpu, !(s->sstep & SSTEP_NOIRQ));
        cpu_hold(cpu, running && s->action[i] == ACTION_NONE);
    }
}

static void on_vm(void *opaque, bool running, StopReason why)
{
    GDBStub *s = opaque;

    if (!running && s->attached) {
        set_actions(s, false);
        if (s->waiting) {
            send_stop(s, why);
        }
    }
}

/* -- Running ----------------------------------------------------------------- */

/* As s->action says. */
static void resume(GDBStub *s)
{
    bool steps = false, runs = false, waits = false;

    for (int i = 0; i < cpus_num(s->cpus); i++) {
        steps |= s->action[i] == ACTION_STEP;
        runs |= s->action[i] == ACTION_RUN;
        waits |= s->action[i] == ACTION_STEP && cpus_get(s->cpus, i)->common.halted;
    }
    if (!steps && !runs) {
        put_error(s, -EINVAL);
        send_packet(s);
        return;
    }
    s->waiting = true;
    set_actions(s, true);
    if (!runs && !waits && s->sstep & SSTEP_NOTIMER) {
        vm_start_frozen(s->cpus);
    } else {
        vm_start(s->cpus);
    }
}

static void act_on_all(GDBStub *s, Action a)
{
    for (int i = 0; i < MAX_CPUS; i++) {
        s->action[i] = a;
    }
}

/* c [addr], s [addr], C sig[;addr], S sig[;addr] */
static void resume_at(GDBStub *s, Text t, bool step, bool has_signal)
{
    CPUState *cpu = cpus_get(s->cpus, s->c_cpu);
    uint32_t sig, addr;
    bool ok = !has_signal || take_number(&t, &sig), more = !at_end(&t);

    if (more) {
        ok = ok && (!has_signal || take(&t, ';')) && take_number(&t, &addr) && at_end(&t);
    }
    if (!ok) {
        put_error(s, -1);
        send_packet(s);
        return;
    }
    if (more) {
        cpu->common.ops->set_pc(cpu, addr);
    }
    act_on_all(s, ACTION_RUN);
    if (step) {
        s->action[s->c_cpu] = ACTION_STEP;
    }
    resume(s);
}

static void do_continue(GDBStub *s, Text t) { resume_at(s, t, false, false); }
static void do_continue_signal(GDBStub *s, Text t) { resume_at(s, t, false, true); }
static void do_step(GDBStub *s, Text t) { resume_at(s, t, true, false); }
static void do_step_signal(GDBStub *s, Text t) { resume_at(s, t, true, true); }

/* ";c", ";S05:2": the leftmost that fits a thread counts. */
static bool take_action(GDBStub *s, Text *t)
{
    uint8_t sig;
    int cpu = -1;
    char kind = take(t, ';') && !at_end(t) ? *t->p++ : 0;
    Action a = kind == 'c' || kind == 'C' ? ACTION_RUN
             : kind == 's' || kind == 'S' ? ACTION_STEP : ACTION_NONE;

    if (a == ACTION_NONE || (isupper((unsigned char)kind) && take_bytes(t, &sig, 1) != 1) ||
        (take(t, ':') && !take_thread(s, t, s->c_cpu, &cpu))) {
        return false;
    }
    for (int i = 0; i < cpus_num(s->cpus); i++) {
        if ((cpu < 0 || cpu == i) && s->action[i] == ACTION_NONE) {
            s->action[i] = a;
        }
    }
    return true;
}

static void do_vcont(GDBStub *s, Text t)
{
    act_on_all(s, ACTION_NONE);
    while (!at_end(&t)) {
        if (!take_action(s, &t)) {
            put_error(s, -1);
            send_packet(s);
            return;
        }
    }
    resume(s);
}

static void do_vcont_query(GDBStub *s, Text t)
{
    (void)t;
    put(s, "vCont;c;C;s;S");
}

/* -- Coming and going -------------------------------------------------------- */

static void forget(GDBStub *s)
{
    remove_all_breaks(s);
    act_on_all(s, ACTION_RUN);
    set_actions(s, false);
    s->state = AT_START;
    s->attached = s->no_ack = s->waiting = false;
    s->reports_breaks[0] = s->reports_breaks[1] = false;
    s->g_cpu = s->c_cpu = 0;
    s->sent_len = s->reply_len = 0;
    s->sstep = SSTEP_ENABLE | SSTEP_NOIRQ | SSTEP_NOTIMER;
}

static void attach(GDBStub *s)
{
    vm_stop(s->cpus, STOP_USER);
    forget(s);
    s->attached = true;
}

/* What has ended stays ended. */
static void detach(GDBStub *s)
{
    StopReason why = vm_running(s->cpus) ? STOP_USER : vm_stop_reason(s->cpus);

    if (!s->attached) {
        return;
    }
    s->waiting = false;
    vm_stop(s->cpus, STOP_USER);        /* breakpoints want it to stand still */
    forget(s);
    if (why != STOP_SHUTDOWN && why != STOP_PANIC) {
        vm_start(s->cpus);
    }
}

static void do_detach(GDBStub *s, Text t)
{
    (void)t;
    put(s, "OK");
    send_packet(s);
    detach(s);
}

static void do_kill(GDBStub *s, Text t)
{
    (void)t;
    if (s->ops.quit) {
        s->ops.quit(s->ops.opaque);
    }
}

static void do_vkill(GDBStub *s, Text t)
{
    put(s, "OK");
    do_kill(s, t);
}

static void do_why(GDBStub *s, Text t)
{
    (void)t;
    put_stop(s);
}

/* -- Registers --------------------------------------------------------------- */

/* The n-th of the processor; NULL: there is none. */
static const GDBRegister *find_register(CPUState *cpu, uint32_t n)
{
    const GDBFeature *f = cpu->common.ops->gdb_features(cpu);

    for (; f->name && n >= f->num; f++) {
        n -= f->num;
    }
    return f->name ? &f->regs[n] : NULL;
}

static void put_register(GDBStub *s, unsigned n, const GDBRegister *r)
{
    uint8_t buf[GDB_REG_MAX];

    g_cpu(s)->common.ops->gdb_read_reg(g_cpu(s), n, buf);
    put_hex(s, buf, r->size);
}

static void do_read_all(GDBStub *s, Text t)
{
    const GDBRegister *r;

    (void)t;
    for (unsigned n = 0; (r = find_register(g_cpu(s), n)) != NULL; n++) {
        put_register(s, n, r);
    }
}

static bool take_register(GDBStub *s, Text *t, unsigned n, const GDBRegister *r)
{
    uint8_t buf[GDB_REG_MAX];

    return take_bytes(t, buf, r->size) == r->size &&
           g_cpu(s)->common.ops->gdb_write_reg(g_cpu(s), n, buf);
}

static void do_write_all(GDBStub *s, Text t)
{
    const GDBRegister *r;
    bool ok = !at_end(&t);

    for (unsigned n = 0; !at_end(&t) && (r = find_register(g_cpu(s), n)) != NULL; n++) {
        const char *start = t.p;

        ok &= take_register(s, &t, n, r);
        if ((size_t)(t.p - start) != 2 * r->size) {
            break;
        }
    }
    put_result(s, ok && at_end(&t) ? 0 : -1);
}

static void do_read_register(GDBStub *s, Text t)
{
    uint32_t n;
    const GDBRegister *r = take_number(&t, &n) && at_end(&t) ? find_register(g_cpu(s), n) : NULL;

    if (r) {
        put_register(s, n, r);
    } else {
        put_error(s, -1);
    }
}

static void do_write_register(GDBStub *s, Text t)
{
    uint32_t n;
    const GDBRegister *r = take_number(&t, &n) && take(&t, '=') ? find_register(g_cpu(s), n)
                                                               : NULL;

    put_result(s, r && t.end - t.p == 2 * (ptrdiff_t)r->size && take_register(s, &t, n, r)
                  ? 0 : -1);
}

/* -- Memory ------------------------------------------------------------------ */

static bool take_range(Text *t, uint32_t *addr, uint32_t *len)
{
    return take_number(t, addr) && take(t, ',') && take_number(t, len);
}

/* Up to the first page that is not there. */
static void do_read_memory(GDBStub *s, Text t)
{
    uint8_t buf[TARGET_PAGE_SIZE];
    uint32_t addr, len;

    if (!take_range(&t, &addr, &len) || !at_end(&t)) {
        put_error(s, -1);
        return;
    }
    for (uint32_t left = MIN(len, PACKET_MAX / 2u), n; left; left -= n, addr += n) {
        n = MIN(left, TARGET_PAGE_SIZE - (addr & (TARGET_PAGE_SIZE - 1)));
        if (cpu_memory_rw_debug(g_cpu(s), addr, buf, n, false) < 0) {
            if (!s->reply_len) {
                put_error(s, -EFAULT);
            }
            return;
        }
        put_hex(s, buf, n);
    }
}

static void write_memory(GDBStub *s, uint32_t addr, uint8_t *buf, uint32_t len)
{
    bool whole = (uint64_t)addr + len <= 1ull << 32;

    put_result(s, whole ? cpu_memory_rw_debug(g_cpu(s), addr, buf, len, true) : -EFAULT);
}

static void do_write_memory(GDBStub *s, Text t)
{
    uint8_t buf[PACKET_MAX / 2];
    uint32_t addr, len;

    if (take_range(&t, &addr, &len) && take(&t, ':') && len <= sizeof(buf) &&
        take_bytes(&t, buf, len) == len && at_end(&t)) {
        write_memory(s, addr, buf, len);
    } else {
        put_error(s, -1);
    }
}

/* Escapes are gone already: take_byte(). */
static void do_write_binary(GDBStub *s, Text t)
{
    uint32_t addr, len;

    if (take_range(&t, &addr, &len) && take(&t, ':') && (size_t)(t.end - t.p) == len) {
        write_memory(s, addr, (uint8_t *)(uintptr_t)t.p, len);
    } else {
        put_error(s, -1);
    }
}

/* -- Threads ----------------------------------------------------------------- */

/* Hg thread, Hc thread */
static void do_set_thread(GDBStub *s, Text t)
{
    char op = at_end(&t) ? 0 : *t.p++;
    int any = op == 'c' ? s->c_cpu : s->g_cpu, cpu;

    if ((op != 'g' && op != 'c') || !take_thread(s, &t, any, &cpu) || !at_end(&t)) {
        put_error(s, -EINVAL);
        return;
    }
    if (cpu >= 0) {
        *(op == 'c' ? &s->c_cpu : &s->g_cpu) = cpu;
    }
    put(s, "OK");
}

static void do_thread_alive(GDBStub *s, Text t)
{
    int cpu = -1;

    put_result(s, take_thread(s, &t, -1, &cpu) && cpu >= 0 && at_end(&t) ? 0 : -EINVAL);
}

static void do_current_thread(GDBStub *s, Text t)
{
    (void)t;
    put(s, "QC%02x", (unsigned)s->g_cpu + 1);
}

static void do_threads(GDBStub *s, Text t)
{
    (void)t;
    for (int i = 0; i < cpus_num(s->cpus); i++) {
        put(s, "%c%02x", i ? ',' : 'm', (unsigned)i + 1);
    }
}

static void do_no_more_threads(GDBStub *s, Text t)
{
    (void)t;
    put(s, "l");
}

static void do_thread_info(GDBStub *s, Text t)
{
    int cpu = -1;

    if (!take_thread(s, &t, -1, &cpu) || cpu < 0) {
        put_error(s, -EINVAL);
        return;
    }
    char *text = xasprintf("CPU#%d [%s]", cpu,
                           cpus_get(s->cpus, cpu)->common.halted ? "halted" : "running");

    put_hex(s, text, strlen(text));
    free(text);
}

/* -- What there is ----------------------------------------------------------- */

static bool contains(Text t, const char *word)
{
    return memmem(t.p, (size_t)(t.end - t.p), word, strlen(word)) != NULL;
}

static void do_supported(GDBStub *s, Text t)
{
    s->reports_breaks[0] = contains(t, "swbreak+");
    s->reports_breaks[1] = contains(t, "hwbreak+");
    put(s, "PacketSize=%x;qXfer:features:read+;swbreak+;hwbreak+;vContSupported+;"
        "QStartNoAckMode+", PACKET_MAX);
}

static void do_no_ack(GDBStub *s, Text t)
{
    (void)t;
    put(s, "OK");
    send_packet(s);
    s->no_ack = true;
}

static void do_attached(GDBStub *s, Text t)
{
    (void)t;
    put(s, "1");
}

/* "Target Description Format"; freed by the caller. */
static char *describe(CPUState *cpu, size_t *len)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, len);

    fprintf(f, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
            "<target><architecture>%s</architecture>\n", cpu->common.ops->gdb_arch);
    for (const GDBFeature *t = cpu->common.ops->gdb_features(cpu); t->name; t++) {
        fprintf(f, "<feature name=\"%s\">%s\n", t->name, t->types);
        for (unsigned i = 0; i < t->num; i++) {
            fprintf(f, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>\n", t->regs[i].name,
                    t->regs[i].size * 8, t->regs[i].type);
        }
        fputs("</feature>\n", f);
    }
    fputs("</target>\n", f);
    fclose(f);
    return text;
}

static void put_escaped(GDBStub *s, char ch)
{
    if (strchr("$#}*", ch)) {
        put_byte(s, '}');
        ch ^= 0x20;
    }
    put_byte(s, ch);
}

/* qXfer:features:read:target.xml:offset,length */
static void do_features(GDBStub *s, Text t)
{
    static const char annex[] = "target.xml:";
    uint32_t at, len;
    size_t size;

    if ((size_t)(t.end - t.p) < strlen(annex) || memcmp(t.p, annex, strlen(annex))) {
        put(s, "E00");                  /* there is no such annex */
        return;
    }
    t.p += strlen(annex);
    if (!take_range(&t, &at, &len) || !at_end(&t)) {
        put_error(s, -1);
        return;
    }
    char *text = describe(g_cpu(s), &size);

    at = (uint32_t)MIN(at, size);
    len = (uint32_t)MIN(MIN(len, size - at), PACKET_MAX / 2 - 1);
    put(s, at + len < size ? "m" : "l");
    for (uint32_t i = 0; i < len; i++) {
        put_escaped(s, text[at + i]);
    }
    free(text);
}

static void do_step_bits(GDBStub *s, Text t)
{
    (void)t;
    put(s, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", SSTEP_ENABLE, SSTEP_NOIRQ, SSTEP_NOTIMER);
}

static void do_get_step(GDBStub *s, Text t)
{
    (void)t;
    put(s, "0x%x", s->sstep);
}

static void do_set_step(GDBStub *s, Text t)
{
    uint32_t bits;
    bool ok = take_number(&t, &bits) && at_end(&t) && bits <= 7 && bits & SSTEP_ENABLE;

    s->sstep = ok ? bits : s->sstep;
    put_result(s, ok ? 0 : -EINVAL);
}

/* -- The monitor ------------------------------------------------------------- */

static void put_file(void *opaque, const char *text)
{
    fputs(text, opaque);
}

/* qRcmd,line: its output in O packets, then OK. */
static void do_monitor(GDBStub *s, Text t)
{
    enum { CHUNK = PACKET_MAX / 2 - 8 };
    char line[PACKET_MAX / 2 + 1], *out = NULL;
    size_t n = take_bytes(&t, line, PACKET_MAX / 2), len;

    if (!n || !at_end(&t)) {
        put_error(s, -1);
        return;
    }
    line[n] = 0;
    FILE *f = open_memstream(&out, &len);

    monitor_exec(&s->ops, line, put_file, f);
    fclose(f);
    for (size_t at = 0; at < len; at += CHUNK) {
        put(s, "O");
        put_hex(s, out + at, MIN(len - at, (size_t)CHUNK));
        send_packet(s);
    }
    free(out);
    put(s, "OK");
}

/* -- Packets ----------------------------------------------------------------- */

typedef struct Packet {
    const char *name;
    enum { REPLIES, REPLIES_ITSELF } how;
    bool whole;                         /* nothing follows the name */
    void (*run)(GDBStub *s, Text t);
} Packet;

/* The first that fits; the manual's order is by letter, this one by length. */
static const Packet packets[] = {
    { "qXfer:features:read:", REPLIES, false, do_features },
    { "qThreadExtraInfo,", REPLIES, false, do_thread_info },
    { "QStartNoAckMode", REPLIES_ITSELF, true, do_no_ack },
    { "qqemu.sstepbits", REPLIES, true, do_step_bits },
    { "qfThreadInfo", REPLIES, true, do_threads },
    { "qsThreadInfo", REPLIES, true, do_no_more_threads },
    { "qqemu.sstep", REPLIES, true, do_get_step },
    { "Qqemu.sstep=", REPLIES, false, do_set_step },
    { "qSupported", REPLIES, false, do_supported },
    { "qAttached", REPLIES, false, do_attached },
    { "qRcmd,", REPLIES, false, do_monitor },
    { "vCont?", REPLIES, true, do_vcont_query },
    { "vCont", REPLIES_ITSELF, false, do_vcont },
    { "vKill;", REPLIES, false, do_vkill },
    { "qC", REPLIES, true, do_current_thread },
    { "?", REPLIES, true, do_why },
    { "c", REPLIES_ITSELF, false, do_continue },
    { "C", REPLIES_ITSELF, false, do_continue_signal },
    { "D", REPLIES_ITSELF, true, do_detach },
    { "g", REPLIES, true, do_read_all },
    { "G", REPLIES, false, do_write_all },
    { "H", REPLIES, false, do_set_thread },
    { "k", REPLIES_ITSELF, true, do_kill },
    { "m", REPLIES, false, do_read_memory },
    { "M", REPLIES, false, do_write_memory },
    { "p", REPLIES, false, do_read_register },
    { "P", REPLIES, false, do_write_register },
    { "s", REPLIES_ITSELF, false, do_step },
    { "S", REPLIES_ITSELF, false, do_step_signal },
    { "T", REPLIES, false, do_thread_alive },
    { "X", REPLIES, false, do_write_binary },
    { "z", REPLIES, false, do_remove_break },
    { "Z", REPLIES, false, do_insert_break },
};

static const Packet *find_packet(const GDBStub *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
        size_t n = strlen(packets[i].name);

        if (s->len >= n && !memcmp(s->packet, packets[i].name, n) &&
            (!packets[i].whole || s->len == n)) {
            return &packets[i];
        }
    }
    return NULL;
}

/* The empty reply says that we do not know the packet. */
static void run_packet(GDBStub *s)
{
    const Packet *p = find_packet(s);

    vm_stop(s->cpus, STOP_USER);
    s->packet[s->len] = 0;
    if (s->too_long) {
        put_error(s, -E2BIG);
    } else if (p) {
        p->run(s, (Text){ s->packet + strlen(p->name), s->packet + s->len });
    }
    if (s->too_long || !p || p->how == REPLIES) {
        send_packet(s);
    }
}

/* -- Bytes ------------------------------------------------------------------- */

static void end_of_packet(GDBStub *s)
{
    bool good = s->sum == s->sum_given;

    s->state = AT_START;
    if (!s->no_ack) {
        chr_write(s->chr, good ? "+" : "-", 1);
    }
    if (good || s->no_ack) {
        run_packet(s);
    }
}

static void take_outside(GDBStub *s, uint8_t ch)
{
    switch (ch) {
    case '$':
        s->state = IN_PACKET;
        s->len = s->sum = 0;
        s->too_long = false;
        break;
    case '-':
        if (!s->no_ack) {
            chr_write(s->chr, s->sent, s->sent_len);
        }
        break;
    case CTRL_C:
        vm_stop(s->cpus, STOP_USER);
        break;
    }
}

static void append(GDBStub *s, uint8_t ch)
{
    if (s->len < PACKET_MAX) {
        s->packet[s->len++] = (char)ch;
    } else {
        s->too_long = true;
    }
}

static void take_inside(GDBStub *s, uint8_t ch)
{
    bool escaped = s->state == IN_ESCAPE;

    if (ch == '$') {                    /* the last one was cut off */
        s->state = AT_START;
        take_outside(s, ch);
        return;
    }
    if (ch == '#') {
        s->state = AT_SUM1;
        return;
    }
    s->sum += ch;
    s->state = IN_PACKET;
    if (escaped) {
        append(s, ch ^ 0x20);
    } else if (ch == '}') {
        s->state = IN_ESCAPE;
    } else {
        append(s, ch);
    }
}

static void take_byte(GDBStub *s, uint8_t ch)
{
    int d = digit((char)ch);

    switch (s->state) {
    case AT_START:
        take_outside(s, ch);
        break;
    case IN_PACKET:
    case IN_ESCAPE:
        take_inside(s, ch);
        break;
    case AT_SUM1:
        s->sum_given = (uint8_t)((unsigned)d << 4);
        s->state = AT_SUM2;
        break;
    case AT_SUM2:
        s->sum_given |= (uint8_t)d;
        end_of_packet(s);
        break;
    }
}

/* -- The character device ---------------------------------------------------- */

static int can_receive(void *opaque)
{
    (void)opaque;
    return PACKET_MAX;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    GDBStub *s = opaque;

    if (!s->attached) {                 /* by a line that tells of no peer */
        attach(s);
    }
    for (size_t i = 0; i < len; i++) {
        take_byte(s, buf[i]);
    }
}

static void event(void *opaque, ChrEvent e)
{
    GDBStub *s = opaque;

    if (e == CHR_EVENT_OPENED) {
        attach(s);
    } else if (e == CHR_EVENT_CLOSED) {
        detach(s);
    }
}

static const ChrHandlers handlers = { can_receive, receive, event };

/* -- Life -------------------------------------------------------------------- */

GDBStub *gdbstub_new(const MonitorOps *ops)
{
    GDBStub *s = xzalloc(sizeof(*s));

    s->ops = *ops;
    s->ops.gdbserver = NULL;            /* it cannot pull the rug from under itself */
    s->cpus = ops->cpus;
    vm_add_notifier(s->cpus, on_vm, s);
    return s;
}

static void hang_up(GDBStub *s)
{
    if (s->chr) {
        chr_add_handlers(s->chr, NULL, s);
        chr_close(s->chr);
        s->chr = NULL;
    }
}

int gdbstub_open(GDBStub *s, const char *spec, Error *err)
{
    bool listens = !strncmp(spec, "tcp:", 4) && !strstr(spec, ",server");

    hang_up(s);
    detach(s);
    if (!strcmp(spec, "none")) {
        return 0;
    }
    char *full = xasprintf("%s%s", spec, listens ? ",server,nowait,nodelay" : "");

    s->chr = chr_open("gdb", full, err);
    free(full);
    if (!s->chr) {
        return -EINVAL;
    }
    chr_add_handlers(s->chr, &handlers, s);
    return 0;
}

bool gdbstub_attached(const GDBStub *s)
{
    return s && s->attached;
}

void gdbstub_close(GDBStub *s, int status)
{
    if (!s) {
        return;
    }
    if (s->attached && s->waiting) {
        put(s, "W%02x", status & 0xff);
        send_packet(s);
    }
    s->attached = s->waiting = false;
    hang_up(s);
}

void gdbstub_free(GDBStub *s)
{
    free(s);
}
