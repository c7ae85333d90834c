/* SPDX-License-Identifier: MIT */
/*
 * Semihosting (ARM DUI 0203, chapter 5): SWI 0x123456, or 0xab in Thumb state,
 * asks the host for files, console, time.
 *
 *      r0 call number, r1 its argument block in guest memory -> r0 result
 *
 * One row per call in calls[].  A fault on the argument block is the guest's own
 * data abort at the SWI, which then runs again, so a call reads all it needs
 * before it has an effect.
 *
 * Handles are indices into a table of the CPU's; ":tt" is the host's terminal.
 *
 * Not modelled: SYS_SYSTEM (the guest gets -1), the heap and stack of
 * SYS_HEAPINFO (zeros: the C library's own defaults), SYS_ISERROR beyond its
 * definition (negative is an error).
 */
#include "target-arm/semihost.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sys/loop.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    MAX_FILES = 64,
    MAX_NAME = 4096,
    CHUNK = 4096,
    MAX_TEXT = 1 << 20,                 /* of SYS_WRITE0 */
};

typedef struct ArmSemihost {
    int fd[MAX_FILES];                  /* -1: free; handle n is fd[n - 1] */
    uint32_t error;                     /* SYS_ERRNO */
} ArmSemihost;

static ArmSemihost *state(CPUARMState *env)
{
    if (!env->semihost) {
        env->semihost = xzalloc(sizeof(*env->semihost));
        for (unsigned i = 0; i < MAX_FILES; i++) {
            env->semihost->fd[i] = -1;
        }
    }
    return env->semihost;
}

void arm_semihost_free(CPUARMState *env)
{
    for (unsigned i = 0; env->semihost && i < MAX_FILES; i++) {
        if (env->semihost->fd[i] > STDERR_FILENO) {
            close(env->semihost->fd[i]);
        }
    }
    free(env->semihost);
    env->semihost = NULL;
}

/* -- Guest memory ------------------------------------------------------------ */

static unsigned mmu_index(const CPUARMState *env)
{
    return arm_mmu_index(env, arm_is_priv(env));
}

static uint32_t swapped(const CPUARMState *env)
{
    return env->tbflags & TBF_E ? MO_BSWAP : 0;
}

static uint32_t get_word(CPUARMState *env, uint32_t addr)
{
    return (uint32_t)cpu_ld(arm_cpu(env), addr, MO_32 | swapped(env), mmu_index(env), 0);
}

static void put_word(CPUARMState *env, uint32_t addr, uint32_t val)
{
    cpu_st(arm_cpu(env), addr, val, MO_32 | swapped(env), mmu_index(env), 0);
}

/* Word n of the argument block. */
static uint32_t arg(CPUARMState *env, unsigned n)
{
    return get_word(env, env->regs[1] + 4 * n);
}

static uint8_t get_byte(CPUARMState *env, uint32_t addr)
{
    return (uint8_t)cpu_ld(arm_cpu(env), addr, MO_8, mmu_index(env), 0);
}

static void put_byte(CPUARMState *env, uint32_t addr, uint8_t val)
{
    cpu_st(arm_cpu(env), addr, val, MO_8, mmu_index(env), 0);
}

/* Fault now on what an effect would touch later. */
static void touch(CPUARMState *env, uint32_t addr, uint32_t len, bool write)
{
    for (uint64_t at = addr, end = (uint64_t)addr + len; at < end;
         at = (at | (TARGET_PAGE_SIZE - 1)) + 1) {
        uint8_t b = get_byte(env, (uint32_t)at);

        if (write) {
            put_byte(env, (uint32_t)at, b);
        }
    }
}

/* A name of len bytes at addr; false if it is too long for us. */
static bool get_name(CPUARMState *env, uint32_t addr, uint32_t len, char name[MAX_NAME])
{
    if (len >= MAX_NAME) {
        return false;
    }
    for (uint32_t i = 0; i < len; i++) {
        name[i] = (char)get_byte(env, addr + i);
    }
    name[len] = 0;
    return true;
}

/* -- Handles ----------------------------------------------------------------- */

static uint32_t failed(CPUARMState *env, int error)
{
    state(env)->error = (uint32_t)error;
    return ~0u;
}

static int *slot_of(CPUARMState *env, uint32_t handle)
{
    ArmSemihost *s = state(env);

    return handle - 1 < MAX_FILES && s->fd[handle - 1] >= 0 ? &s->fd[handle - 1] : NULL;
}

static uint32_t new_handle(CPUARMState *env, int fd)
{
    ArmSemihost *s = state(env);

    for (unsigned i = 0; i < MAX_FILES; i++) {
        if (s->fd[i] < 0) {
            s->fd[i] = fd;
            return i + 1;
        }
    }
    if (fd > STDERR_FILENO) {
        close(fd);
    }
    return failed(env, EMFILE);
}

/* -- Calls ------------------------------------------------------------------- */

/* ISO C modes by number: r rb r+ r+b w wb w+ w+b a ab a+ a+b */
static uint32_t sys_open(CPUARMState *env)
{
    static const int flags[3] = { 0, O_CREAT | O_TRUNC, O_CREAT | O_APPEND };
    uint32_t mode = arg(env, 1);
    char name[MAX_NAME];

    if (mode > 11 || !get_name(env, arg(env, 0), arg(env, 2), name)) {
        return failed(env, EINVAL);
    }
    if (!strcmp(name, ":tt")) {
        return new_handle(env, mode < 4 ? STDIN_FILENO : mode < 8 ? STDOUT_FILENO
                                                                  : STDERR_FILENO);
    }
    int access = mode & 2 ? O_RDWR : mode < 4 ? O_RDONLY : O_WRONLY;
    int fd = open(name, access | flags[mode / 4] | O_CLOEXEC, 0666);

    return fd < 0 ? failed(env, errno) : new_handle(env, fd);
}

static uint32_t sys_close(CPUARMState *env)
{
    int *slot = slot_of(env, arg(env, 0));

    if (!slot) {
        return failed(env, EBADF);
    }
    int ret = *slot > STDERR_FILENO ? close(*slot) : 0;

    *slot = -1;
    return ret ? failed(env, errno) : 0;
}

static void write_all(int fd, const void *buf, size_t len)
{
    for (const char *p = buf; len;) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno != EINTR) {
            return;
        }
        p += n < 0 ? 0 : n;
        len -= n < 0 ? 0 : (size_t)n;
    }
}

static uint32_t sys_writec(CPUARMState *env)
{
    uint8_t c = get_byte(env, env->regs[1]);

    write_all(STDOUT_FILENO, &c, 1);
    return env->regs[0];
}

static uint32_t sys_write0(CPUARMState *env)
{
    uint32_t len = 0;

    while (len < MAX_TEXT && get_byte(env, env->regs[1] + len)) {
        len++;
    }
    for (uint32_t i = 0; i < len; i++) {
        uint8_t c = get_byte(env, env->regs[1] + i);

        write_all(STDOUT_FILENO, &c, 1);
    }
    return env->regs[0];
}

/* The number of bytes that were not written. */
static uint32_t sys_write(CPUARMState *env)
{
    int *slot = slot_of(env, arg(env, 0));
    uint32_t addr = arg(env, 1), left = arg(env, 2);
    uint8_t buf[CHUNK];

    if (!slot) {
        failed(env, EBADF);
        return left;
    }
    touch(env, addr, left, false);
    while (left) {
        uint32_t n = MIN(left, CHUNK);

        for (uint32_t i = 0; i < n; i++) {
            buf[i] = get_byte(env, addr + i);
        }
        ssize_t done = write(*slot, buf, n);

        if (done <= 0) {
            failed(env, errno);
            break;
        }
        addr += (uint32_t)done;
        left -= (uint32_t)done;
    }
    return left;
}

/* The number of bytes that were not read; short of one chunk is the end. */
static uint32_t sys_read(CPUARMState *env)
{
    int *slot = slot_of(env, arg(env, 0));
    uint32_t addr = arg(env, 1), left = arg(env, 2);
    uint8_t buf[CHUNK];

    if (!slot) {
        failed(env, EBADF);
        return left;
    }
    touch(env, addr, left, true);
    while (left) {
        uint32_t n = MIN(left, CHUNK);
        ssize_t done = read(*slot, buf, n);

        if (done < 0) {
            failed(env, errno);
        }
        for (ssize_t i = 0; i < done; i++) {
            put_byte(env, addr + (uint32_t)i, buf[i]);
        }
        addr += done < 0 ? 0 : (uint32_t)done;
        left -= done < 0 ? 0 : (uint32_t)done;
        if (done < (ssize_t)n) {
            break;
        }
    }
    return left;
}

/* Waits in small steps, so that the processor can be stopped: the SWI is run
 * again until there is a character. */
static uint32_t sys_readc(CPUARMState *env)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
    uint8_t c;

    if (poll(&p, 1, 10) <= 0) {
        env->common.exception_index = EXCP_INTERRUPT;
        cpu_loop_exit(arm_cpu(env));
    }
    return read(STDIN_FILENO, &c, 1) == 1 ? c : ~0u;
}

static uint32_t sys_iserror(CPUARMState *env)
{
    return (int32_t)arg(env, 0) < 0;
}

static uint32_t sys_istty(CPUARMState *env)
{
    int *slot = slot_of(env, arg(env, 0));

    return slot ? (uint32_t)isatty(*slot) : failed(env, EBADF);
}

static uint32_t sys_seek(CPUARMState *env)
{
    int *slot = slot_of(env, arg(env, 0));

    if (!slot) {
        return failed(env, EBADF);
    }
    return lseek(*slot, arg(env, 1), SEEK_SET) < 0 ? failed(env, errno) : 0;
}

static uint32_t sys_flen(CPUARMState *env)
{
    int *slot = slot_of(env, arg(env, 0));
    struct stat st;

    if (!slot) {
        return failed(env, EBADF);
    }
    return fstat(*slot, &st) ? failed(env, errno) : (uint32_t)st.st_size;
}

static uint32_t sys_tmpnam(CPUARMState *env)
{
    uint32_t addr = arg(env, 0), id = arg(env, 1) & 0xff, len = arg(env, 2);
    char name[32];
    uint32_t n = (uint32_t)snprintf(name, sizeof(name), "/tmp/semihost-%02x", id) + 1;

    if (len < n) {
        return ~0u;
    }
    for (uint32_t i = 0; i < n; i++) {
        put_byte(env, addr + i, (uint8_t)name[i]);
    }
    return 0;
}

static uint32_t sys_remove(CPUARMState *env)
{
    char name[MAX_NAME];

    if (!get_name(env, arg(env, 0), arg(env, 1), name)) {
        return failed(env, ENAMETOOLONG);
    }
    return remove(name) ? failed(env, errno) : 0;
}

static uint32_t sys_rename(CPUARMState *env)
{
    char from[MAX_NAME], to[MAX_NAME];

    if (!get_name(env, arg(env, 0), arg(env, 1), from) ||
        !get_name(env, arg(env, 2), arg(env, 3), to)) {
        return failed(env, ENAMETOOLONG);
    }
    return rename(from, to) ? failed(env, errno) : 0;
}

/* Centiseconds since the start; seconds since 1970. */
static uint32_t sys_clock(CPUARMState *env)
{
    return (uint32_t)(cpu_clock_ns(arm_cpu(env)) / 10000000);
}

static uint32_t sys_time(CPUARMState *env)
{
    (void)env;
    return (uint32_t)time(NULL);
}

static uint32_t sys_elapsed(CPUARMState *env)
{
    uint64_t ticks = (uint64_t)cpu_clock_ns(arm_cpu(env));

    put_word(env, env->regs[1], (uint32_t)ticks);
    put_word(env, env->regs[1] + 4, (uint32_t)(ticks >> 32));
    return 0;
}

static uint32_t sys_tickfreq(CPUARMState *env)
{
    (void)env;
    return 1000000000;
}

/* A shell for the guest is more than it needs. */
static uint32_t sys_system(CPUARMState *env)
{
    log_unimp("semihosting", "SYS_SYSTEM at %08x: refused", env->regs[R_PC]);
    return ~0u;
}

static uint32_t sys_errno(CPUARMState *env)
{
    return state(env)->error;
}

static uint32_t sys_get_cmdline(CPUARMState *env)
{
    const char *line = env->pins.semihost_cmdline ? env->pins.semihost_cmdline : "";
    uint32_t addr = arg(env, 0), len = (uint32_t)strlen(line);

    if (len + 1 > arg(env, 1)) {
        return ~0u;
    }
    put_word(env, env->regs[1] + 4, len);
    for (uint32_t i = 0; i <= len; i++) {
        put_byte(env, addr + i, (uint8_t)line[i]);
    }
    return 0;
}

static uint32_t sys_heapinfo(CPUARMState *env)
{
    uint32_t block = arg(env, 0);

    for (unsigned i = 0; i < 4; i++) {
        put_word(env, block + 4 * i, 0);
    }
    return 0;
}

/* r1: ADP_Stopped_ApplicationExit is success. */
static uint32_t sys_exit(CPUARMState *env)
{
    enum { APPLICATION_EXIT = 0x20026 };
    void (*pin)(void *opaque, int code) = env->pins.exit;
    bool entered = global_enter();

    if (pin) {
        pin(env->pins.opaque, env->regs[1] == APPLICATION_EXIT ? 0 : 1);
    }
    global_leave(entered);
    return env->regs[0];
}

/* DUI 0203, table 5-1 */
static const struct Call {
    const char *name;
    uint32_t (*run)(CPUARMState *env);
} calls[] = {
    [0x01] = { "SYS_OPEN", sys_open },       [0x02] = { "SYS_CLOSE", sys_close },
    [0x03] = { "SYS_WRITEC", sys_writec },   [0x04] = { "SYS_WRITE0", sys_write0 },
    [0x05] = { "SYS_WRITE", sys_write },     [0x06] = { "SYS_READ", sys_read },
    [0x07] = { "SYS_READC", sys_readc },     [0x08] = { "SYS_ISERROR", sys_iserror },
    [0x09] = { "SYS_ISTTY", sys_istty },     [0x0a] = { "SYS_SEEK", sys_seek },
    [0x0c] = { "SYS_FLEN", sys_flen },       [0x0d] = { "SYS_TMPNAM", sys_tmpnam },
    [0x0e] = { "SYS_REMOVE", sys_remove },   [0x0f] = { "SYS_RENAME", sys_rename },
    [0x10] = { "SYS_CLOCK", sys_clock },     [0x11] = { "SYS_TIME", sys_time },
    [0x12] = { "SYS_SYSTEM", sys_system },   [0x13] = { "SYS_ERRNO", sys_errno },
    [0x15] = { "SYS_GET_CMDLINE", sys_get_cmdline },
    [0x16] = { "SYS_HEAPINFO", sys_heapinfo },
    [0x18] = { "angel_SWIreason_ReportException", sys_exit },
    [0x30] = { "SYS_ELAPSED", sys_elapsed }, [0x31] = { "SYS_TICKFREQ", sys_tickfreq },
};

void arm_semihost(CPUARMState *env)
{
    uint32_t n = env->regs[0];

    if (n >= ARRAY_SIZE(calls) || !calls[n].run) {
        log_unimp("semihosting", "call 0x%x at %08x", n, env->regs[R_PC]);
        env->regs[0] = ~0u;
        return;
    }
    if (log_on(LOG_INT)) {
        log_put(LOG_INT, "semihosting %s r1 %08x\n", calls[n].name, env->regs[1]);
    }
    env->regs[0] = calls[n].run(env);
}
