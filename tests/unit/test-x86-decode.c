/* SPDX-License-Identifier: MIT */
/*
 * The decoder alone, fed from memory: every row of the opcode maps can be
 * reached and is complete, operand and address sizes give the lengths of SDM
 * vol. 2A chapter 2, and where capstone is there, random bytes have the length
 * it says.
 */
#include "target-i386/translate.h"

#include "tests/test.h"
#include "util/bits.h"

#ifdef CONFIG_CAPSTONE
#define x86_reg capstone_x86_reg        /* its type, our function */
#include <capstone/capstone.h>
#undef x86_reg
#endif

static X86Dis dis;

static const X86Dis *decode(const void *code, size_t len, bool code32)
{
    static uint8_t bytes[32];

    memset(bytes, 0x90, sizeof(bytes));
    memcpy(bytes, code, MIN(len, sizeof(bytes)));
    dis = (X86Dis){ .code32 = code32, .first = true, .window = bytes, .window_len = 32 };
    CHECK(x86_decode(&dis));
    return &dis;
}

#define DECODE32(code) decode(code, sizeof(code) - 1, true)
#define DECODE16(code) decode(code, sizeof(code) - 1, false)

/* -- Prefixes ---------------------------------------------------------------- */

TEST(operand_size_prefix_toggles)
{
    CHECK_EQ(DECODE32("\xb8\x78\x56\x34\x12")->next, 5);
    CHECK_EQ(dis.osize, MO_32);
    CHECK_EQ(dis.imm[1], 0x12345678);
    CHECK_EQ(DECODE32("\x66\xb8\x78\x56")->next, 4);
    CHECK_EQ(dis.osize, MO_16);
    CHECK_EQ(dis.imm[1], 0x5678);
    CHECK_EQ(DECODE16("\xb8\x78\x56")->next, 3);
    CHECK_EQ(DECODE16("\x66\xb8\x78\x56\x34\x12")->next, 6);
}

TEST(address_size_prefix_toggles)
{
    CHECK_EQ(DECODE32("\x8b\x05\x78\x56\x34\x12")->next, 6);
    CHECK_EQ(dis.base, -1);
    CHECK_EQ(dis.disp, 0x12345678);
    CHECK_EQ(DECODE32("\x67\x8b\x06\x34\x12")->next, 5);
    CHECK_EQ(dis.disp, 0x1234);
    CHECK_EQ(DECODE16("\x8b\x06\x34\x12")->next, 4);
    CHECK_EQ(DECODE16("\x67\x8b\x05\x78\x56\x34\x12")->next, 7);
    /* A moffs is as long as an address. */
    CHECK_EQ(DECODE32("\xa1\x78\x56\x34\x12")->next, 5);
    CHECK_EQ(DECODE32("\x67\xa1\x34\x12")->next, 4);
}

/* SDM vol. 2A, 2.3.11: 15 bytes at most. */
TEST(sixteen_bytes_are_too_many)
{
    uint8_t code[16];

    memset(code, 0x66, sizeof(code));
    code[14] = 0x90;
    CHECK(!decode(code, 15, true)->too_long);
    CHECK_EQ(dis.next, 15);
    memset(code, 0x66, sizeof(code));
    code[15] = 0x90;
    CHECK(decode(code, 16, true)->too_long);
}

/* The last of several segment or repeat prefixes counts. */
TEST(last_prefix_of_a_group_wins)
{
    CHECK_EQ(DECODE32("\x26\x64\x8b\x00")->seg, R_FS);
    CHECK_EQ(DECODE32("\xf2\xf3\xa4")->rep, 0xf3);
    CHECK(DECODE32("\xf0\x01\x00")->lock);
}

/* -- ModRM, SDM vol. 2A, tables 2-1 to 2-3 ----------------------------------- */

TEST(sixteen_bit_addresses)
{
    static const int8_t base[] = { R_EBX, R_EBX, R_EBP, R_EBP, R_ESI, R_EDI, R_EBP, R_EBX };
    static const int8_t index[] = { R_ESI, R_EDI, R_ESI, R_EDI, -1, -1, -1, -1 };

    for (unsigned rm = 0; rm < 8; rm++) {
        uint8_t code[] = { 0x8b, (uint8_t)(0x40 | rm), 0xfe, 0 };

        decode(code, 4, false);
        CHECK_EQ(dis.next, 3);
        CHECK_EQ(dis.base, base[rm]);
        CHECK_EQ(dis.index, index[rm]);
        CHECK_EQ(dis.disp, 0xfffffffe);
        CHECK_EQ(dis.seg, base[rm] == R_EBP ? R_SS : R_DS);
        code[1] = (uint8_t)(0x80 | rm);
        CHECK_EQ(decode(code, 4, false)->next, 4);
        CHECK_EQ(dis.disp, 0xfe);
    }
}

TEST(scale_index_base)
{
    /* mov eax,[ebx+ecx*4+0x10] */
    CHECK_EQ(DECODE32("\x8b\x44\x8b\x10")->next, 4);
    CHECK_EQ(dis.base, R_EBX);
    CHECK_EQ(dis.index, R_ECX);
    CHECK_EQ(dis.scale, 2);
    CHECK_EQ(dis.disp, 0x10);
    CHECK_EQ(dis.seg, R_DS);
    /* index 4 is none; base ESP means SS */
    CHECK_EQ(DECODE32("\x8b\x04\x24")->next, 3);
    CHECK_EQ(dis.index, -1);
    CHECK_EQ(dis.seg, R_SS);
    /* mod 0, base 5: disp32 and no base, so DS */
    CHECK_EQ(DECODE32("\x8b\x04\x8d\x00\x10\x00\x00")->next, 7);
    CHECK_EQ(dis.base, -1);
    CHECK_EQ(dis.index, R_ECX);
    CHECK_EQ(dis.seg, R_DS);
    /* mod 1, base 5: EBP, so SS; an override beats it */
    CHECK_EQ(DECODE32("\x8b\x44\x0d\x04")->seg, R_SS);
    CHECK_EQ(DECODE32("\x3e\x8b\x44\x0d\x04")->seg, R_DS);
}

TEST(immediates_are_as_wide_as_the_operand)
{
    CHECK_EQ(DECODE32("\x83\xc0\xff")->imm[1], 0xffffffff);
    CHECK_EQ(DECODE32("\x66\x83\xc0\xff")->imm[1], 0xffff);
    CHECK_EQ(DECODE32("\x80\xc0\xff")->imm[1], 0xff);
    CHECK_EQ(DECODE32("\xc8\x10\x02\x01")->next, 4);
    CHECK_EQ(dis.imm[0], 0x210);
    CHECK_EQ(dis.imm[1], 1);
    CHECK_EQ(DECODE32("\x9a\x78\x56\x34\x12\x08\x00")->next, 7);
    CHECK_EQ(dis.selector, 8);
    CHECK_EQ(dis.imm[0], 0x12345678);
    CHECK_EQ(DECODE16("\x9a\x78\x56\x08\x00")->next, 5);
}

/* -- Rows -------------------------------------------------------------------- */

static void check_name(const X86Dis *d, const char *want)
{
    CHECK_STR(x86_insn_name(d), want);
}

TEST(names)
{
    check_name(DECODE32("\x01\xc0"), "ADD");
    check_name(DECODE32("\x83\xf8\x00"), "CMP");
    check_name(DECODE32("\xf7\xd8"), "NEG");
    check_name(DECODE32("\xf6\xc8\x01"), "TEST");      /* group 3 /1 */
    check_name(DECODE32("\xd1\xf0"), "SHL");            /* group 2 /6 */
    check_name(DECODE32("\x0f\xaf\xc1"), "IMUL");
    check_name(DECODE32("\x0f\x01\x10"), "LGDT");
    check_name(DECODE32("\x0f\x01\xc8"), "MONITOR");
    check_name(DECODE32("\x0f\x01\xd0"), "(bad)");
    check_name(DECODE32("\x0f\x0b"), "UD");
    check_name(DECODE32("\x0f\xc7\x08"), "CMPXCHG8B");
    check_name(DECODE32("\x0f\xc7\xc8"), "(bad)");
    check_name(DECODE32("\x8f\xc8"), "(bad)");          /* group 1A /1 */
    check_name(DECODE32("\xff\xf8"), "(bad)");          /* group 5 /7 */
}

/* A mandatory prefix chooses the row. */
TEST(prefix_selects_the_row)
{
    check_name(DECODE32("\xf3\x0f\xb8\xc1"), "POPCNT");
    check_name(DECODE32("\x0f\xb8\xc1"), "(bad)");
    check_name(DECODE32("\x0f\xc3\x00"), "MOVNTI");
    check_name(DECODE32("\x66\x0f\xc3\x00"), "(bad)");
    check_name(DECODE32("\x0f\x38\xf1\x00"), "MOVBE");
    CHECK_EQ(dis.osize, MO_32);
    check_name(DECODE32("\x66\x0f\x38\xf1\x00"), "MOVBE");
    CHECK_EQ(dis.osize, MO_16);
    check_name(DECODE32("\xf2\x0f\x38\xf1\x00"), "CRC32");
    check_name(DECODE32("\x66\xf2\x0f\x38\xf1\x00"), "CRC32");
    CHECK_EQ(dis.osize, MO_16);
    check_name(DECODE32("\x66\x0f\x38\x40\xc1"), "PMULLD");
    check_name(DECODE32("\x0f\x38\x40\xc1"), "(bad)");
}

static unsigned rows_seen;

static void check_rows(const X86Op *ops, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        const X86Op *op = &ops[i];
        static const uint8_t below[] = { [BY_REG] = 8, [BY_RM] = 8, [BY_MOD] = 2, [BY_PREFIX] = 4 };

        if (op->sub) {
            CHECK(!op->gen);
            check_rows(op->sub, below[op->select]);
        } else if (op->gen) {
            rows_seen++;
            CHECK(op->name && op->name[0]);
            CHECK(op->flags >> 24 < FEAT_NUM);
            CHECK(op->access <= X && op->select <= BY_PREFIX);
            /* X86Op.op: no gaps */
            CHECK(op->op[0] || !op->op[1]);
            CHECK(op->op[1] || !op->op[2]);
        } else {
            CHECK(!op->name && !op->flags);
        }
    }
}

TEST(rows_are_complete)
{
    rows_seen = 0;
    check_rows(x86_one_byte, 256);
    check_rows(x86_0f, 256);
    check_rows(x86_0f38, 256);
    check_rows(x86_0f3a, 256);
    CHECK(rows_seen > 350);
    for (unsigned i = 0; i < 8; i++) {
        check_rows(x86_x87_mem[i], 8);
        check_rows(x86_x87_reg[i], 8);
    }
}

/* Every row with a gen is what some bytes decode to. */
TEST(rows_can_be_reached)
{
    static const uint8_t prefixes[] = { 0x90, 0x66, 0xf3, 0xf2 };
    static const X86Op *reached[4096];
    unsigned num = 0, named = 0;

    for (unsigned n = 0; n < 256 * 256 * 8; n++) {
        uint8_t code[4] = { prefixes[n & 3] };
        unsigned at = n & 3 ? 1 : 0;

        if (n & 4) {
            code[at++] = 0x0f;
        }
        code[at] = (uint8_t)(n >> 3);
        code[at + 1] = (uint8_t)(n >> 11);
        decode(code, 4, true);
        unsigned i = 0;

        while (i < num && reached[i] != dis.op) {
            i++;
        }
        if (dis.op && i == num && num < ARRAY_SIZE(reached)) {
            reached[num++] = dis.op;
        }
    }
    for (unsigned i = 0; i < num; i++) {
        named += reached[i]->name != NULL;
    }
    CHECK_EQ(named, num);
    rows_seen = 0;
    check_rows(x86_one_byte, 256);
    check_rows(x86_0f, 256);
    check_rows(x86_0f38, 256);
    check_rows(x86_0f3a, 256);
    for (unsigned i = 0; i < 8; i++) {
        check_rows(x86_x87_mem[i], 8);
        check_rows(x86_x87_reg[i], 8);
    }
    CHECK(num >= 400);
    CHECK(num <= rows_seen);
}

/* -- LOCK (SDM vol. 2A, LOCK) ------------------------------------------------ */

static bool lockable(unsigned opcode, unsigned reg)
{
    uint8_t code[] = { (uint8_t)opcode, (uint8_t)(reg << 3), 0, 0, 0, 0 };

    decode(code, sizeof(code), true);
    return dis.op && (dis.op->flags & OP_LOCK);
}

TEST(lock_is_for_these_only)
{
    for (unsigned op = 0; op < 8; op++) {
        CHECK_EQ(lockable(op << 3 | 1, 0), op != 7);    /* ADD .. XOR, not CMP */
        CHECK(!lockable(op << 3 | 3, 0));               /* memory is the source */
        CHECK_EQ(lockable(0x81, op), op != 7);
        CHECK_EQ(lockable(0xf7, op), op == 2 || op == 3);
        CHECK_EQ(lockable(0xff, op), op < 2);
        CHECK(!lockable(0xd1, op));
    }
    CHECK(lockable(0x87, 0));
    CHECK(!lockable(0x89, 0));
    CHECK(!lockable(0x8b, 0));
    CHECK(!lockable(0x85, 0));
}

/* -- Page ends --------------------------------------------------------------- */

/* Only the first instruction of a block may reach into the next page. */
TEST(page_end)
{
    uint8_t page[TARGET_PAGE_SIZE];

    memset(page, 0xb8, sizeof(page));
    dis = (X86Dis){ .code32 = true, .window = page, .window_len = sizeof(page) };
    dis.pc = sizeof(page) - 5;
    CHECK(x86_decode(&dis));
    CHECK_EQ(dis.next, sizeof(page));
    dis.pc = sizeof(page) - 4;
    CHECK(!x86_decode(&dis));
}

/* -- A second opinion -------------------------------------------------------- */

#ifdef CONFIG_CAPSTONE

static uint32_t random32(void)
{
    static uint64_t rng = 88172645463325252ull;

    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 16);
}

/*
 * What is excepted, and why.  UD0 and UD1 have a ModRM byte (SDM vol. 2B, UD),
 * which capstone leaves out.  MOV CRn ignores mod.  C4, C5 and 62 with a
 * register form are prefixes of processors later than ours, #UD here.
 */
static bool excepted(const X86Dis *d)
{
    for (unsigned i = 0; i < 3; i++) {
        unsigned place = place_of(d->operand[i]);

        if (place == X_R || (place == X_M && !d->has_mem)) {
            return true;
        }
    }
    return !d->op || d->too_long || !strcmp(d->op->name, "UD");
}

TEST(lengths_as_capstone)
{
    csh cs[2];
    unsigned compared = 0, different = 0;

    CHECK_EQ(cs_open(CS_ARCH_X86, CS_MODE_16, &cs[0]), CS_ERR_OK);
    CHECK_EQ(cs_open(CS_ARCH_X86, CS_MODE_32, &cs[1]), CS_ERR_OK);
    for (unsigned n = 0; n < 300000; n++) {
        uint8_t code[32];
        unsigned mode = n & 1;
        cs_insn *insn;

        for (unsigned i = 0; i < sizeof(code); i++) {
            code[i] = (uint8_t)random32();
        }
        if (n % 3 == 0) {
            code[0] = 0x0f;
        }
        decode(code, sizeof(code), mode);
        if (excepted(&dis) || !cs_disasm(cs[mode], code, sizeof(code), 0, 1, &insn)) {
            continue;
        }
        compared++;
        if (insn->size != dis.next && different++ < 20) {
            printf("# %02x %02x %02x %02x %02x %02x mode %d: %s, %u bytes; capstone: %s %s, %u\n",
                   code[0], code[1], code[2], code[3], code[4], code[5], mode ? 32 : 16,
                   x86_insn_name(&dis), (unsigned)dis.next, insn->mnemonic, insn->op_str,
                   (unsigned)insn->size);
        }
        cs_free(insn, 1);
    }
    cs_close(&cs[0]);
    cs_close(&cs[1]);
    CHECK(compared > 100000);
    CHECK_EQ(different, 0);
}

#endif
