/* SPDX-License-Identifier: MIT */
/*
 * ARM translation tables and protection regions, with tables made by hand.
 *
 *   20004000 first level    20008000, 20009000 second level   20010000 ... pages
 *
 * can() asks for one access; a fault leaves its status, as the DFSR would have
 * it (ARM ARM B4.6).
 */
#include "tests/test.h"
#include "tests/arm-rig.h"
#include "target-arm/cp15.h"
#include "target-arm/inspect.h"
#include "target-arm/mmu.h"

enum { L1 = 0x20004000, L2 = 0x20008000, FINE = 0x20009000, PAGES = 0x20010000 };
enum { USER = 0, PRIV = 1 };
enum {
    AP_NONE = 0, AP_PRIV = 1, AP_USER_RO = 2, AP_ALL = 3,
    CLIENT0 = 1, MANAGER0 = 3,
};

static CPUState *cpu(void) { return arm_cpu(rig.env); }

static void put(uint32_t at, uint32_t val)
{
    store_le(rig_ptr(at), val, 4);
}

static void mcr(unsigned crn, unsigned opc1, unsigned crm, unsigned opc2, uint32_t val)
{
    CHECK(arm_cp15_write(rig.env, 0xee000f10 | opc1 << 21 | crn << 16 | opc2 << 5 | crm, val));
}

static void start(const char *model, uint32_t sctlr)
{
    rig_open(&(AccelOptions){ .tb_size = 4 << 20 }, model);
    memset(rig_ptr(L1), 0, 0x4000);
    mcr(2, 0, 0, 0, L1);
    mcr(3, 0, 0, 0, CLIENT0);
    mcr(1, 0, 0, 0, sctlr | SCTLR_M);
}

static void section(uint32_t va, uint32_t attributes)
{
    put(L1 + (va >> 20) * 4, 0x20000000 | attributes | 2);
}

static void coarse(uint32_t va, unsigned domain)
{
    put(L1 + (va >> 20) * 4, L2 | domain << 5 | 1);
}

/* Entry of the coarse table for va. */
static void page(uint32_t va, uint32_t desc)
{
    put(L2 + (va >> 12 & 0xff) * 4, desc);
}

static unsigned idx(unsigned mode)
{
    return arm_mmu_index(rig.env, mode);
}

static bool can(uint32_t va, MMUAccess access, unsigned mode)
{
    rig.env->fault_status = 0;
    return arm_tlb_fill(cpu(), va, access, idx(mode), false);
}

static uint32_t load(uint32_t va)
{
    return (uint32_t)cpu_ld(cpu(), va, MO_32, idx(PRIV), 0);
}

#define CHECK_FAULT(va, access, mode, status)                               \
    do {                                                                    \
        CHECK(!can(va, access, mode));                                      \
        CHECK_EQ(rig.env->fault_status, status);                            \
        CHECK_EQ(rig.env->fault_addr, va);                                  \
    } while (0)

static void flush(void) { mcr(8, 0, 7, 0, 0); }

/* -- ARMv4, v5 ---------------------------------------------------------------- */

/* B4.7.2: a section; B4.6: status 0b0101 where there is nothing. */
TEST(sections)
{
    start("arm926", 0);
    section(0xc0000000, AP_PRIV << 10);
    put(0x20012340, 0x12345678);
    CHECK_EQ(load(0xc0012340), 0x12345678);
    CHECK_FAULT(0xc0100000, MMU_READ, PRIV, 0x05);
    CHECK_EQ(rig.env->common.exception_index, EXCP_DATA_ABORT);
    CHECK_FAULT(0xc0100000, MMU_FETCH, PRIV, 0x05);
    CHECK_EQ(rig.env->common.exception_index, EXCP_PREFETCH_ABORT);
    rig_close();
}

/* Table B4-1: rights by AP; status 0b1101 and the domain. */
TEST(access_permissions)
{
    static const struct { unsigned ap; bool user_r, user_w, priv_r, priv_w; } rows[] = {
        { AP_NONE, 0, 0, 0, 0 }, { AP_PRIV, 0, 0, 1, 1 }, { AP_USER_RO, 1, 0, 1, 1 },
        { AP_ALL, 1, 1, 1, 1 },
    };

    start("arm926", 0);
    for (unsigned i = 0; i < 4; i++) {
        section(0x80000000, rows[i].ap << 10 | 5 << 5);
        mcr(3, 0, 0, 0, 1u << 10);
        flush();
        CHECK_EQ(can(0x80000000, MMU_READ, USER), rows[i].user_r);
        CHECK_EQ(can(0x80000000, MMU_FETCH, USER), rows[i].user_r);
        CHECK_EQ(can(0x80000000, MMU_WRITE, USER), rows[i].user_w);
        CHECK_EQ(can(0x80000000, MMU_READ, PRIV), rows[i].priv_r);
        CHECK_EQ(can(0x80000000, MMU_WRITE, PRIV), rows[i].priv_w);
    }
    section(0x80000000, AP_USER_RO << 10 | 5 << 5);
    CHECK_FAULT(0x80000123, MMU_WRITE, USER, 0x5d);
    rig_close();
}

/* Table B4-1: AP 0 is what c1.S and c1.R say. */
TEST(s_and_r_bits)
{
    static const struct { uint32_t bits; bool user, priv; } rows[] = {
        { 0, 0, 0 }, { SCTLR_S, 0, 1 }, { SCTLR_R, 1, 1 },
    };

    for (unsigned i = 0; i < 3; i++) {
        start("arm920t", rows[i].bits);
        section(0, AP_NONE << 10);
        CHECK_EQ(can(0x1000, MMU_READ, USER), rows[i].user);
        CHECK_EQ(can(0x1000, MMU_READ, PRIV), rows[i].priv);
        CHECK(!can(0x1000, MMU_WRITE, PRIV));
        rig_close();
    }
}

/* B4.3: no access (status 0b1001, 0b1011), client, manager. */
TEST(domains)
{
    start("arm926", 0);
    section(0x100000, AP_NONE << 10 | 3 << 5);
    coarse(0x200000, 3);
    page(0x200000, PAGES | 2);
    mcr(3, 0, 0, 0, 0);
    CHECK_FAULT(0x100000, MMU_READ, PRIV, 0x39);
    CHECK_FAULT(0x200000, MMU_READ, PRIV, 0x3b);
    mcr(3, 0, 0, 0, 1 << 6);
    CHECK_FAULT(0x100000, MMU_READ, PRIV, 0x3d);
    CHECK_FAULT(0x200000, MMU_READ, PRIV, 0x3f);
    mcr(3, 0, 0, 0, 3 << 6);
    CHECK(can(0x100000, MMU_WRITE, USER));
    CHECK(can(0x200000, MMU_WRITE, USER));
    mcr(3, 0, 0, 0, 2 << 6);            /* reserved */
    CHECK(!can(0x100000, MMU_READ, PRIV));
    rig_close();
}

/* B4.7.5: small and large pages of a coarse table; 0b0111 if there is none. */
TEST(second_level)
{
    start("arm926", 0);
    coarse(0x40000000, 0);
    page(0x40003000, (PAGES + 0x5000) | 0xff0 | 2);
    for (unsigned i = 0; i < 16; i++) {
        page(0x40010000 + i * 0x1000, 0x20020000 | 0xff0 | 1);
    }
    put(PAGES + 0x5010, 0xaaaa);
    put(0x20027010, 0xbbbb);
    CHECK_EQ(load(0x40003010), 0xaaaa);
    CHECK_EQ(load(0x40017010), 0xbbbb);
    CHECK_FAULT(0x40004000, MMU_READ, PRIV, 0x07);
    rig_close();
}

/* B4.7.5: the four 1 KiB parts of a small page have rights of their own. */
TEST(subpages)
{
    start("arm926", 0);
    coarse(0, 0);
    page(0, PAGES | 2 | AP_ALL << 4 | AP_USER_RO << 6 | AP_PRIV << 8 | AP_NONE << 10);
    for (unsigned i = 0; i < 4; i++) {
        put(PAGES + i * 0x400, i + 1);
    }
    CHECK(can(0x000, MMU_WRITE, USER));
    CHECK(can(0x400, MMU_READ, USER));
    CHECK(!can(0x400, MMU_WRITE, USER));
    CHECK(!can(0x800, MMU_READ, USER));
    CHECK(can(0x800, MMU_WRITE, PRIV));
    CHECK(!can(0xc00, MMU_READ, PRIV));
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(load(i * 0x400), i + 1);
    }
    cpu_st(cpu(), 0x804, 0x55, MO_32, idx(PRIV), 0);
    CHECK_EQ(load_le(rig_ptr(PAGES + 0x804), 4), 0x55);
    /* Over the border of two parts, both of which may be read. */
    put(PAGES + 0x3fc, 0x44332211);
    put(PAGES + 0x400, 0x88776655);
    CHECK_EQ(load(0x3fe), 0x66554433);
    rig_close();
}

/* B4.7.5: tiny pages, 1 KiB, at four places. */
TEST(tiny_pages)
{
    static const uint32_t places[4] = { PAGES + 0x800, PAGES + 0x1400, PAGES, PAGES + 0x2c00 };

    start("arm920t", 0);
    put(L1 + 4, FINE | 3);
    for (unsigned i = 0; i < 4; i++) {
        put(FINE + i * 4, places[i] | AP_ALL << 4 | 3);
        put(places[i] + 0x20, 0x100 + i);
    }
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(load(0x100020 + i * 0x400), 0x100 + i);
        cpu_st(cpu(), 0x100024 + i * 0x400, i, MO_8, idx(USER), 0);
        CHECK_EQ(*rig_ptr(places[i] + 0x24), i);
    }
    CHECK_EQ(cpu_ld(cpu(), 0x1003fe, MO_32, idx(PRIV), 0),
             load_le(rig_ptr(places[0] + 0x3fe), 2) | load_le(rig_ptr(places[1]), 2) << 16);
    CHECK_FAULT(0x101000, MMU_READ, PRIV, 0x07);
    rig_close();
}

/* Code in tiny pages: each instruction from where it is mapped. */
TEST(code_in_tiny_pages)
{
    ArmCtx c = { .cpsr = MODE_SVC, .r[15] = 0x1003f8 }, got;

    start("arm920t", 0);
    section(0x20000000, AP_ALL << 10);
    put(L1 + 4, FINE | 3);
    put(FINE, (PAGES + 0x800) | AP_ALL << 4 | 3);
    put(FINE + 4, (PAGES + 0x1400) | AP_ALL << 4 | 3);
    put(PAGES + 0x800 + 0x3f8, 0xe3a00001);             /* mov r0, #1 */
    put(PAGES + 0x800 + 0x3fc, 0xe2800002);             /* add r0, r0, #2 */
    put(PAGES + 0x1400, 0xe2800004);                    /* add r0, r0, #4 */
    put(PAGES + 0x1404, 0xef000000);                    /* svc 0 */
    rig_set(&c);
    rig_run(&got);
    CHECK_EQ(got.excp, EXCP_SWI);
    CHECK_EQ(got.r[0], 7);
    CHECK_EQ(got.r[15], 0x100404);
    rig_close();
}

/* B4.6: 0b1100 and 0b1110, external aborts of table walks. */
TEST(walks_into_nothing)
{
    start("arm926", 0);
    mcr(2, 0, 0, 0, 0x70000000);
    CHECK_FAULT(0x1000, MMU_READ, PRIV, 0x0c);
    mcr(2, 0, 0, 0, L1);
    put(L1, 0x70000000 | 4 << 5 | 1);
    CHECK_FAULT(0x1000, MMU_READ, PRIV, 0x4e);
    rig_close();
}

/* B8.2: addresses below 32 MiB are moved; the fault address is the moved one. */
TEST(fast_context_switch)
{
    start("arm926", 0);
    section(0x02000000, AP_ALL << 10);
    section(0x04000000, AP_ALL << 10);
    put(L1 + 0x40 * 4, 0x20000000 | AP_ALL << 10 | 2);
    put(L1 + 0x20 * 4, 0x20000000 | AP_ALL << 10 | 2);
    put(0x20030000, 0xfc5e);
    CHECK(!can(0x30000, MMU_READ, PRIV));
    mcr(13, 0, 0, 0, 0x02000000);
    CHECK_EQ(load(0x00030000), 0xfc5e);
    CHECK_EQ(load(0x02030000), 0xfc5e);
    mcr(13, 0, 0, 0, 0x06000000);
    CHECK(!can(0x00030000, MMU_READ, PRIV));
    CHECK_EQ(rig.env->fault_addr, 0x06030000);
    CHECK_EQ(load(0x02030000), 0xfc5e);
    rig_close();
}

/* -- Domains and the TLB ------------------------------------------------------ */

static uint64_t flushes(void) { return cpu()->common.exec->stat.tlb_flushes; }

/* Two values take turns without a flush; a third costs one set. */
TEST(two_domain_settings_at_once)
{
    start("arm926", 0);
    section(0, AP_PRIV << 10);
    section(0x100000, AP_PRIV << 10 | 1 << 5);
    mcr(3, 0, 0, 0, 0x5);
    mcr(3, 0, 0, 0, 0x1);
    uint64_t before = flushes();

    for (unsigned i = 0; i < 4; i++) {
        mcr(3, 0, 0, 0, 0x5);
        CHECK(can(0x100000, MMU_READ, PRIV));
        CHECK_EQ((rig.env->tbflags & TBF_MMUIDX) >> TBF_MMUIDX_SHIFT, idx(PRIV));
        mcr(3, 0, 0, 0, 0x1);
        CHECK(!can(0x100000, MMU_READ, PRIV));
        CHECK(can(0x000000, MMU_READ, PRIV));
    }
    CHECK_EQ(flushes(), before);
    mcr(3, 0, 0, 0, 0x4);
    CHECK_EQ(flushes(), before + 1);
    CHECK(can(0x100000, MMU_READ, PRIV));
    CHECK(!can(0x000000, MMU_READ, PRIV));
    mcr(3, 0, 0, 0, 0x1);
    CHECK_EQ(flushes(), before + 1);
    CHECK(!can(0x100000, MMU_READ, PRIV));
    rig_close();
}

/* In translated code: the domain that is closed aborts, the open one does not. */
TEST(domain_writes_in_code)
{
    static const uint32_t code[] = {
        0xee033f10,                     /* mcr p15, 0, r3, c3, c0, 0 */
        0xe5901000,                     /* ldr r1, [r0] */
        0xee034f10,                     /* mcr p15, 0, r4, c3, c0, 0 */
        0xe2555001,                     /* subs r5, r5, #1 */
        0x1afffffa,                     /* bne code */
        0xe5902000,                     /* ldr r2, [r0] */
    };
    ArmCtx c = { .cpsr = MODE_SVC, .r = { 0x100000, 0, 0, 5, 1, 100 } }, got;

    for (unsigned interp = 0; interp < 2; interp++) {
        rig_open(&(AccelOptions){ .tb_size = 4 << 20, .interp = interp }, "arm926");
        section(0x20000000, AP_ALL << 10);
        section(0x100000, AP_ALL << 10 | 1 << 5);
        mcr(2, 0, 0, 0, L1);
        mcr(3, 0, 0, 0, CLIENT0);
        mcr(1, 0, 0, 0, SCTLR_M);
        put(0x20000000, 0x77);
        memcpy(rig_ptr(RIG_CODE), code, sizeof(code));
        c.r[15] = RIG_CODE;
        rig_set(&c);
        uint64_t before = flushes();

        rig_run(&got);
        CHECK_EQ(got.excp, EXCP_DATA_ABORT);
        CHECK_EQ(got.r[15], RIG_CODE + 0x14);
        CHECK_EQ(got.r[1], 0x77);
        CHECK_EQ(got.r[2], 0);
        CHECK_EQ(got.fault_status, 0x19);
        CHECK_EQ(flushes() - before, 1);        /* the first 5 was new */
        rig_close();
    }
}

/* B4.9.3: an entry is used until it is flushed; by address, or all. */
TEST(tlb_maintenance)
{
    start("arm926", 0);
    coarse(0, 0);
    page(0x1000, PAGES | 0xff0 | 2);
    put(PAGES, 1);
    put(PAGES + 0x1000, 2);
    CHECK_EQ(load(0x1000), 1);
    page(0x1000, (PAGES + 0x1000) | 0xff0 | 2);
    CHECK_EQ(load(0x1000), 1);
    mcr(8, 0, 7, 1, 0x2000);
    CHECK_EQ(load(0x1000), 1);
    mcr(8, 0, 7, 1, 0x1000);
    CHECK_EQ(load(0x1000), 2);
    page(0x1000, PAGES | 0xff0 | 2);
    mcr(8, 0, 7, 0, 0);
    CHECK_EQ(load(0x1000), 1);
    rig_close();
}

/* -- ARMv6 -------------------------------------------------------------------- */

/* B4.7.2: a supersection, and XN, APX, whose read-only is for all. */
TEST(v6_sections)
{
    start("arm1136", SCTLR_XP);
    for (unsigned i = 0; i < 16; i++) {
        put(L1 + (0x500 + i) * 4, 0x20000000 | 1 << 18 | AP_ALL << 10 | 2);
    }
    put(0x20034560, 0x5151);
    CHECK_EQ(load(0x50034560), 0x5151);
    section(0x60000000, AP_ALL << 10 | 1 << 4);
    CHECK(can(0x60000000, MMU_READ, USER));
    CHECK_FAULT(0x60000000, MMU_FETCH, USER, 0x0d);
    section(0x60100000, AP_PRIV << 10 | 1 << 15);
    CHECK(can(0x60100000, MMU_READ, PRIV));
    CHECK_FAULT(0x60100000, MMU_WRITE, PRIV, 0x80d);        /* bit 11: a write */
    CHECK(!can(0x60100000, MMU_READ, USER));
    section(0x60200000, AP_USER_RO << 10 | 1 << 15);
    CHECK(can(0x60200000, MMU_READ, USER));
    CHECK(!can(0x60200000, MMU_WRITE, PRIV));
    rig_close();
}

/* B4.7.4: the second level with c1.XP; type 2 and 3 are small pages, 3 is XN. */
TEST(v6_pages)
{
    start("arm1136", SCTLR_XP);
    coarse(0, 0);
    page(0x1000, PAGES | AP_ALL << 4 | 2);
    page(0x2000, PAGES | AP_ALL << 4 | 3);
    page(0x3000, PAGES | 1 << 9 | AP_USER_RO << 4 | 2);
    for (unsigned i = 0; i < 16; i++) {
        page(0x10000 + i * 0x1000, 0x20020000 | 1 << 15 | AP_ALL << 4 | 1);
    }
    CHECK(can(0x1000, MMU_FETCH, USER));
    CHECK(can(0x2000, MMU_WRITE, USER));
    CHECK(!can(0x2000, MMU_FETCH, USER));
    CHECK(can(0x3000, MMU_READ, USER));
    CHECK(!can(0x3000, MMU_WRITE, PRIV));
    CHECK(can(0x18000, MMU_READ, USER));
    CHECK(!can(0x18000, MMU_FETCH, USER));
    rig_close();
}

/* B4.7.3: with TTBCR.N the upper addresses have a table of their own. */
TEST(v6_two_tables)
{
    start("arm1136", SCTLR_XP);
    mcr(2, 0, 0, 1, 0x20000000);
    memset(rig_ptr(0x20000000), 0, 0x4000);
    put(0x20000000 + 0xc00 * 4, 0x20000000 | AP_ALL << 10 | 2);
    section(0x00100000, AP_ALL << 10);
    CHECK(!can(0xc0000000, MMU_READ, PRIV));
    mcr(2, 0, 0, 2, 2);                 /* 1 GiB by TTBR0 */
    CHECK(can(0xc0000000, MMU_READ, PRIV));
    CHECK(can(0x00100000, MMU_READ, PRIV));
    CHECK(!can(0x40000000, MMU_READ, PRIV));
    rig_close();
}

/* B4.7.4, nG, and B4.9.5: a new ASID leaves global entries alone. */
TEST(v6_address_spaces)
{
    start("arm1136", SCTLR_XP);
    section(0x40000000, AP_ALL << 10 | 1 << 17);
    section(0x40100000, AP_ALL << 10);
    put(0x20000000, 0x99);
    CHECK_EQ(load(0x40000000), 0x99);
    CHECK_EQ(load(0x40100000), 0x99);
    put(L1 + 0x400 * 4, 0);
    put(L1 + 0x401 * 4, 0);
    mcr(13, 0, 0, 1, 7);
    CHECK(!can(0x40000000, MMU_READ, PRIV));
    CHECK_EQ(load(0x40100000), 0x99);
    rig_close();
}

/* DDI 0211, 6.5.3: c1.FA makes AP bit 0 an access flag; 0b0011, 0b0110. */
TEST(v6_access_flag)
{
    start("arm1136", SCTLR_XP | SCTLR_FA);
    section(0x100000, 2 << 10);
    section(0x200000, 3 << 10);
    section(0x300000, 1 << 10);
    CHECK_FAULT(0x100000, MMU_READ, PRIV, 0x03);
    CHECK(can(0x200000, MMU_WRITE, USER));
    CHECK(can(0x300000, MMU_WRITE, PRIV));
    CHECK(!can(0x300000, MMU_READ, USER));
    coarse(0x400000, 0);
    page(0x400000, PAGES | 2 << 4 | 2);
    CHECK_FAULT(0x400000, MMU_READ, PRIV, 0x06);
    rig_close();
}

/* -- Alignment ---------------------------------------------------------------- */

/* B4.6.2: an alignment fault is 0b0001, and comes before the others. */
TEST(alignment)
{
    ArmCtx c = { .cpsr = MODE_SVC, .r = { 0x70000002 }, .r[15] = RIG_CODE }, got;

    start("arm926", SCTLR_A);
    section(0x20000000, AP_ALL << 10);
    put(RIG_CODE, 0xe5901000);          /* ldr r1, [r0] */
    rig_set(&c);
    rig_run(&got);
    CHECK_EQ(got.excp, EXCP_DATA_ABORT);
    CHECK_EQ(got.fault_status, 1);
    CHECK_EQ(got.fault_addr, 0x70000002);
    rig_close();
}

/* -- The protection unit of the ARM946 ----------------------------------------- */

/* DDI 0201, 4.3: the region with the highest number counts; none: abort. */
TEST(protection_regions)
{
    rig_open(&(AccelOptions){ .tb_size = 4 << 20 }, "arm946");
    mcr(6, 0, 0, 0, 0x20000000 | 27 << 1 | 1);          /* 256 MiB */
    mcr(6, 0, 3, 0, 0x20010000 | 11 << 1 | 1);          /* 4 KiB */
    mcr(5, 0, 0, 2, AP_ALL | AP_USER_RO << 12);
    mcr(5, 0, 0, 3, AP_ALL | 5 << 12);
    mcr(1, 0, 0, 0, SCTLR_M);
    CHECK(can(0x20000000, MMU_WRITE, USER));
    CHECK(can(0x20010000, MMU_READ, USER));
    CHECK(!can(0x20010000, MMU_WRITE, USER));
    CHECK(can(0x20010000, MMU_WRITE, PRIV));
    CHECK(!can(0x20010000, MMU_FETCH, USER));
    CHECK(can(0x20010000, MMU_FETCH, PRIV));
    CHECK(can(0x20011000, MMU_WRITE, USER));
    CHECK(!can(0x40000000, MMU_READ, PRIV));
    mcr(5, 0, 0, 0, AP_PRIV << 6);      /* two bits per region */
    CHECK(!can(0x20010000, MMU_READ, USER));
    CHECK(can(0x20010000, MMU_WRITE, PRIV));
    CHECK(!can(0x20000000, MMU_READ, PRIV));
    rig_close();
}

/* -- For the monitor ----------------------------------------------------------- */

static void append(void *opaque, const char *text)
{
    strncat(opaque, text, 400 - strlen(opaque));
}

TEST(tables_as_text)
{
    char text[401] = "";

    start("arm926", 0);
    section(0x100000, AP_ALL << 10);
    section(0x200000, AP_ALL << 10);
    coarse(0x300000, 0);
    page(0x305000, PAGES | 0x550 | 2);
    arm_dump_mem(cpu(), append, text);
    CHECK_STR(text, "00100000-00300000 00200000 rwx rwx\n"
                    "00305000-00306000 00001000 rwx ---\n");
    text[0] = 0;
    arm_dump_tlb(cpu(), append, text);
    CHECK_STR(text, "00100000: 20000000  1024K domain  0 rwx rwx\n"
                    "00200000: 20000000  1024K domain  0 rwx rwx\n"
                    "00305000: 20010000     4K domain  0 rwx ---\n");
    rig_close();
}
