/* SPDX-License-Identifier: MIT */
/*
 * Repeated string instructions in bulk.
 *
 * A run is a number of elements that lie in one page for each pointer, within
 * the limits of their segments, and do not wrap:
 *
 *      while ECX:
 *          run = as long as possible, at least one element
 *          plain RAM: do it with host memory functions
 *          else:      do one element with cpu_ld / cpu_st
 *          ECX, ESI, EDI += run
 *
 * The registers are brought up to date after each run, and everything that can
 * fault does so before a run changes anything; so a fault or an interrupt finds
 * them exact.  Elements are always as if done one by one in ascending order:
 * where a run's destination overlaps its source from above, they are.
 */
#include "target-i386/string-helper.h"

#include <string.h>

#include "target-i386/cc.h"
#include "target-i386/helper.h"
#include "target-i386/sys.h"
#include "util/bits.h"

typedef struct Str {
    CPUX86State *env;
    CPUState *cpu;
    uintptr_t ra;
    uint32_t mask;                      /* of ESI, EDI, ECX */
    uint32_t count;                     /* elements to go */
    unsigned log2, size;                /* of an element */
    unsigned seg;                       /* of the source */
    unsigned mmu_idx;
    bool down, repne, one;
} Str;

static Str start(CPUX86State *env, uint32_t info, uintptr_t ra)
{
    CPUState *cpu = x86_cpu(env);
    Str s = {
        .env = env, .cpu = cpu, .ra = ra,
        .mask = info & STR_ADDR32 ? 0xffffffff : 0xffff,
        .log2 = info & STR_SIZE, .size = 1u << (info & STR_SIZE),
        .seg = (info & STR_SEG) >> STR_SEG_SHIFT,
        .mmu_idx = cpu->common.ops->mmu_index(cpu),
        .down = env->df < 0, .repne = info & STR_REPNE, .one = info & STR_ONE,
    };

    s.count = env->regs[R_ECX] & s.mask;
    return s;
}

static uint32_t reg(const Str *s, unsigned n)
{
    return s->env->regs[n] & s->mask;
}

static void add_reg(const Str *s, unsigned n, uint32_t by)
{
    uint32_t *r = &s->env->regs[n];

    *r = (*r & ~s->mask) | ((*r + by) & s->mask);
}

/* num elements are done. */
static void advance(Str *s, uint32_t num, bool si, bool di)
{
    uint32_t bytes = num << s->log2;

    bytes = s->down ? -bytes : bytes;
    if (si) {
        add_reg(s, R_ESI, bytes);
    }
    if (di) {
        add_reg(s, R_EDI, bytes);
    }
    add_reg(s, R_ECX, -num);
    s->count -= num;
}

/* After a run: is there more to do now?  An interrupt may want to come first. */
static bool go_on(const Str *s)
{
    return s->count && !s->one &&
           !__atomic_load_n(&s->cpu->common.exit_request, __ATOMIC_RELAXED);
}

/* -- Runs -------------------------------------------------------------------- */

typedef struct Side {                   /* one of the two pointers */
    unsigned seg;
    uint32_t offset;                    /* of the next element */
    bool write;
    uint32_t linear;                    /* of the run's lowest byte */
    uint8_t *host;                      /* the same; NULL: not plain RAM */
} Side;

static Side source(const Str *s)
{
    return (Side){ .seg = s->seg, .offset = reg(s, R_ESI) };
}

static Side dest(const Str *s, bool write)
{
    return (Side){ .seg = R_ES, .offset = reg(s, R_EDI), .write = write };
}

/* How many elements from here without wrapping, leaving the page or the
 * segment; 0 if not even one. */
static uint32_t fits(const Str *s, const Side *p)
{
    const SegmentCache *sc = &s->env->segs[p->seg];
    int64_t last = p->write ? sc->write_last : sc->read_last;
    uint64_t end = (uint64_t)p->offset + s->size - 1;   /* last byte, first element */
    uint32_t in_page = (sc->base + p->offset) & (TARGET_PAGE_SIZE - 1), num;

    if ((s->env->hflags & HF_AC) && (in_page & (s->size - 1))) {
        return 0;
    }
    if ((int64_t)end > last || end > s->mask || in_page + s->size > TARGET_PAGE_SIZE) {
        return 0;
    }
    if (s->down) {
        return MIN(in_page, p->offset) / s->size + 1;
    }
    num = (TARGET_PAGE_SIZE - in_page) / s->size;
    return (uint32_t)MIN(num, ((uint64_t)MIN((uint64_t)last, s->mask) - p->offset + 1) / s->size);
}

static void probe(const Str *s, Side *p, uint32_t num)
{
    uint32_t back = s->down ? (num - 1) << s->log2 : 0;

    p->linear = s->env->segs[p->seg].base + p->offset - back;
    if (back) {                         /* a fault is the first element's */
        cpu_probe(s->cpu, p->linear + back, s->size, p->write ? MMU_WRITE : MMU_READ,
                  s->mmu_idx, s->ra);
    }
    p->host = cpu_probe(s->cpu, p->linear, num << s->log2, p->write ? MMU_WRITE : MMU_READ,
                        s->mmu_idx, s->ra);
}

/*
 * The next run over one or two pointers: its length, with host pointers set;
 * 0: one element, the slow way.
 */
static uint32_t next_run(const Str *s, Side *a, Side *b)
{
    uint32_t num = s->one ? 1 : s->count;

    num = MIN(num, fits(s, a));
    if (b) {
        num = MIN(num, fits(s, b));
    }
    if (num) {
        probe(s, a, num);
        if (b && a->host) {
            probe(s, b, num);
        }
    }
    return num && a->host && (!b || b->host) ? num : 0;
}

static uint32_t load_slow(const Str *s, const Side *p)
{
    uint32_t addr = x86_seg_linear(s->env, p->seg, p->offset, s->size, false, s->ra);

    return (uint32_t)cpu_ld(s->cpu, addr, s->log2, s->mmu_idx, s->ra);
}

static void store_slow(const Str *s, const Side *p, uint32_t val)
{
    uint32_t addr = x86_seg_linear(s->env, p->seg, p->offset, s->size, true, s->ra);

    cpu_st(s->cpu, addr, val, s->log2, s->mmu_idx, s->ra);
}

/* Element i of a run, in the order they are done. */
static uint8_t *element(const Str *s, const Side *p, uint32_t num, uint32_t i)
{
    return p->host + ((s->down ? num - 1 - i : i) << s->log2);
}

static uint32_t peek(const Str *s, const uint8_t *p)
{
    return (uint32_t)load_le(p, s->size);
}

/* -- MOVS, STOS, LODS -------------------------------------------------------- */

static void copy_elements(const Str *s, const Side *from, const Side *to, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        store_le(element(s, to, num, i), peek(s, element(s, from, num, i)), s->size);
    }
}

/* Ascending, and the destination starts inside of the source: what was written
 * is read again.  With a distance of one element that is a fill. */
static void copy_run(const Str *s, const Side *from, const Side *to, uint32_t num)
{
    size_t len = (size_t)num << s->log2;
    uintptr_t distance = (uintptr_t)to->host - (uintptr_t)from->host;

    if (s->down) {
        distance = -distance;           /* the picture in a mirror */
    }
    if (distance == 0 || distance >= len) {
        memmove(to->host, from->host, len);
    } else if (!s->down && s->size == 1 && distance == 1) {
        memset(to->host, from->host[0], len);
    } else {
        copy_elements(s, from, to, num);
    }
}

uint32_t helper_rep_movs(CPUX86State *env, uint32_t info)
{
    Str s = start(env, info, GETPC());

    while (s.count) {
        Side from = source(&s), to = dest(&s, true);
        uint32_t num = next_run(&s, &from, &to);

        if (num) {
            copy_run(&s, &from, &to, num);
        } else {
            store_slow(&s, &to, load_slow(&s, &from));
            num = 1;
        }
        advance(&s, num, true, true);
        if (!go_on(&s)) {
            break;
        }
    }
    return s.count == 0;
}

static void fill_run(const Str *s, const Side *to, uint32_t num, uint32_t val)
{
    static const uint64_t times[] = {
        [1] = 0x0101010101010101ull, [2] = 0x0001000100010001ull, [4] = 0x0000000100000001ull,
    };
    uint64_t mask = (1ull << 8 * s->size) - 1, pattern = (val & mask) * times[s->size];
    size_t len = (size_t)num << s->log2, i = 0;

    for (; i + 8 <= len; i += 8) {
        memcpy(to->host + i, &pattern, 8);
    }
    memcpy(to->host + i, &pattern, len - i);
}

uint32_t helper_rep_stos(CPUX86State *env, uint32_t info)
{
    Str s = start(env, info, GETPC());

    while (s.count) {
        Side to = dest(&s, true);
        uint32_t num = next_run(&s, &to, NULL);

        if (num) {
            fill_run(&s, &to, num, env->regs[R_EAX]);
        } else {
            store_slow(&s, &to, env->regs[R_EAX]);
            num = 1;
        }
        advance(&s, num, false, true);
        if (!go_on(&s)) {
            break;
        }
    }
    return s.count == 0;
}

static void set_acc(const Str *s, uint32_t val)
{
    uint32_t mask = s->size == 4 ? 0xffffffff : (1u << 8 * s->size) - 1;

    s->env->regs[R_EAX] = (s->env->regs[R_EAX] & ~mask) | (val & mask);
}

/* Only the last element of a run is seen. */
uint32_t helper_rep_lods(CPUX86State *env, uint32_t info)
{
    Str s = start(env, info, GETPC());

    while (s.count) {
        Side from = source(&s);
        uint32_t num = next_run(&s, &from, NULL);

        if (num) {
            set_acc(&s, peek(&s, element(&s, &from, num, num - 1)));
        } else {
            set_acc(&s, load_slow(&s, &from));
            num = 1;
        }
        advance(&s, num, true, false);
        if (!go_on(&s)) {
            break;
        }
    }
    return s.count == 0;
}

/* -- SCAS, CMPS -------------------------------------------------------------- */

/* At the very end only: a fault or an interrupt on the way finds the flags from
 * before the instruction (SDM vol. 2B, REP). */
static void set_flags(const Str *s, uint32_t a, uint32_t b)
{
    s->env->cc_op = CC_OP_SUBB + s->log2;
    s->env->cc_src = b;
    s->env->cc_dst = a - b;
}

static bool equal(const Str *s, uint32_t a, uint32_t b)
{
    return ((a ^ b) << (32 - 8 * s->size)) == 0;
}

/* Does the repetition end after comparing a with b? */
static bool stops(const Str *s, uint32_t a, uint32_t b)
{
    return equal(s, a, b) == s->repne;
}

/* Elements of the run up to and with the one that ends it; num if none does. */
static uint32_t scan_run(const Str *s, const Side *in, uint32_t num, uint32_t acc)
{
    if (s->size == 1 && s->repne && !s->down) {
        const uint8_t *hit = memchr(in->host, (int)(acc & 0xff), num);

        return hit ? (uint32_t)(hit - in->host) + 1 : num;
    }
    for (uint32_t i = 0; i < num; i++) {
        if (stops(s, acc, peek(s, element(s, in, num, i)))) {
            return i + 1;
        }
    }
    return num;
}

uint32_t helper_rep_scas(CPUX86State *env, uint32_t info)
{
    Str s = start(env, info, GETPC());
    uint32_t acc = env->regs[R_EAX], val;

    while (s.count) {
        Side in = dest(&s, false);
        uint32_t num = next_run(&s, &in, NULL);

        if (num) {
            uint32_t done = scan_run(&s, &in, num, acc);

            val = peek(&s, element(&s, &in, num, done - 1));
            num = done;
        } else {
            val = load_slow(&s, &in);
            num = 1;
        }
        advance(&s, num, false, true);
        if (!s.count || stops(&s, acc, val)) {
            set_flags(&s, acc, val);
            break;
        }
        if (!go_on(&s)) {
            return 0;
        }
    }
    return 1;
}

/* Equal bytes at the start, in steps of 8. */
static uint32_t common_prefix(const uint8_t *a, const uint8_t *b, uint32_t len)
{
    uint32_t i = 0;

    for (; i + 8 <= len; i += 8) {
        uint64_t x, y;

        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y) {
            break;
        }
    }
    return i;
}

static uint32_t compare_run(const Str *s, const Side *a, const Side *b, uint32_t num)
{
    uint32_t i = 0;

    if (!s->down && !s->repne) {
        i = common_prefix(a->host, b->host, num << s->log2) >> s->log2;
    }
    for (; i < num; i++) {
        if (stops(s, peek(s, element(s, a, num, i)), peek(s, element(s, b, num, i)))) {
            return i + 1;
        }
    }
    return num;
}

uint32_t helper_rep_cmps(CPUX86State *env, uint32_t info)
{
    Str s = start(env, info, GETPC());
    uint32_t x, y;

    while (s.count) {
        Side a = source(&s), b = dest(&s, false);
        uint32_t num = next_run(&s, &b, &a);

        if (num) {
            uint32_t done = compare_run(&s, &a, &b, num);

            x = peek(&s, element(&s, &a, num, done - 1));
            y = peek(&s, element(&s, &b, num, done - 1));
            num = done;
        } else {
            y = load_slow(&s, &b);
            x = load_slow(&s, &a);
            num = 1;
        }
        advance(&s, num, true, true);
        if (!s.count || stops(&s, x, y)) {
            set_flags(&s, x, y);
            break;
        }
        if (!go_on(&s)) {
            return 0;
        }
    }
    return 1;
}

/* -- INS, OUTS: one element at a time, a port sees each ------------------------ */

/* Without a prefix it is one element, and ECX does not take part. */
static void advance_io(Str *s, bool rep, bool si, bool di)
{
    uint32_t ecx = s->env->regs[R_ECX];

    advance(s, 1, si, di);
    if (!rep) {
        s->env->regs[R_ECX] = ecx;
    }
}

/* Fault now, while the device has not lost its datum yet. */
static void probe_store(const Str *s, const Side *p)
{
    uint32_t addr = x86_seg_linear(s->env, p->seg, p->offset, s->size, true, s->ra);
    uint32_t end = addr + s->size - 1;

    cpu_probe(s->cpu, addr, 1, MMU_WRITE, s->mmu_idx, s->ra);
    if ((addr ^ end) >> TARGET_PAGE_BITS) {
        cpu_probe(s->cpu, end, 1, MMU_WRITE, s->mmu_idx, s->ra);
    }
}

uint32_t helper_ins(CPUX86State *env, uint32_t info)
{
    Str s = start(env, info, GETPC());
    uint32_t port = env->regs[R_EDX] & 0xffff;
    bool rep = info & STR_REP;

    /* Even if there is nothing to do. */
    x86_check_io(env, port, s.size, s.ra);
    s.count = rep ? s.count : 1;
    while (s.count) {
        Side to = dest(&s, true);

        probe_store(&s, &to);
        store_slow(&s, &to, cpu_in(s.cpu, port, s.size));
        advance_io(&s, rep, false, true);
        if (!go_on(&s)) {
            break;
        }
    }
    return s.count == 0;
}

uint32_t helper_outs(CPUX86State *env, uint32_t info)
{
    Str s = start(env, info, GETPC());
    uint32_t port = env->regs[R_EDX] & 0xffff;
    bool rep = info & STR_REP;

    x86_check_io(env, port, s.size, s.ra);
    s.count = rep ? s.count : 1;
    while (s.count) {
        Side from = source(&s);

        cpu_out(s.cpu, port, load_slow(&s, &from), s.size);
        advance_io(&s, rep, true, false);
        if (!go_on(&s)) {
            break;
        }
    }
    return s.count == 0;
}
