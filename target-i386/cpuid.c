/* SPDX-License-Identifier: MIT */
/*
 * CPU models and the CPUID instruction (SDM vol. 2A, CPUID; AMD 25481 for the
 * extended leaves).
 */
#include "target-i386/cpuid.h"

#include <errno.h>
#include <stdlib.h>

#include "sys/loop.h"
#include "target-i386/helper.h"
#include "target-i386/sys.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- Features ---------------------------------------------------------------- */

typedef struct FeatureName {
    const char *name;
    FeatureWord word;
    uint8_t bit;
    bool have;                          /* the instructions are there */
} FeatureName;

/* clang-format off */
static const FeatureName feature_names[] = {
    { "fpu", FEAT_1_EDX, 0, true },    { "vme", FEAT_1_EDX, 1, true },
    { "de", FEAT_1_EDX, 2, true },     { "pse", FEAT_1_EDX, 3, true },
    { "tsc", FEAT_1_EDX, 4, true },    { "msr", FEAT_1_EDX, 5, true },
    { "pae", FEAT_1_EDX, 6, true },    { "mce", FEAT_1_EDX, 7, true },
    { "cx8", FEAT_1_EDX, 8, true },    { "apic", FEAT_1_EDX, 9, true },
    { "sep", FEAT_1_EDX, 11, true },   { "mtrr", FEAT_1_EDX, 12, true },
    { "pge", FEAT_1_EDX, 13, true },   { "mca", FEAT_1_EDX, 14, true },
    { "cmov", FEAT_1_EDX, 15, true },  { "pat", FEAT_1_EDX, 16, true },
    { "pse36", FEAT_1_EDX, 17, true }, { "pn", FEAT_1_EDX, 18, false },
    { "clflush", FEAT_1_EDX, 19, true }, { "ds", FEAT_1_EDX, 21, false },
    { "acpi", FEAT_1_EDX, 22, false }, { "mmx", FEAT_1_EDX, 23, true },
    { "fxsr", FEAT_1_EDX, 24, true },  { "sse", FEAT_1_EDX, 25, true },
    { "sse2", FEAT_1_EDX, 26, true },  { "ss", FEAT_1_EDX, 27, true },
    { "ht", FEAT_1_EDX, 28, false },   { "tm", FEAT_1_EDX, 29, false },
    { "pbe", FEAT_1_EDX, 31, false },
    { "pni", FEAT_1_ECX, 0, true },    { "sse3", FEAT_1_ECX, 0, true },
    { "monitor", FEAT_1_ECX, 3, true }, { "ds_cpl", FEAT_1_ECX, 4, false },
    { "vmx", FEAT_1_ECX, 5, false },   { "est", FEAT_1_ECX, 7, false },
    { "tm2", FEAT_1_ECX, 8, false },   { "ssse3", FEAT_1_ECX, 9, true },
    { "cid", FEAT_1_ECX, 10, false },  { "cx16", FEAT_1_ECX, 13, false },
    { "xtpr", FEAT_1_ECX, 14, false }, { "dca", FEAT_1_ECX, 18, false },
    { "pclmulqdq", FEAT_1_ECX, 1, true },
    { "sse4.1", FEAT_1_ECX, 19, true }, { "sse4_1", FEAT_1_ECX, 19, true },
    { "sse4.2", FEAT_1_ECX, 20, true }, { "sse4_2", FEAT_1_ECX, 20, true },
    { "movbe", FEAT_1_ECX, 22, true },
    { "popcnt", FEAT_1_ECX, 23, true }, { "aes", FEAT_1_ECX, 25, true },
    { "hypervisor", FEAT_1_ECX, 31, true },
    { "syscall", FEAT_EXT_EDX, 11, false }, { "nx", FEAT_EXT_EDX, 20, true },
    { "mmxext", FEAT_EXT_EDX, 22, true }, { "lm", FEAT_EXT_EDX, 29, false },
    { "3dnowext", FEAT_EXT_EDX, 30, false }, { "3dnow", FEAT_EXT_EDX, 31, false },
    { "lahf_lm", FEAT_EXT_ECX, 0, false }, { "svm", FEAT_EXT_ECX, 2, false },
    { "abm", FEAT_EXT_ECX, 5, false }, { "sse4a", FEAT_EXT_ECX, 6, false },
};
/* clang-format on */

/* -- Models ------------------------------------------------------------------ */

#define PENTIUM_EDX (CPUID_FPU | CPUID_VME | CPUID_DE | CPUID_PSE | CPUID_TSC | CPUID_MSR | \
                     CPUID_MCE | CPUID_CX8 | CPUID_MMX)
#define P6_EDX      (CPUID_FPU | CPUID_DE | CPUID_PSE | CPUID_TSC | CPUID_MSR | CPUID_PAE | \
                     CPUID_MCE | CPUID_CX8 | CPUID_APIC | CPUID_SEP | CPUID_PGE | CPUID_CMOV | \
                     CPUID_PAT | CPUID_FXSR | CPUID_MMX | CPUID_SSE | CPUID_SSE2)
#define PENTIUM2_EDX (PENTIUM_EDX | CPUID_APIC | CPUID_PAE | CPUID_SEP | CPUID_MTRR | CPUID_PGE | \
                      CPUID_MCA | CPUID_CMOV | CPUID_PAT | CPUID_PSE36 | CPUID_FXSR)
#define CORE_EDX    (P6_EDX | CPUID_VME | CPUID_CLFLUSH | CPUID_MTRR | CPUID_MCA)

/* clang-format off */
static const X86Model models[] = {
    { "qemu32", "Virtual CPU, all that user programs expect (default)", 4, 0x80000004,
      "GenuineIntel", 6, 3, 3, { P6_EDX, CPUID_ECX_SSE3, 0, 0 },
      "Virtual CPU 32-bit", 0 },
    { "486", "Intel 486", 0, 0, "GenuineIntel", 4, 0, 0,
      { CPUID_FPU | CPUID_VME | CPUID_PSE, 0, 0, 0 }, "", 0 },
    { "pentium", "Intel Pentium MMX", 1, 0, "GenuineIntel", 5, 4, 3,
      { PENTIUM_EDX, 0, 0, 0 }, "", 0 },
    { "pentium2", "Intel Pentium II", 2, 0, "GenuineIntel", 6, 5, 2,
      { PENTIUM2_EDX, 0, 0, 0 }, "", 0 },
    { "pentium3", "Intel Pentium III", 2, 0, "GenuineIntel", 6, 7, 3,
      { PENTIUM2_EDX | CPUID_SSE, 0, 0, 0 }, "", 0 },
    { "athlon", "AMD Athlon", 2, 0x80000008, "AuthenticAMD", 6, 2, 3,
      { P6_EDX | CPUID_PSE36 | CPUID_VME | CPUID_MTRR | CPUID_MCA, 0,
        CPUID_EXT_MMXEXT, 0 }, "AMD Athlon", 0 },
    { "coreduo", "Intel Core Duo", 10, 0x80000008, "GenuineIntel", 6, 14, 8,
      { CORE_EDX, CPUID_ECX_SSE3 | CPUID_ECX_MONITOR, CPUID_EXT_NX, 0 },
      "Genuine Intel(R) CPU T2600 @ 2.16GHz", 0 },
    { "core2duo", "Intel Core 2 Duo, 32-bit", 10, 0x80000008, "GenuineIntel", 6, 15, 11,
      { CORE_EDX | CPUID_PSE36 | CPUID_SS, CPUID_ECX_SSE3 | CPUID_ECX_MONITOR | CPUID_ECX_SSSE3,
        CPUID_EXT_NX, 0 }, "Intel(R) Core(TM)2 Duo CPU T7700 @ 2.40GHz", 0 },
    { "n270", "Intel Atom N270", 10, 0x80000008, "GenuineIntel", 6, 28, 2,
      { CORE_EDX | CPUID_SS, CPUID_ECX_SSE3 | CPUID_ECX_MONITOR | CPUID_ECX_SSSE3,
        CPUID_EXT_NX, 0 }, "Intel(R) Atom(TM) CPU N270 @ 1.60GHz", 0 },
};
/* clang-format on */

void x86_list_models(void (*put)(void *, const char *), void *opaque)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        char *line = xasprintf("%-10s %s\n", models[i].name, models[i].desc);

        put(opaque, line);
        free(line);
    }
    put(opaque, "features, as +name or -name:");
    for (size_t i = 0; i < ARRAY_SIZE(feature_names); i++) {
        char *word = xasprintf(" %s", feature_names[i].name);

        if (feature_names[i].have) {
            put(opaque, word);
        }
        free(word);
    }
    put(opaque, "\n");
}

/* -- -cpu NAME,+feature,-feature,key=value ----------------------------------- */

static const X86Model *find_model(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        if (strlen(models[i].name) == len && !strncmp(models[i].name, name, len)) {
            return &models[i];
        }
    }
    return NULL;
}

static int set_feature(X86Model *m, const char *word, size_t len, Error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(feature_names); i++) {
        const FeatureName *f = &feature_names[i];

        if (strlen(f->name) != len - 1 || strncmp(f->name, word + 1, len - 1)) {
            continue;
        }
        if (word[0] == '-') {
            m->feat[f->word] &= ~(1u << f->bit);
        } else if (f->have) {
            m->feat[f->word] |= 1u << f->bit;
        } else {
            return error_set(err, ENOTSUP, "-cpu: feature %s is not implemented", f->name);
        }
        return 0;
    }
    return error_set(err, EINVAL, "-cpu: no feature '%.*s', '-cpu help' lists them",
                     (int)len - 1, word + 1);
}

static int set_key(X86Model *m, const char *word, size_t len, Error *err)
{
    const char *eq = memchr(word, '=', len);
    char value[64] = "";
    char *end;

    if (!eq) {
        return error_set(err, EINVAL, "-cpu: '%.*s' is neither +feature, -feature nor key=value",
                         (int)len, word);
    }
    size_t klen = (size_t)(eq - word), vlen = len - klen - 1;
    if (vlen < sizeof(value)) {
        memcpy(value, eq + 1, vlen);
    }
    unsigned long n = strtoul(value, &end, 0);
    bool number = *value && !*end;

    if (klen == 6 && !strncmp(word, "vendor", 6) && vlen == 12) {
        memcpy(m->vendor, value, 12);
    } else if (klen == 8 && !strncmp(word, "model_id", 8) && vlen < sizeof(m->brand)) {
        memcpy(m->brand, value, vlen + 1);
    } else if (klen == 6 && !strncmp(word, "family", 6) && number && n <= 0xff + 0xf) {
        m->family = (unsigned)n;
    } else if (klen == 5 && !strncmp(word, "model", 5) && number && n <= 0xff) {
        m->model = (unsigned)n;
    } else if (klen == 8 && !strncmp(word, "stepping", 8) && number && n <= 0xf) {
        m->stepping = (unsigned)n;
    } else {
        return error_set(err, EINVAL, "-cpu: bad setting '%.*s'; there are family=, model=, "
                         "stepping=, vendor= (12 characters) and model_id=", (int)len, word);
    }
    return 0;
}

int x86_set_model(CPUX86State *env, const char *spec, Error *err)
{
    size_t len = strcspn(spec, ",");
    const X86Model *base = find_model(spec, len);

    if (!base) {
        return error_set(err, EINVAL, "-cpu: no model '%.*s', '-cpu help' lists them",
                         (int)len, spec);
    }
    X86Model *m = xmalloc(sizeof(*m));
    *m = *base;
    for (const char *p = spec + len; *p == ',';) {
        p++;
        len = strcspn(p, ",");
        int ret = *p == '+' || *p == '-' ? set_feature(m, p, len, err)
                                         : set_key(m, p, len, err);
        if (ret < 0) {
            free(m);
            return ret;
        }
        p += len;
    }
    free(env->model);
    env->model = m;
    env->feat_1_edx = m->feat[FEAT_1_EDX];
    env->feat_1_ecx = m->feat[FEAT_1_ECX];
    env->feat_ext_edx = m->feat[FEAT_EXT_EDX];
    env->feat_ext_ecx = m->feat[FEAT_EXT_ECX];
    return 0;
}

/* -- The instruction --------------------------------------------------------- */

typedef struct Leaf { uint32_t eax, ebx, ecx, edx; } Leaf;

static uint32_t signature(const X86Model *m)
{
    unsigned family = MIN(m->family, 15u), more = m->family - family;

    return more << 20 | (m->model >> 4) << 16 | family << 8 | (m->model & 15) << 4 |
           m->stepping;
}

uint32_t x86_model_signature(const CPUX86State *env)
{
    return env->model ? signature(env->model) : 0;
}

static uint64_t apic_base(CPUX86State *env)
{
    bool entered = global_enter();
    uint64_t base = env->apic_base;

    if (env->pins.get_apic_base) {
        base = env->pins.get_apic_base(env->pins.opaque);
    }
    global_leave(entered);
    return base;
}

static Leaf leaf_1(CPUX86State *env)
{
    Leaf l = {
        .eax = signature(env->model),
        .ebx = env->common.cpu_index << 24 | (env->feat_1_edx & CPUID_CLFLUSH ? 8 << 8 : 0),
        .ecx = env->feat_1_ecx,
        .edx = env->feat_1_edx,
    };

    if (!(apic_base(env) & (1 << 11))) {
        l.edx &= ~(uint32_t)CPUID_APIC;
    }
    return l;
}

/* Leaf 4: deterministic cache parameters; 32 KiB L1 data and code, 2 MiB L2. */
static Leaf leaf_4(uint32_t index)
{
    static const Leaf caches[] = {
        { 1 | 1 << 5 | 1 << 8, 7u << 22 | 63, 63, 1 },
        { 2 | 1 << 5 | 1 << 8, 7u << 22 | 63, 63, 1 },
        { 3 | 2 << 5 | 1 << 8, 7u << 22 | 63, 4095, 1 },
    };

    return index < ARRAY_SIZE(caches) ? caches[index] : (Leaf){ 0 };
}

static Leaf vendor_leaf(const X86Model *m, uint32_t highest)
{
    return (Leaf){ highest, (uint32_t)load_le(m->vendor, 4), (uint32_t)load_le(m->vendor + 8, 4),
                   (uint32_t)load_le(m->vendor + 4, 4) };
}

static Leaf brand_leaf(const X86Model *m, unsigned part)
{
    const char *p = m->brand + 16 * part;

    return (Leaf){ (uint32_t)load_le(p, 4), (uint32_t)load_le(p + 4, 4),
                   (uint32_t)load_le(p + 8, 4), (uint32_t)load_le(p + 12, 4) };
}

static Leaf basic_leaf(CPUX86State *env, uint32_t n, uint32_t sub)
{
    const X86Model *m = env->model;

    switch (n) {
    case 0:
        return vendor_leaf(m, m->level);
    case 1:
        return leaf_1(env);
    case 2:
        return (Leaf){ 1, 0, 0, 0x2c307d };
    case 4:
        return leaf_4(sub);
    case 5:
        return (Leaf){ 0, 0, 3, 0 };
    default:
        return (Leaf){ 0 };
    }
}

static Leaf extended_leaf(CPUX86State *env, uint32_t n)
{
    const X86Model *m = env->model;

    switch (n) {
    case 0x80000000:
        return vendor_leaf(m, m->xlevel);
    case 0x80000001:
        return (Leaf){ signature(m), 0, env->feat_ext_ecx, env->feat_ext_edx };
    case 0x80000002 ... 0x80000004:
        return brand_leaf(m, n - 0x80000002);
    case 0x80000005:
        return (Leaf){ 0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140 };
    case 0x80000006:
        return (Leaf){ 0, 0x42004200, 0x02008140, 0 };
    case 0x80000008:
        return (Leaf){ 36, 0, 0, 0 };
    default:
        return (Leaf){ 0 };
    }
}

/* Beyond the highest leaf Intel processors answer with the highest basic one. */
void helper_cpuid(CPUX86State *env)
{
    uint32_t n = env->regs[R_EAX], sub = env->regs[R_ECX];
    const X86Model *m = env->model;
    Leaf l;

    if (n >= 0x80000000 && n <= m->xlevel) {
        l = extended_leaf(env, n);
    } else {
        l = basic_leaf(env, n <= m->level ? n : m->level, sub);
    }
    env->regs[R_EAX] = l.eax;
    env->regs[R_EBX] = l.ebx;
    env->regs[R_ECX] = l.ecx;
    env->regs[R_EDX] = l.edx;
}
