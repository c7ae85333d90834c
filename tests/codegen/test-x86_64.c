/* SPDX-License-Identifier: MIT */
/*
 * The host code of common guest instructions, as text: what an optimization
 * gains or loses is a diff here.  A case is what a front end says for a few
 * guest instructions; `want` is the hot path as Capstone prints it, up to the
 * first unconditional jump, without the test at the block's head.  Branches out
 * of the hot path are to "cold", those to entry and exit code to "leave".
 *
 * TEST_CODEGEN_PRINT=1 prints what is, ready to be pasted.
 */
#include "tcg/tcg.h"

#include "tests/test.h"

#if defined(CONFIG_CAPSTONE) && defined(__x86_64__)

#include <capstone/capstone.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tcg/x86_64/x86.h"

/* -- A guest like i386 ------------------------------------------------------- */

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI, EIP, CC_OP, CC_DST, CC_SRC, V0,
       V1, NUM_GLOBALS };
enum { FLAG_FIELD = 0x80, CODE_SIZE = 1 << 16 };

#define REG(n, name, pin) [n] = { name, 0x20 + 4 * n, TCG_I32, pin }

static const TCGGlobalDef globals[NUM_GLOBALS] = {
    REG(EAX, "eax", 2), REG(ECX, "ecx", 5), REG(EDX, "edx", 6),
    REG(EBX, "ebx", 4), REG(ESP, "esp", 1), REG(EBP, "ebp", 3),
    REG(ESI, "esi", 7), REG(EDI, "edi", 8), REG(EIP, "eip", 0),
    REG(CC_OP, "cc_op", 0), REG(CC_DST, "cc_dst", 0), REG(CC_SRC, "cc_src", 0),
    [V0] = { "v0", 0xa0, TCG_V128, 0 }, [V1] = { "v1", 0xb0, TCG_V128, 0 },
};

static uint64_t redo(void *env, uint32_t arg)
{
    (void)env;
    return arg;
}

static const TCGTarget target = {
    .globals = globals,
    .num_globals = NUM_GLOBALS,
    .mmu = { .table = 0x1000, .table_stride = 0x4000, .mask = 8,
             .page_bits = 12, .modes = 1 },
    .jump_cache = { .table = 0x10000, .bits = 12, .hash_shift = 12 },
    .pc = EIP + 1,
    .exit_request = 0,
    .redo = redo,
};

static void helper(void)
{
}

static const TCGHelper pure = { "pure", helper, TCG_CALL_PURE, "ii" };
static const TCGHelper reads = { "reads", helper, TCG_CALL_NO_WRITE, "vei" };

/* -- Guest instructions ------------------------------------------------------ */

static TCGv get(TCGContext *s, unsigned r)
{
    return tcg_get(s, (TCGGlobal)r);
}

static void set(TCGContext *s, unsigned r, TCGv v)
{
    tcg_set(s, (TCGGlobal)r, v);
}

static void flags(TCGContext *s, unsigned op, TCGv dst, TCGv src)
{
    set(s, CC_DST, dst);
    set(s, CC_SRC, src);
    set(s, CC_OP, tcg_const(s, op));
}

static void leave(TCGContext *s)
{
    tcg_exit_tb(s, TB_EXIT_NONE);
}

/* add eax, ebx; the flags die */
static void add_dead_flags(TCGContext *s)
{
    TCGv b = get(s, EBX), r = tcg_add(s, get(s, EAX), b);

    set(s, EAX, r);
    flags(s, 1, r, b);
    b = get(s, EDX);
    r = tcg_and(s, get(s, ECX), b);
    set(s, ECX, r);
    flags(s, 2, r, tcg_const(s, 0));
    leave(s);
}

/* cmp eax, 10; jl */
static void cmp_branch(TCGContext *s)
{
    TCGv a = get(s, EAX), b = tcg_const(s, 10);
    TCGLabel l = tcg_new_label(s);

    flags(s, 3, tcg_sub(s, a, b), b);
    tcg_brcond(s, TCG_COND_LT, a, b, l);
    tcg_goto_tb(s, 0);
    leave(s);
    tcg_set_label(s, l);
    tcg_goto_tb(s, 1);
    leave(s);
}

/* cmp eax, ebx; jb, where both ways overwrite the flags */
static void cmp_branch_dead_flags(TCGContext *s)
{
    TCGLabel l = tcg_new_label(s);

    tcg_brcond(s, TCG_COND_LTU, get(s, EAX), get(s, EBX), l);
    tcg_goto_tb(s, 0);
    leave(s);
    tcg_set_label(s, l);
    tcg_goto_tb(s, 1);
    leave(s);
}

/* cmp eax, 10; jl; add eax, ebx: the flags of the first are stored for the way out only */
static void branch_on(TCGContext *s)
{
    TCGv a = get(s, EAX), b = tcg_const(s, 10);
    TCGLabel l = tcg_new_label(s);

    flags(s, 3, a, b);
    tcg_brcond(s, TCG_COND_LT, a, b, l);
    b = get(s, EBX);
    a = tcg_add(s, a, b);
    set(s, EAX, a);
    flags(s, 1, a, b);
    tcg_goto_tb(s, 0);
    leave(s);
    tcg_set_label(s, l);
    tcg_goto_tb(s, 2);
    leave(s);
}

/* dec ecx; jnz */
static void dec_branch(TCGContext *s)
{
    TCGv r = tcg_addi(s, get(s, ECX), -1);
    TCGLabel l = tcg_new_label(s);

    set(s, ECX, r);
    flags(s, 4, r, tcg_const(s, 0));
    tcg_brcond(s, TCG_COND_NE, r, tcg_const(s, 0), l);
    tcg_goto_tb(s, 0);
    leave(s);
    tcg_set_label(s, l);
    tcg_goto_tb(s, 1);
    leave(s);
}

/* sub eax, ebx; jb */
static void sub_branch(TCGContext *s)
{
    TCGv a = get(s, EAX), b = get(s, EBX), r = tcg_sub(s, a, b);
    TCGLabel l = tcg_new_label(s);

    set(s, EAX, r);
    flags(s, 3, r, b);
    tcg_brcond(s, TCG_COND_LTU, a, b, l);
    tcg_goto_tb(s, 0);
    leave(s);
    tcg_set_label(s, l);
    tcg_goto_tb(s, 1);
    leave(s);
}

/* mov edx, [ebx + ecx * 4 + 8] */
static void load_indexed(TCGContext *s)
{
    TCGv a = tcg_addi(s, tcg_add(s, get(s, EBX),
                                 tcg_shli(s, get(s, ECX), 2)), 8);

    set(s, EDX, tcg_qemu_ld(s, a, MO_32, 0));
    leave(s);
}

/* movzx eax, byte [esi] */
static void load_byte(TCGContext *s)
{
    set(s, EAX, tcg_qemu_ld(s, get(s, ESI), MO_8, 0));
    leave(s);
}

/* push eax; push ebx */
static void push_push(TCGContext *s)
{
    for (unsigned i = 0; i < 2; i++) {
        TCGv sp = tcg_addi(s, get(s, ESP), -4);

        tcg_insn_start(s, 0x100 + i, 0);
        tcg_qemu_st(s, sp, get(s, i ? EBX : EAX), MO_32, 0);
        set(s, ESP, sp);
    }
    leave(s);
}

/* pop ebp; ret */
static void pop_ret(TCGContext *s)
{
    TCGv sp = get(s, ESP), v = tcg_qemu_ld(s, sp, MO_32, 0);

    sp = tcg_addi(s, sp, 4);
    set(s, ESP, sp);
    set(s, EBP, v);
    tcg_insn_start(s, 0x101, 0);
    v = tcg_qemu_ld(s, sp, MO_32, 0);
    set(s, ESP, tcg_addi(s, sp, 4));
    set(s, EIP, v);
    tcg_goto_ptr(s, v, 0x51);
}

/* call far_away, where that is known to stay */
static void call_known(TCGContext *s)
{
    TCGv sp = tcg_addi(s, get(s, ESP), -4);

    tcg_qemu_st(s, sp, tcg_const(s, 0x1005), MO_32, 0);
    set(s, ESP, sp);
    set(s, EIP, tcg_const(s, 0x12345678));
    tcg_goto_known(s, 0x12345678, 0x51);
}

static const TCGHelper divu = { "divu", helper, TCG_CALL_NO_WRITE | TCG_CALL_DIVU, "leiii" };
static const TCGHelper divs = { "divs", helper, TCG_CALL_NO_WRITE | TCG_CALL_DIVS, "leiii" };

static void divide(TCGContext *s, const TCGHelper *h)
{
    TCGv q = tcg_call(s, h, get(s, EAX), get(s, EDX), get(s, ESI));

    set(s, EAX, tcg_trunc32(s, q));
    set(s, EDX, tcg_trunc32(s, tcg_shri(s, q, 32)));
    tcg_exit_tb(s, TB_EXIT_NONE);
}

/* div esi */
static void div_reg(TCGContext *s)
{
    divide(s, &divu);
}

/* idiv esi */
static void idiv_reg(TCGContext *s)
{
    divide(s, &divs);
}

/* add [edi], eax */
static void add_memory(TCGContext *s)
{
    TCGv a = get(s, EDI), b = get(s, EAX);
    TCGv r = tcg_add(s, tcg_qemu_ld(s, a, MO_32 | MO_RMW, 0), b);

    tcg_qemu_st(s, a, r, MO_32, 0);
    flags(s, 1, r, b);
    leave(s);
}

/* mov al, dl; mov ah, bl; movzx ecx, ah */
static void byte_registers(TCGContext *s)
{
    set(s, EAX, tcg_deposit(s, get(s, EAX), tcg_ext8u(s, get(s, EDX)), 0, 8));
    set(s, EAX, tcg_deposit(s, get(s, EAX), tcg_ext8u(s, get(s, EBX)), 8, 8));
    set(s, ECX, tcg_extract(s, get(s, EAX), 8, 8));
    leave(s);
}

/* test al, al; jz */
static void test_byte(TCGContext *s)
{
    TCGv r = tcg_ext8u(s, get(s, EAX));
    TCGLabel l = tcg_new_label(s);

    r = tcg_and(s, r, r);
    tcg_brcond(s, TCG_COND_EQ, r, tcg_const(s, 0), l);
    tcg_goto_tb(s, 0);
    leave(s);
    tcg_set_label(s, l);
    tcg_goto_tb(s, 1);
    leave(s);
}

/* imul eax, edx, 20; lea ecx, [eax + eax * 2]; shl edx, cl; sar ebx, 3 */
static void multiply_shift(TCGContext *s)
{
    TCGv a;

    set(s, EAX, tcg_mul(s, get(s, EDX), tcg_const(s, 20)));
    a = get(s, EAX);
    set(s, ECX, tcg_add(s, a, tcg_shli(s, a, 1)));
    set(s, EDX, tcg_shl(s, get(s, EDX), tcg_andi(s, get(s, ECX), 31)));
    set(s, EBX, tcg_sari(s, get(s, EBX), 3));
    leave(s);
}

/* xchg eax, ebx; setl cl; cmovl esi, edi */
static void exchange_setcc(TCGContext *s)
{
    TCGv a = get(s, EAX), b = get(s, EBX);

    set(s, EAX, b);
    set(s, EBX, a);
    a = get(s, EAX);
    b = get(s, EBX);
    set(s, ECX, tcg_deposit(s, get(s, ECX),
                            tcg_setcond(s, TCG_COND_LT, a, b), 0, 8));
    set(s, ESI, tcg_movcond(s, TCG_COND_LT, a, b, get(s, EDI), get(s, ESI)));
    leave(s);
}

/* A field of env that is tested, and two helpers. */
static void field_and_helpers(TCGContext *s)
{
    TCGLabel l = tcg_new_label(s);
    TCGv zero = tcg_const(s, 0);

    tcg_brcond(s, TCG_COND_NE, tcg_ld(s, TCG_ld32, FLAG_FIELD), zero, l);
    set(s, EAX, tcg_call(s, &pure, get(s, ECX)));
    tcg_call(s, &reads, get(s, EAX));
    tcg_set_label(s, l);
    leave(s);
}

/* paddd xmm0, xmm1; movaps [eax], xmm0 */
static void vector_add(TCGContext *s)
{
    TCGv v = tcg_vadd32(s, get(s, V0), get(s, V1));

    set(s, V0, v);
    tcg_qemu_st(s, get(s, EAX), v, (TCGMemOp)(MO_128 | MO_ALIGN), 0);
    leave(s);
}

/* movsd xmm0, [eax + 8]; mulsd xmm0, xmm1; pshufd xmm1, xmm0, 0x4e;
 * ucomisd xmm0, xmm1; movsd [eax + 8], xmm0 */
static void sse(TCGContext *s)
{
    const uint32_t mulsd = TCG_X86_0F | TCG_X86_F2 | 0x59, ucomisd = TCG_X86_0F | TCG_X86_66 | 0x2e;
    const uint32_t pshufd = TCG_X86_0F | TCG_X86_66 | TCG_X86_IMM8 | 0x70 | 0x4e << 16;
    TCGv at = tcg_addi(s, get(s, EAX), 8);
    TCGv v = tcg_qemu_ld(s, at, (TCGMemOp)(MO_64 | MO_VEC), 0);

    set(s, V0, v);
    set(s, V0, tcg_x86(s, TCG_x86_vv, mulsd, get(s, V0), get(s, V1)));
    v = get(s, V0);
    set(s, V1, tcg_x86(s, TCG_x86_v, pshufd, v, v));
    flags(s, 1, tcg_x86(s, TCG_x86_cmp, ucomisd, get(s, V0), get(s, V1)), get(s, EAX));
    tcg_qemu_st(s, at, get(s, V0), (TCGMemOp)(MO_64 | MO_VEC), 0);
    leave(s);
}

/* What an ARM makes of vldr d0, [eax]; vmul.f64 d1, d1, d0; vstr d1, [eax] */
static void vfp(TCGContext *s)
{
    const TCGMemOp op = (TCGMemOp)(MO_64 | MO_VEC | MO_ALIGN4);
    TCGv at = get(s, EAX), v = tcg_qemu_ld(s, at, op, 0);

    tcg_st(s, TCG_stvd, v, 0xc0);
    v = tcg_redo(s, TCG_DOUBT_F64, tcg_vmulsd(s, tcg_ld(s, TCG_ldvd, 0xc8), v), 1);
    tcg_st(s, TCG_stvd, v, 0xc8);
    tcg_qemu_st(s, at, v, op, 0);
    leave(s);
}

/* popcnt eax, ecx; crc32 edx, eax */
static void host_integers(TCGContext *s)
{
    const uint32_t popcnt = TCG_X86_0F | TCG_X86_F3 | 0xb8;
    const uint32_t crc32 = TCG_X86_0F38 | TCG_X86_F2 | 0xf1;
    TCGv c = get(s, ECX);

    set(s, EAX, tcg_x86(s, TCG_x86_i, popcnt, c, c));
    set(s, EDX, tcg_x86(s, TCG_x86_ii, crc32, get(s, EDX), get(s, EAX)));
    leave(s);
}

/* fld qword [ebp - 8]; fadd st, st(1); fstp qword [ebp - 8]; fnstsw ax */
static void x87(TCGContext *s)
{
    TCGv at = tcg_addi(s, get(s, EBP), -8);

    tcg_x87_mem(s, false, 0xdd, 0, at, MO_64, 0);
    tcg_x87(s, 0xd8, 0xc1, 0);
    tcg_x87_mem(s, true, 0xdd, 3, tcg_addi(s, get(s, EBP), -8), MO_64, 0);
    set(s, EAX, tcg_deposit(s, get(s, EAX), tcg_x87_get(s, TCG_x87_sw, 0), 0, 16));
    leave(s);
}

/* -- The listing ------------------------------------------------------------- */

typedef struct Case {
    const char *name;
    void (*emit)(TCGContext *s);
    const char *want;
} Case;

#define CASE(fn, text) { #fn, fn, text },

static const Case cases[] = {
#include "tests/codegen/x86_64.def"
};

static bool is_jump(const cs_insn *i)
{
    return i->bytes[0] == 0xe9 || (i->bytes[0] == 0x0f && i->bytes[1] >= 0x80 &&
                                   i->bytes[1] < 0x90);
}

static void append(char *out, size_t len, const char *mnemonic,
                   const char *operands)
{
    size_t n = strlen(out);

    snprintf(out + n, len - n, "%s%s%s\n", mnemonic, *operands ? " " : "",
             operands);
}

/* The hot path; addresses are offsets. */
static void list(const uint8_t *code, uint32_t size, char *out, size_t len)
{
    csh handle;
    cs_insn *insn;
    size_t num;

    out[0] = 0;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK) {
        return;
    }
    num = cs_disasm(handle, code, size, 0, 0, &insn);
    for (size_t i = 2; i < num; i++) {          /* behind the block's head */
        const cs_insn *n = &insn[i];
        uint64_t to = strtoull(n->op_str, NULL, 0);

        if (!strcmp(n->mnemonic, "nop")) {
            continue;
        }
        if (!is_jump(n)) {
            append(out, len, n->mnemonic, strncmp(n->mnemonic, "movabs", 6) == 0
                                          ? "rax, fn" : n->op_str);
        } else {
            append(out, len, n->mnemonic, to > size ? "leave"
                                        : to == n->address + n->size ? "next"
                                        : "cold");
        }
        if (n->bytes[0] == 0xe9 || !strcmp(n->mnemonic, "jmp")) {
            break;
        }
    }
    cs_free(insn, num);
    cs_close(&handle);
}

static void print_case(const Case *c, const char *got)
{
    printf("CASE(%s,\n", c->name);
    for (const char *line = got; *line; line = strchr(line, '\n') + 1) {
        printf("    \"%.*s\\n\"\n", (int)(strchr(line, '\n') - line), line);
    }
    printf(")\n\n");
}

TEST(host_code_of_common_sequences)
{
    static TCGCode out;
    static char got[4096];
    uint8_t *code = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t used;
    TCGContext *s = tcg_context_new(&target, &tcg_backend_x86_64, false, code,
                                    CODE_SIZE, &used);
    const X86 *x = s->backend_data;

    if (!x->bmi || !x->avx) {
        TEST_SKIP("the listings are for a host with BMI2 and AVX");
    }
    code += 0x1000;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tcg_begin(s);
        tcg_insn_start(s, 0x100, 0);
        cases[i].emit(s);
        CHECK_EQ(tcg_gen_code(s, code, CODE_SIZE - 0x1000, (void *)0x4000,
                              &out), 0);
        list(code, out.size, got, sizeof(got));
        if (getenv("TEST_CODEGEN_PRINT")) {
            print_case(&cases[i], got);
        } else if (strcmp(got, cases[i].want)) {
            printf("# %s is\n%swant\n%s", cases[i].name, got, cases[i].want);
            CHECK(!"host code changed");
        }
    }
    tcg_context_free(s);
}

#else

TEST(host_code_of_common_sequences)
{
    TEST_SKIP("needs an x86-64 host and Capstone");
}

#endif
