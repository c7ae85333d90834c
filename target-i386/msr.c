/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers, RDTSC, RDPMC (SDM vol. 4; vol. 3, 17.17).
 *
 * Registers that are plain storage are rows; the others are cases.  The time
 * stamp counter counts nanoseconds of guest time: a 1 GHz processor.
 *
 * Not modelled: performance counters (RDPMC reads 0), microcode, power and
 * thermal registers, machine-check injection.
 */
#include "target-i386/cpuid.h"
#include "target-i386/helper.h"
#include "target-i386/sys.h"

#include "sys/loop.h"
#include "util/bits.h"
#include "util/log.h"

enum {
    MSR_TSC = 0x10, MSR_APIC_BASE = 0x1b, MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP = 0x175, MSR_SYSENTER_EIP = 0x176, MSR_MCG_CAP = 0x179,
    MSR_EFER = 0xc0000080,
};

enum { MC_BANKS = 4, EFER_NXE = 1 << 11 };

typedef struct MSRRow {
    uint32_t first, num;                /* consecutive registers, 8 bytes each */
    uint32_t field;                     /* offsetof in CPUX86State */
    uint32_t feature;                   /* CPUID.1:EDX, 0: always */
} MSRRow;

#define AT(member) offsetof(CPUX86State, member)

static const MSRRow stored[] = {
    { 0x1a0, 1, AT(misc_enable), 0 },                           /* IA32_MISC_ENABLE */
    { 0x200, 16, AT(mtrr_var), CPUID_MTRR },                    /* PHYSBASE0 ... */
    { 0x250, 1, AT(mtrr_fixed[0]), CPUID_MTRR },                /* FIX64K */
    { 0x258, 2, AT(mtrr_fixed[1]), CPUID_MTRR },                /* FIX16K */
    { 0x268, 8, AT(mtrr_fixed[3]), CPUID_MTRR },                /* FIX4K */
    { 0x277, 1, AT(pat), CPUID_PAT },
    { 0x2ff, 1, AT(mtrr_def), CPUID_MTRR },
    { 0x17a, 1, AT(mcg_status), CPUID_MCA },
    { 0x400, 4 * MC_BANKS, AT(mc_banks), CPUID_MCA },
};

static uint64_t *find_stored(CPUX86State *env, uint32_t index)
{
    for (size_t i = 0; i < ARRAY_SIZE(stored); i++) {
        const MSRRow *r = &stored[i];

        if (index - r->first < r->num && (!r->feature || (env->feat_1_edx & r->feature))) {
            return (uint64_t *)(void *)((char *)env + r->field) + (index - r->first);
        }
    }
    return NULL;
}

static uint64_t read_tsc(CPUX86State *env)
{
    return (uint64_t)(cpu_clock_ns(x86_cpu(env)) + env->tsc_offset);
}

static uint64_t access_apic_base(CPUX86State *env, bool write, uint64_t val)
{
    bool entered = global_enter();

    if (write) {
        env->apic_base = val;
        if (env->pins.set_apic_base) {
            env->pins.set_apic_base(env->pins.opaque, val);
        }
    } else if (env->pins.get_apic_base) {
        val = env->pins.get_apic_base(env->pins.opaque);
    } else {
        val = env->apic_base;
    }
    global_leave(entered);
    return val;
}

static bool read_msr(CPUX86State *env, uint32_t index, uint64_t *val)
{
    const uint64_t *word = find_stored(env, index);

    switch (index) {
    case MSR_TSC:
        *val = read_tsc(env);
        return true;
    case MSR_APIC_BASE:
        *val = access_apic_base(env, false, 0);
        return env->feat_1_edx & CPUID_APIC;
    case MSR_SYSENTER_CS:
        *val = env->sysenter_cs;
        return true;
    case MSR_SYSENTER_ESP:
        *val = env->sysenter_esp;
        return true;
    case MSR_SYSENTER_EIP:
        *val = env->sysenter_eip;
        return true;
    case MSR_MCG_CAP:
        *val = MC_BANKS;
        return env->feat_1_edx & CPUID_MCA;
    case 0xfe:                                          /* IA32_MTRRCAP */
        *val = 8 | 1 << 8 | 1 << 10;
        return env->feat_1_edx & CPUID_MTRR;
    case MSR_EFER:
        *val = env->efer;
        return env->model->xlevel >= 0x80000001;
    default:
        *val = word ? *word : 0;
        return word;
    }
}

static bool write_msr(CPUX86State *env, uint32_t index, uint64_t val)
{
    uint64_t *word = find_stored(env, index);

    switch (index) {
    case MSR_TSC:
        env->tsc_offset = (int64_t)val - cpu_clock_ns(x86_cpu(env));
        return true;
    case MSR_APIC_BASE:
        access_apic_base(env, true, val);
        return env->feat_1_edx & CPUID_APIC;
    case MSR_SYSENTER_CS:
        env->sysenter_cs = (uint32_t)val & 0xffff;
        return true;
    case MSR_SYSENTER_ESP:
        env->sysenter_esp = (uint32_t)val;
        return true;
    case MSR_SYSENTER_EIP:
        env->sysenter_eip = (uint32_t)val;
        return true;
    case 0x8b: case 0x79:                               /* microcode: accepted */
        return true;
    case MSR_EFER:
        if (val & ~(uint64_t)(env->feat_ext_edx & CPUID_EXT_NX ? EFER_NXE : 0)) {
            return false;
        }
        env->efer = val;
        tlb_flush(x86_cpu(env));
        return env->model->xlevel >= 0x80000001;
    default:
        if (word) {
            *word = val;
        }
        return word;
    }
}

/* Unknown registers raise #GP, as on the processors that lack them. */
void helper_rdmsr(CPUX86State *env)
{
    uint32_t index = env->regs[R_ECX];
    uint64_t val;

    if (!read_msr(env, index, &val)) {
        if (index == 0x8b || index == 0x17) {           /* microcode, platform id */
            val = 0;
        } else {
            log_unimp("cpu", "rdmsr 0x%x", index);
            x86_raise_err(env, EXCP_GP, 0, GETPC());
        }
    }
    env->regs[R_EAX] = (uint32_t)val;
    env->regs[R_EDX] = (uint32_t)(val >> 32);
}

void helper_wrmsr(CPUX86State *env)
{
    uint32_t index = env->regs[R_ECX];
    uint64_t val = env->regs[R_EAX] | (uint64_t)env->regs[R_EDX] << 32;

    if (!write_msr(env, index, val)) {
        log_unimp("cpu", "wrmsr 0x%x = 0x%llx", index, (unsigned long long)val);
        x86_raise_err(env, EXCP_GP, 0, GETPC());
    }
}

void helper_rdtsc(CPUX86State *env)
{
    if ((env->cr[4] & CR4_TSD) && x86_cpl(env) != 0) {
        x86_raise_err(env, EXCP_GP, 0, GETPC());
    }
    uint64_t val = read_tsc(env);

    env->regs[R_EAX] = (uint32_t)val;
    env->regs[R_EDX] = (uint32_t)(val >> 32);
}

void helper_rdpmc(CPUX86State *env)
{
    if (!(env->cr[4] & CR4_PCE) && x86_cpl(env) != 0) {
        x86_raise_err(env, EXCP_GP, 0, GETPC());
    }
    log_unimp("cpu", "rdpmc: there are no performance counters");
    env->regs[R_EAX] = env->regs[R_EDX] = 0;
}
