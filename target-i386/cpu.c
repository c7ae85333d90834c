/* SPDX-License-Identifier: MIT */
/*
 * The i386 as the engine sees it: reset, block keys, halting, snapshots,
 * register dumps.
 */
#include "target-i386/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "target-i386/cc.h"
#include "target-i386/fpu.h"
#include "target-i386/helper.h"
#include "target-i386/inspect.h"
#include "target-i386/sys.h"
#include "target-i386/translate.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- Reset: SDM vol. 3, table 9-1 -------------------------------------------- */

static void reset_segments(CPUX86State *env)
{
    for (unsigned i = 0; i < 6; i++) {
        env->segs[i] = (SegmentCache){
            .limit = 0xffff, .flags = DESC_P | DESC_S | DESC_W | DESC_A };
    }
    env->segs[R_CS].selector = 0xf000;
    env->segs[R_CS].base = 0xffff0000;
    env->segs[R_CS].flags |= DESC_CODE;
    env->ldt = (SegmentCache){ .limit = 0xffff, .flags = DESC_P | TYPE_LDT << DESC_TYPE_SHIFT };
    env->tr = (SegmentCache){ .limit = 0xffff,
                              .flags = DESC_P | TYPE_TSS32_BUSY << DESC_TYPE_SHIFT };
    env->gdt = env->idt = (DescTable){ 0, 0xffff };
    for (unsigned i = 0; i < 6; i++) {
        x86_seg_updated(env, i);
    }
}

static void reset_fpu(CPUX86State *env)
{
    x86_fpu_spill(env);
    memset(env->fpregs, 0, sizeof(env->fpregs));
    memset(env->fptags, 0, sizeof(env->fptags));
    memset(env->xmm, 0, sizeof(env->xmm));
    env->fpstt = 0;
    env->fpuc = 0x40;
    env->fpus = 0;
    env->fpop = env->fpip = env->fpcs = env->fpdp = env->fpds = 0;
    env->mxcsr = env->mxcsr_host = 0x1f80;
    x86_update_hflags(env);
    if (x86_cpu(env) == cpu_current()) {
        x86_fpu_enter(env);
    }
}

static void x86_reset(CPUState *cpu)
{
    CPUX86State *env = x86_env(cpu);
    uint32_t a20 = env->a20_pin;

    memset(env->regs, 0, sizeof(env->regs));
    env->regs[R_EDX] = x86_model_signature(env);
    env->eip = 0xfff0;
    env->cc_op = CC_OP_EFLAGS;
    env->cc_dst = env->cc_src = env->cc_src2 = 0;
    env->df = 1;
    env->eflags = 2;
    env->hflags = 0;
    memset(env->cr, 0, sizeof(env->cr));
    env->cr[0] = CR0_CD | CR0_NW | CR0_ET;
    memset(env->dr, 0, sizeof(env->dr));
    env->dr[6] = 0xffff0ff0;
    env->dr[7] = 0x400;
    x86_update_hflags(env);
    reset_segments(env);
    reset_fpu(env);
    env->sysenter_cs = env->sysenter_esp = env->sysenter_eip = 0;
    env->efer = 0;
    env->pat = 0x0007040600070406ull;
    env->misc_enable = 1;
    env->apic_base = 0xfee00000 | 1 << 11 | (cpu->common.cpu_index == 0 ? 1 << 8 : 0);
    env->mtrr_def = 0;
    env->smbase = 0x30000;
    env->nmi_blocked = 0;
    env->old_exception = -1;
    env->exception_is_int = 0;
    env->a20_mask = a20 ? ~0u : ~(1u << 20);
    cpu->common.exception_index = EXCP_NONE;
    env->wait_for_sipi = cpu->common.halted = cpu->common.cpu_index != 0;
    tlb_flush(cpu);
}

/* -- Blocks ------------------------------------------------------------------ */

static TBKey x86_tb_key(CPUState *cpu)
{
    CPUX86State *env = x86_env(cpu);

    return (TBKey){
        .pc = env->eip,
        .cs_base = env->segs[R_CS].base,
        .flags = env->hflags,
    };
}

static unsigned x86_mmu_index(CPUState *cpu)
{
    return x86_cpl(x86_env(cpu)) == 3;
}

static void x86_set_pc(CPUState *cpu, uint32_t pc)
{
    x86_env(cpu)->eip = pc;
}

static void x86_restore_state(CPUState *cpu, uint32_t pc, uint32_t word)
{
    (void)word;
    x86_env(cpu)->eip = pc;
}

/* The x87 control word is the guest's from enter to exit, as its unit is used
 * by helpers only; MXCSR while translated code runs. */
static void x86_exec_enter(CPUState *cpu)
{
    x86_fpu_enter(x86_env(cpu));
}

static void x86_exec_exit(CPUState *cpu)
{
    x86_fpu_leave(x86_env(cpu));
}

static void x86_exec_landed(CPUState *cpu)
{
    x86_fpu_landed(x86_env(cpu));
}

/* -- HLT, MONITOR, MWAIT ----------------------------------------------------- */

static _Noreturn void halt(CPUX86State *env, uint32_t next)
{
    env->eip = next;
    env->hflags &= ~(uint32_t)HF_INHIBIT;
    env->common.halted = 1;
    env->common.exception_index = EXCP_HLT;
    cpu_loop_exit(x86_cpu(env));
}

void helper_pause(CPUX86State *env, uint32_t next)
{
    env->eip = next;
    env->common.exception_index = EXCP_INTERRUPT;
    cpu_loop_exit(x86_cpu(env));
}

void helper_hlt(CPUX86State *env, uint32_t next)
{
    halt(env, next);
}

void helper_monitor(CPUX86State *env, uint32_t linear)
{
    if (env->regs[R_ECX]) {
        x86_raise_err(env, EXCP_GP, 0, GETPC());
    }
    cpu_ld(x86_cpu(env), linear, MO_8, x86_cpl(env) == 3, GETPC());
    env->monitor_armed = 1;
}

/* Waking at once is allowed (SDM vol. 2, MWAIT): with another processor that
 * could write to the monitored line, do. */
void helper_mwait(CPUX86State *env, uint32_t next)
{
    if (env->regs[R_ECX] & ~1u) {
        x86_raise_err(env, EXCP_GP, 0, GETPC());
    }
    env->monitor_armed = 0;
    env->eip = next;
    if (env->common.cpu_index == 0) {
        halt(env, next);
    }
}

/* -- Snapshot ---------------------------------------------------------------- */

static const VMField segment_vmstate[] = {
    VM_FIELD(SegmentCache, selector), VM_FIELD(SegmentCache, base),
    VM_FIELD(SegmentCache, limit), VM_FIELD(SegmentCache, flags),
    VM_FIELD(SegmentCache, read_last), VM_FIELD(SegmentCache, write_last), VM_END
};
static const VMField table_vmstate[] = {
    VM_FIELD(DescTable, base), VM_FIELD(DescTable, limit), VM_END
};
static const VMField xmm_vmstate[] = { VM_ARRAY(XMMReg, q), VM_END };
static const VMField fpreg_vmstate[] = { VM_ARRAY(FPReg, b), VM_END };

static const VMField x86_vmstate[] = {
    VM_FIELD(CPUX86State, common.interrupt_request),
    VM_FIELD(CPUX86State, common.halted),
    VM_ARRAY(CPUX86State, regs), VM_FIELD(CPUX86State, eip),
    VM_FIELD(CPUX86State, cc_op), VM_FIELD(CPUX86State, cc_dst),
    VM_FIELD(CPUX86State, cc_src), VM_FIELD(CPUX86State, cc_src2),
    VM_FIELD(CPUX86State, cc_inc),
    VM_FIELD(CPUX86State, df), VM_FIELD(CPUX86State, eflags), VM_FIELD(CPUX86State, hflags),
    VM_STRUCTS(CPUX86State, segs, 6, segment_vmstate),
    VM_STRUCTS(CPUX86State, ldt, 1, segment_vmstate),
    VM_STRUCTS(CPUX86State, tr, 1, segment_vmstate),
    VM_STRUCTS(CPUX86State, gdt, 1, table_vmstate),
    VM_STRUCTS(CPUX86State, idt, 1, table_vmstate),
    VM_ARRAY(CPUX86State, cr), VM_ARRAY(CPUX86State, dr),
    VM_FIELD(CPUX86State, a20_mask), VM_FIELD(CPUX86State, a20_pin),
    VM_ARRAY(CPUX86State, pdpte),
    VM_STRUCTS(CPUX86State, fpregs, 8, fpreg_vmstate), VM_ARRAY(CPUX86State, fptags),
    VM_FIELD(CPUX86State, fpstt), VM_FIELD(CPUX86State, fpuc), VM_FIELD(CPUX86State, fpus),
    VM_FIELD(CPUX86State, fpop), VM_FIELD(CPUX86State, fpip), VM_FIELD(CPUX86State, fpcs),
    VM_FIELD(CPUX86State, fpdp), VM_FIELD(CPUX86State, fpds),
    VM_STRUCTS(CPUX86State, xmm, 8, xmm_vmstate),
    VM_FIELD(CPUX86State, mxcsr), VM_FIELD(CPUX86State, mxcsr_host),
    VM_FIELD(CPUX86State, sysenter_cs), VM_FIELD(CPUX86State, sysenter_esp),
    VM_FIELD(CPUX86State, sysenter_eip), VM_FIELD(CPUX86State, efer),
    VM_FIELD(CPUX86State, pat), VM_FIELD(CPUX86State, star),
    VM_FIELD(CPUX86State, misc_enable), VM_FIELD(CPUX86State, apic_base),
    VM_FIELD(CPUX86State, mtrr_def), VM_ARRAY(CPUX86State, mtrr_fixed),
    VM_ARRAY(CPUX86State, mtrr_var), VM_FIELD(CPUX86State, mcg_status),
    VM_ARRAY(CPUX86State, mc_banks), VM_FIELD(CPUX86State, tsc_offset),
    VM_FIELD(CPUX86State, smbase), VM_FIELD(CPUX86State, nmi_blocked),
    VM_FIELD(CPUX86State, sipi_vector), VM_FIELD(CPUX86State, wait_for_sipi),
    VM_FIELD(CPUX86State, old_exception),
    VM_END
};

/* -- For humans -------------------------------------------------------------- */

static const char *const reg_names[8] = { "EAX", "ECX", "EDX", "EBX",
                                          "ESP", "EBP", "ESI", "EDI" };
static const char *const seg_names[6] = { "ES", "CS", "SS", "DS", "FS", "GS" };

typedef struct Out {
    void (*put)(void *, const char *);
    void *opaque;
} Out;

static void out(const Out *o, char *line)
{
    o->put(o->opaque, line);
    free(line);
}

static void dump_flags(CPUX86State *env, const Out *o)
{
    uint32_t f = x86_get_eflags(env);

    out(o, xasprintf("EIP=%08x EFL=%08x [%c%c%c%c%c%c%c] CPL=%u II=%d A20=%d SMM=%d HLT=%u\n",
                     env->eip, f, f & DF_MASK ? 'D' : '-', f & CC_O ? 'O' : '-',
                     f & CC_S ? 'S' : '-', f & CC_Z ? 'Z' : '-', f & CC_A ? 'A' : '-',
                     f & CC_P ? 'P' : '-', f & CC_C ? 'C' : '-', x86_cpl(env),
                     !!(env->hflags & HF_INHIBIT), !!(env->a20_mask & 1 << 20),
                     !!(env->hflags & HF_SMM), env->common.halted));
}

static void x86_dump_state(CPUState *cpu, void (*put)(void *, const char *), void *opaque)
{
    CPUX86State *env = x86_env(cpu);
    Out o = { put, opaque };

    if (cpu == cpu_current()) {
        x86_fpu_sync(env);
    }
    for (unsigned i = 0; i < 8; i++) {
        static const unsigned order[8] = { R_EAX, R_EBX, R_ECX, R_EDX,
                                           R_ESI, R_EDI, R_EBP, R_ESP };

        out(&o, xasprintf("%s=%08x%c", reg_names[order[i]], env->regs[order[i]],
                          i % 4 == 3 ? '\n' : ' '));
    }
    dump_flags(env, &o);
    for (unsigned i = 0; i < 6; i++) {
        const SegmentCache *s = &env->segs[i];

        out(&o, xasprintf("%s =%04x %08x %08x %08x\n", seg_names[i], s->selector, s->base,
                          s->limit, s->flags));
    }
    out(&o, xasprintf("LDT=%04x %08x %08x %08x\n", env->ldt.selector, env->ldt.base,
                      env->ldt.limit, env->ldt.flags));
    out(&o, xasprintf("TR =%04x %08x %08x %08x\n", env->tr.selector, env->tr.base,
                      env->tr.limit, env->tr.flags));
    out(&o, xasprintf("GDT=     %08x %08x\n", env->gdt.base, env->gdt.limit));
    out(&o, xasprintf("IDT=     %08x %08x\n", env->idt.base, env->idt.limit));
    out(&o, xasprintf("CR0=%08x CR2=%08x CR3=%08x CR4=%08x\n", env->cr[0], env->cr[2],
                      env->cr[3], env->cr[4]));
    out(&o, xasprintf("DR0=%08x DR1=%08x DR2=%08x DR3=%08x DR6=%08x DR7=%08x\n", env->dr[0],
                      env->dr[1], env->dr[2], env->dr[3], env->dr[6], env->dr[7]));
    out(&o, xasprintf("EFER=%016llx\n", (unsigned long long)env->efer));
    out(&o, xasprintf("FCW=%04x FSW=%04x [ST=%u] MXCSR=%08x\n", env->fpuc,
                      env->fpus | env->fpstt << 11, env->fpstt, x86_mxcsr(env)));
    for (unsigned i = 0; i < 8; i++) {
        out(&o, xasprintf("FPR%u=%016llx %04x%c", i, (unsigned long long)env->fpregs[i].f.mant,
                          env->fpregs[i].f.se, i & 1 ? '\n' : ' '));
    }
    for (unsigned i = 0; i < 8; i++) {
        out(&o, xasprintf("XMM%02u=%016llx%016llx%c", i, (unsigned long long)env->xmm[i].q[1],
                          (unsigned long long)env->xmm[i].q[0], i & 1 ? '\n' : ' '));
    }
}

/* capstone's CS_ARCH_X86 is 3, CS_MODE_16 and _32 are 2 and 4. */
static int x86_disas_mode(uint32_t tb_flags, int *arch)
{
    *arch = 3;
    return tb_flags & HF_CS32 ? 4 : 2;
}

static void x86_destroy(CPUState *cpu)
{
    free(x86_env(cpu)->model);
}

const CPUOps x86_cpu_ops = {
    .name = "i386",
    .tcg = &x86_tcg_target,
    .state_size = sizeof(CPUX86State),
    .vmstate = x86_vmstate,
    .list_models = x86_list_models,
    .reset = x86_reset,
    .destroy = x86_destroy,
    .tb_key = x86_tb_key,
    .mmu_index = x86_mmu_index,
    .set_pc = x86_set_pc,
    .restore_state = x86_restore_state,
    .gen_intermediate_code = x86_gen_intermediate_code,
    .tlb_fill = x86_tlb_fill,
    .unaligned = x86_unaligned,
    .phys_page_debug = x86_phys_page_debug,
    .do_interrupt = x86_do_interrupt,
    .exec_interrupt = x86_exec_interrupt,
    .has_work = x86_has_work,
    .exec_enter = x86_exec_enter,
    .exec_exit = x86_exec_exit,
    .exec_landed = x86_exec_landed,
    .dump_state = x86_dump_state,
    .disas_mode = x86_disas_mode,
    .get_register = x86_get_register,
    .dump_mem = x86_dump_mem,
    .dump_tlb = x86_dump_tlb,
    .gdb_arch = "i386",
    .gdb_features = x86_gdb_features,
    .gdb_read_reg = x86_gdb_read_reg,
    .gdb_write_reg = x86_gdb_write_reg,
};

const CPUOps *const target_cpu_ops = &x86_cpu_ops;
