/* SPDX-License-Identifier: MIT */
/*
 * Registers as GDB numbers them (GDB manual, "i386 Features"): 0-31 of the
 * core, 32-40 of SSE.
 *
 * Whoever writes one gets what the processor would have after loading it: a
 * segment register loads its descriptor, EFLAGS change the mode.  What the
 * processor would refuse is refused.
 *
 * Not modelled: a CS or SS of another privilege level, control registers.
 */
#include <string.h>

#include "target-i386/fpu.h"
#include "target-i386/inspect.h"
#include "target-i386/sys.h"
#include "util/bits.h"

/* -- The table --------------------------------------------------------------- */

enum {
    N_EIP = 8, N_EFLAGS, N_SEG, N_ST = 16, N_FPU = 24, N_XMM = 32, N_MXCSR = 40,
};

/* clang-format off */
static const GDBRegister core[] = {
    { "eax", "int32", 4 }, { "ecx", "int32", 4 }, { "edx", "int32", 4 }, { "ebx", "int32", 4 },
    { "esp", "data_ptr", 4 }, { "ebp", "data_ptr", 4 }, { "esi", "int32", 4 },
    { "edi", "int32", 4 }, { "eip", "code_ptr", 4 }, { "eflags", "i386_eflags", 4 },
    { "cs", "int32", 4 }, { "ss", "int32", 4 }, { "ds", "int32", 4 }, { "es", "int32", 4 },
    { "fs", "int32", 4 }, { "gs", "int32", 4 },
    { "st0", "i387_ext", 10 }, { "st1", "i387_ext", 10 }, { "st2", "i387_ext", 10 },
    { "st3", "i387_ext", 10 }, { "st4", "i387_ext", 10 }, { "st5", "i387_ext", 10 },
    { "st6", "i387_ext", 10 }, { "st7", "i387_ext", 10 },
    { "fctrl", "int", 4 }, { "fstat", "int", 4 }, { "ftag", "int", 4 }, { "fiseg", "int", 4 },
    { "fioff", "int", 4 }, { "foseg", "int", 4 }, { "fooff", "int", 4 }, { "fop", "int", 4 },
};

static const GDBRegister sse[] = {
    { "xmm0", "vec128", 16 }, { "xmm1", "vec128", 16 }, { "xmm2", "vec128", 16 },
    { "xmm3", "vec128", 16 }, { "xmm4", "vec128", 16 }, { "xmm5", "vec128", 16 },
    { "xmm6", "vec128", 16 }, { "xmm7", "vec128", 16 }, { "mxcsr", "int", 4 },
};

#define FLAG(name, bit) "<field name=\"" name "\" start=\"" #bit "\" end=\"" #bit "\"/>"
#define VECTOR(id, type, count) \
    "<vector id=\"" id "\" type=\"" type "\" count=\"" #count "\"/>"
#define FIELD(name, type) "<field name=\"" name "\" type=\"" type "\"/>"

static const char core_types[] =
    "<flags id=\"i386_eflags\" size=\"4\">"
    FLAG("CF", 0) FLAG("PF", 2) FLAG("AF", 4) FLAG("ZF", 6) FLAG("SF", 7) FLAG("TF", 8)
    FLAG("IF", 9) FLAG("DF", 10) FLAG("OF", 11) FLAG("NT", 14) FLAG("RF", 16) FLAG("VM", 17)
    FLAG("AC", 18) FLAG("VIF", 19) FLAG("VIP", 20) FLAG("ID", 21)
    "</flags>";

static const char sse_types[] =
    VECTOR("v4f", "ieee_single", 4) VECTOR("v2d", "ieee_double", 2) VECTOR("v16i8", "int8", 16)
    VECTOR("v8i16", "int16", 8) VECTOR("v4i32", "int32", 4) VECTOR("v2i64", "int64", 2)
    "<union id=\"vec128\">"
    FIELD("v4_float", "v4f") FIELD("v2_double", "v2d") FIELD("v16_int8", "v16i8")
    FIELD("v8_int16", "v8i16") FIELD("v4_int32", "v4i32") FIELD("v2_int64", "v2i64")
    FIELD("uint128", "uint128")
    "</union>";
/* clang-format on */

#define CORE { "org.gnu.gdb.i386.core", core_types, core, ARRAY_SIZE(core) }

const GDBFeature *x86_gdb_features(CPUState *cpu)
{
    enum { FEAT_SSE = 1 << 25 };        /* CPUID 1 EDX, SDM vol. 2, CPUID */
    static const GDBFeature plain[] = { CORE, { NULL, NULL, NULL, 0 } };
    static const GDBFeature with_sse[] = {
        CORE, { "org.gnu.gdb.i386.sse", sse_types, sse, ARRAY_SIZE(sse) }, { NULL, NULL, NULL, 0 },
    };

    return x86_env(cpu)->feat_1_edx & FEAT_SSE ? with_sse : plain;
}

static const uint8_t seg_order[6] = { R_CS, R_SS, R_DS, R_ES, R_FS, R_GS };

/* -- Reading ----------------------------------------------------------------- */

static uint8_t *st(CPUX86State *env, unsigned i)
{
    return env->fpregs[(env->fpstt + i) & 7].b;
}

static uint32_t fpu_word(CPUX86State *env, unsigned n)
{
    const uint32_t words[8] = {
        env->fpuc, env->fpus | env->fpstt << 11, x86_fpu_tag_word(env), env->fpcs,
        env->fpip, env->fpds, env->fpdp, env->fpop,
    };

    return words[n];
}

static uint32_t word(CPUX86State *env, unsigned n)
{
    if (n < 8) {
        return env->regs[n];
    }
    switch (n) {
    case N_EIP:
        return env->eip;
    case N_EFLAGS:
        return x86_get_eflags(env);
    case N_MXCSR:
        return x86_mxcsr(env);
    default:
        return n < N_ST ? env->segs[seg_order[n - N_SEG]].selector : fpu_word(env, n - N_FPU);
    }
}

void x86_gdb_read_reg(CPUState *cpu, unsigned n, uint8_t *buf)
{
    CPUX86State *env = x86_env(cpu);

    if (n >= N_ST && n < N_FPU) {
        memcpy(buf, st(env, n - N_ST), 10);
    } else if (n >= N_XMM && n < N_MXCSR) {
        memcpy(buf, env->xmm[n - N_XMM].b, 16);
    } else {
        store_le(buf, word(env, n), 4);
    }
}

/* -- Writing ----------------------------------------------------------------- */

static bool peek(CPUState *cpu, uint32_t addr, uint32_t *val)
{
    *val = 0;
    for (unsigned i = 0; i < 4; i++, addr++) {
        hwaddr page = x86_phys_page_debug(cpu, addr & TARGET_PAGE_MASK);

        if (page == ~(hwaddr)0) {
            return false;
        }
        *val |= (uint32_t)cpu_ldphys(cpu, page | (addr & ~TARGET_PAGE_MASK), 1) << 8 * i;
    }
    return true;
}

static bool find_desc(CPUX86State *env, uint32_t sel, Descriptor *d)
{
    bool local = sel & 4;
    uint32_t base = local ? env->ldt.base : env->gdt.base;
    uint32_t limit = local ? env->ldt.limit : env->gdt.limit;

    d->addr = base + (sel & ~7u);
    return !(local && !(env->ldt.flags & DESC_P)) && (sel | 7) <= limit &&
           peek(x86_cpu(env), d->addr, &d->e1) && peek(x86_cpu(env), d->addr + 4, &d->e2) &&
           (d->e2 & DESC_P) && (d->e2 & DESC_S);
}

/* The rules of MOV to a segment register (SDM vol. 2), and for CS those of a
 * jump within the privilege level. */
static bool fits(const CPUX86State *env, unsigned seg, uint32_t sel, const Descriptor *d)
{
    bool code = d->e2 & DESC_CODE;
    unsigned cpl = x86_cpl(env), dpl = desc_dpl(d);

    switch (seg) {
    case R_CS:
        return code && (sel & 3) == cpl && (d->e2 & DESC_C ? dpl <= cpl : dpl == cpl);
    case R_SS:
        return !code && (d->e2 & DESC_W) && (sel & 3) == cpl && dpl == cpl;
    default:
        return (!code || (d->e2 & DESC_R)) &&
               ((code && (d->e2 & DESC_C)) || (dpl >= cpl && dpl >= (sel & 3)));
    }
}

static bool set_segment(CPUX86State *env, unsigned seg, uint32_t sel)
{
    Descriptor d;

    if (sel == env->segs[seg].selector) {
        return true;
    }
    if (sel > 0xffff) {
        return false;
    }
    if (!x86_protected(env)) {
        seg_load_real(env, seg, sel);
        return true;
    }
    if (sel < 4 && seg != R_CS && seg != R_SS) {
        seg_load_null(env, seg, sel);
        return true;
    }
    if (!find_desc(env, sel, &d) || !fits(env, seg, sel, &d)) {
        return false;
    }
    seg_load_desc(env, seg, sel, &d);
    return true;
}

static void set_tags(CPUX86State *env, uint32_t val)
{
    for (unsigned i = 0; i < 8; i++) {
        env->fptags[i] = (val >> 2 * i & 3) == 3;
    }
}

static void set_fpu_word(CPUX86State *env, unsigned n, uint32_t val)
{
    switch (n) {
    case 0:
        env->fpuc = (val & 0x1f3f) | 0x40;
        x86_fpu_set_status(env, env->fpus | env->fpstt << 11);
        x86_update_hflags(env);
        break;
    case 1: x86_fpu_set_status(env, val); break;
    case 2: set_tags(env, val); break;
    case 3: env->fpcs = val & 0xffff; break;
    case 4: env->fpip = val; break;
    case 5: env->fpds = val & 0xffff; break;
    case 6: env->fpdp = val; break;
    case 7: env->fpop = val & 0x7ff; break;
    }
}

static bool set_word(CPUX86State *env, unsigned n, uint32_t val)
{
    enum {                              /* the others are reserved, SDM vol. 1, 3.4.3 */
        WRITABLE = CC_ALL | TF_MASK | IF_MASK | DF_MASK | IOPL_MASK | NT_MASK | RF_MASK |
                   AC_MASK | VIF_MASK | VIP_MASK | ID_MASK,
        MXCSR_BITS = 0xffff,
    };

    if (n < 8) {
        env->regs[n] = val;
    } else if (n == N_EIP) {
        env->eip = val;
    } else if (n == N_EFLAGS) {
        if ((val ^ env->eflags) & VM_MASK) {
            return false;               /* only with all segments at once */
        }
        x86_set_eflags(env, val, WRITABLE);
    } else if (n == N_MXCSR) {
        if (val & ~(uint32_t)MXCSR_BITS) {
            return false;
        }
        x86_set_mxcsr(env, val);
    } else if (n < N_ST) {
        return set_segment(env, seg_order[n - N_SEG], val);
    } else {
        set_fpu_word(env, n - N_FPU, val);
    }
    return true;
}

bool x86_gdb_write_reg(CPUState *cpu, unsigned n, const uint8_t *buf)
{
    CPUX86State *env = x86_env(cpu);

    if (n >= N_ST && n < N_FPU) {
        memcpy(st(env, n - N_ST), buf, 10);
    } else if (n >= N_XMM && n < N_MXCSR) {
        memcpy(env->xmm[n - N_XMM].b, buf, 16);
    } else {
        return set_word(env, n, (uint32_t)load_le(buf, 4));
    }
    return true;
}
