/* SPDX-License-Identifier: MIT */
/*
 * The host processor as the reference: 32-bit user code, run in compatibility
 * mode inside this 64-bit process.
 *
 *   native_run:  state -> registers, IRETQ to 23:eip ---> the code
 *   exit:        far jump to 33:... <-- the code's end; registers -> state
 *   signal:      the context has the state; resumes behind native_run
 *
 * Memory is mapped where x86-rig.h has it.  The data segment registers belong to
 * the code while it runs, and FS is what thread-local storage hangs on: its base
 * is restored before any C runs again.
 */
#ifndef FUZZ_X86_NATIVE_H
#define FUZZ_X86_NATIVE_H

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/x86-rig.h"

/* At a fixed address, for the assembly below. */
#define NS_ADDR 0x5a7c3000
typedef struct NativeState {
    uint32_t r[8];
    uint64_t rip, cs, rflags, rsp, ss;  /* 32: the frame of IRETQ */
    uint64_t saved_rsp;                 /* 72 */
    uint64_t exit;                      /* 80: where the exits lead */
    uint64_t fs_base;                   /* 88 */
    uint64_t out_rflags;                /* 96 */
    uint32_t mxcsr;                     /* 104: the default */
    uint32_t in_native;                 /* 108 */
    uint16_t es, ds, fs, gs;            /* 112 */
    uint16_t out_es, out_ds, out_fs, out_gs, out_ss;    /* 120 */
    uint8_t pad[256 - 130];
    uint8_t fx[512];                    /* 256 */
    uint8_t out_fx[512];                /* 768 */
    X86Ctx after;
} NativeState;

_Static_assert(offsetof(NativeState, fs_base) == 88 && offsetof(NativeState, out_es) == 120 &&
               offsetof(NativeState, fx) == 256, "the assembly knows these");

#define NATIVE ((NativeState *)(uintptr_t)NS_ADDR)

void native_run(void);
void native_exit(void);
void native_resume(void);
void native_handler(int sig, siginfo_t *info, void *context);
void native_signal(int sig, siginfo_t *info, void *context);

#define NS(offset) "0x5a7c3000+" #offset
#define SET_FS_BASE                                                         \
    "mov $158, %eax\n mov $0x1002, %edi\n mov " NS(88) ", %rsi\n syscall\n"

__asm__(
    ".globl native_run, native_exit, native_resume, native_handler\n"
    "native_run:\n"
    "  push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "  mov %rsp, " NS(72) "\n"
    "  fxrstor " NS(256) "\n"
    "  movw " NS(112) ", %es\n movw " NS(114) ", %ds\n"
    "  movw " NS(116) ", %fs\n movw " NS(118) ", %gs\n"
    "  mov " NS(0) ", %eax\n mov " NS(4) ", %ecx\n mov " NS(8) ", %edx\n"
    "  mov " NS(12) ", %ebx\n mov " NS(20) ", %ebp\n mov " NS(24) ", %esi\n"
    "  mov " NS(28) ", %edi\n"
    "  mov $" NS(32) ", %rsp\n"
    "  iretq\n"
    "native_exit:\n"
    "  mov %eax, " NS(0) "\n mov %ecx, " NS(4) "\n mov %edx, " NS(8) "\n"
    "  mov %ebx, " NS(12) "\n mov %esp, " NS(16) "\n mov %ebp, " NS(20) "\n"
    "  mov %esi, " NS(24) "\n mov %edi, " NS(28) "\n"
    "  mov %ss, %ebx\n mov %bx, " NS(128) "\n"
    "  mov $0x2b, %ebx\n mov %ebx, %ss\n"
    "  mov " NS(72) ", %rsp\n"
    "  pushfq\n popq " NS(96) "\n"
    "  pushq $2\n popfq\n"
    "  fxsave " NS(768) "\n"
    "  fninit\n ldmxcsr " NS(104) "\n"
    "  movw %es, " NS(120) "\n movw %ds, " NS(122) "\n"
    "  movw %fs, " NS(124) "\n movw %gs, " NS(126) "\n"
    "  " SET_FS_BASE
    "native_resume:\n"
    "  pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
    "  ret\n"
    "native_handler:\n"
    "  pushq $2\n popfq\n"
    "  push %rdi\n push %rsi\n push %rdx\n"
    "  movw %es, " NS(120) "\n movw %ds, " NS(122) "\n"
    "  movw %fs, " NS(124) "\n movw %gs, " NS(126) "\n"
    "  " SET_FS_BASE
    "  pop %rdx\n pop %rsi\n pop %rdi\n"
    "  jmp native_signal\n");

static uint8_t *native_code;            /* the code area, writable */

/* Not an exception: native_watch() has ended it. */
enum { NATIVE_STUCK = 0x100 };

/* The selector of 64-bit code. */
enum { NATIVE_CODE64 = 0x33 };

void native_signal(int sig, siginfo_t *info, void *context)
{
    NativeState *n = NATIVE;
    ucontext_t *uc = context;
    greg_t *g = uc->uc_mcontext.gregs;
    static const int order[8] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX,
                                  REG_RSP, REG_RBP, REG_RSI, REG_RDI };
    X86Ctx *c = &n->after;

    (void)info;
    if (!n->in_native) {
        signal(sig, SIG_DFL);
        return;
    }
    for (unsigned i = 0; i < 8; i++) {
        c->r[i] = (uint32_t)g[order[i]];
    }
    uint64_t sel = (uint64_t)g[REG_CSGSFS];

    c->eip = (uint32_t)g[REG_RIP];
    c->eflags = (uint32_t)g[REG_EFL];
    c->sel[R_ES] = n->out_es;
    c->sel[R_DS] = n->out_ds;
    c->sel[R_CS] = (uint16_t)sel;
    c->sel[R_GS] = n->out_gs;
    c->sel[R_FS] = n->out_fs;
    c->sel[R_SS] = (uint16_t)(sel >> 48);
    c->vector = sig == SIGVTALRM ? NATIVE_STUCK : (int)g[REG_TRAPNO];
    c->err = (uint32_t)g[REG_ERR];
    c->cr2 = c->vector == EXCP_PF ? (uint32_t)g[REG_CR2] : 0;
    memcpy(c->fx, uc->uc_mcontext.fpregs, sizeof(c->fx));

    uc->uc_mcontext.fpregs->cwd = 0x37f;
    uc->uc_mcontext.fpregs->swd = uc->uc_mcontext.fpregs->ftw = 0;
    uc->uc_mcontext.fpregs->mxcsr = 0x1f80;
    g[REG_RIP] = (greg_t)(uintptr_t)native_resume;
    g[REG_RSP] = (greg_t)n->saved_rsp;
    g[REG_EFL] = 2;
    g[REG_CSGSFS] = NATIVE_CODE64 | (greg_t)(sel & 0xffffffff0000) | (greg_t)SEL_DATA << 48;
}

static void *native_map(uint32_t addr, size_t size, int prot, int fd)
{
    void *p = mmap((void *)(uintptr_t)addr, size, prot,
                   MAP_FIXED_NOREPLACE | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED), fd, 0);

    return p == (void *)(uintptr_t)addr ? p : NULL;
}

static bool native_ldt(void)
{
    for (unsigned i = 0; i < RIG_LDT_ENTRIES; i++) {
        const RigSegment *s = &rig_ldt[i];
        struct user_desc u = {
            .entry_number = i, .base_addr = s->base, .limit = s->limit,
            .seg_32bit = s->attr >> 14 & 1, .contents = s->attr >> 2 & 3,
            .read_exec_only = !(s->attr >> 1 & 1), .limit_in_pages = s->attr >> 15 & 1,
            .seg_not_present = !(s->attr >> 7 & 1),
        };

        if (syscall(SYS_modify_ldt, 0x11, &u, sizeof(u))) {
            return false;
        }
    }
    return true;
}

static void native_put_exit(uint32_t at, bool code16)
{
    uint8_t *p = native_code + (at - RIG_CODE), *in64 = p + 16;

    if (code16) {
        *p++ = 0x66;
    }
    *p++ = 0xea;                        /* jmp far 33:in64 */
    store_le(p, at + 16, 4);
    store_le(p + 4, NATIVE_CODE64, 2);
    memcpy(in64, "\xff\x24\x25", 3);    /* jmp [abs NATIVE->exit] */
    store_le(in64 + 3, NS_ADDR + offsetof(NativeState, exit), 4);
}

/* Have pages there, so that a write is refused for the right reason. */
static void native_touch(uint32_t addr, uint32_t size)
{
    for (uint32_t a = addr; a < addr + size; a += 4096) {
        *(volatile uint8_t *)(uintptr_t)a;
    }
}

/* Linux has the number of the processor in a descriptor: be always the same. */
static RigSegment native_cpu_segment(void)
{
    RigSegment s = { 0, 0, 0 };
    cpu_set_t set;
    uint32_t rights = 0;

    CPU_ZERO(&set);
    CPU_SET(sched_getcpu(), &set);
    sched_setaffinity(0, sizeof(set), &set);
    __asm__("lar %1, %0" : "+r"(rights) : "r"(SEL_CPU));
    __asm__("lsl %1, %0" : "+r"(s.limit) : "r"(SEL_CPU));
    s.attr = rights >> 8 & 0xf0ff;
    return s;
}

static bool native_is_intel;

static bool is_intel(void)
{
    unsigned max, name[3];

    return __get_cpuid(0, &max, &name[0], &name[2], &name[1]) &&
           !memcmp(name, "GenuineIntel", sizeof(name));
}

/* NULL, or why this host cannot. */
static const char *native_open(void)
{
#ifdef __SANITIZE_ADDRESS__
    return "the sanitizer's shadow memory lies where accesses must fault";
#endif
    static const int signals[] = { SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS, SIGVTALRM };
    static uint8_t stack[128 << 10];
    stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
    struct sigaction sa = { .sa_sigaction = native_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    int fd = memfd_create("code", 0);

    if (fd < 0 || ftruncate(fd, RIG_CODE_SIZE)) {
        return "no memfd";
    }
    native_code = mmap(NULL, RIG_CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (native_code == MAP_FAILED ||
        !native_map(RIG_CODE, RIG_CODE_SIZE, PROT_READ | PROT_EXEC, fd) ||
        !native_map(RIG_DATA, RIG_DATA_SIZE, PROT_READ | PROT_WRITE, -1) ||
        !native_map(NS_ADDR, 8192, PROT_READ | PROT_WRITE, -1)) {
        return "the addresses are in use";
    }
    mprotect((void *)(uintptr_t)(RIG_DATA + RIG_DATA_WRITABLE), RIG_DATA_SIZE - RIG_DATA_WRITABLE,
             PROT_READ);
    native_touch(RIG_CODE, RIG_CODE_SIZE);
    native_touch(RIG_DATA, RIG_DATA_SIZE);
    if (!native_ldt()) {
        return "no modify_ldt";
    }
    native_put_exit(RIG_EXIT32, false);
    native_put_exit(RIG_EXIT16, true);
    NATIVE->exit = (uintptr_t)native_exit;
    NATIVE->mxcsr = 0x1f80;
    native_is_intel = is_intel();
    syscall(SYS_arch_prctl, ARCH_GET_FS, &NATIVE->fs_base);
    sigaltstack(&ss, NULL);
    sigfillset(&sa.sa_mask);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        sigaction(signals[i], &sa, NULL);
    }
    return NULL;
}

/* What runs after so many seconds of CPU time from now on runs in a circle. */
static void native_watch(int seconds)
{
    struct itimerval t = { .it_value = { .tv_sec = seconds } };

    setitimer(ITIMER_VIRTUAL, &t, NULL);
}

/* Run from `before`; result in *after. */
static void native_case(const X86Ctx *before, X86Ctx *after)
{
    NativeState *n = NATIVE;
    X86Ctx *c = &n->after;

    memcpy(n->r, before->r, sizeof(n->r));
    n->rip = before->eip;
    n->cs = before->sel[R_CS];
    n->rflags = before->eflags;
    n->rsp = before->r[R_ESP];
    n->ss = before->sel[R_SS];
    n->es = before->sel[R_ES];
    n->ds = before->sel[R_DS];
    n->fs = before->sel[R_FS];
    n->gs = before->sel[R_GS];
    memcpy(n->fx, before->fx, sizeof(n->fx));
    c->vector = -1;
    n->in_native = 1;
    native_run();
    n->in_native = 0;
    if (c->vector == -1) {
        memcpy(c->r, n->r, sizeof(c->r));
        c->eflags = (uint32_t)n->out_rflags;
        c->eip = RIG_EXIT32;
        c->err = c->cr2 = 0;
        c->sel[R_ES] = n->out_es;
        c->sel[R_CS] = before->sel[R_CS];
        c->sel[R_SS] = n->out_ss;
        c->sel[R_DS] = n->out_ds;
        c->sel[R_FS] = n->out_fs;
        c->sel[R_GS] = n->out_gs;
        memcpy(c->fx, n->out_fx, sizeof(c->fx));
    }
    *after = *c;
}

#endif
