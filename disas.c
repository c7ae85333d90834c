/* SPDX-License-Identifier: MIT */
#include "disas.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "cpu-common.h"
#include "util/bits.h"

#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>
#endif

enum { BYTES_PER_LINE = 8 };

static void put_line(uint64_t addr, const uint8_t *code, size_t len,
                     const char *text, DisasPut *put, void *opaque)
{
    char line[256];
    int n = snprintf(line, sizeof(line), "0x%08" PRIx64 ":  ", addr);

    for (size_t i = 0; i < BYTES_PER_LINE; i++) {
        n += i < len ? snprintf(line + n, sizeof(line) - (size_t)n, "%02x ", code[i])
                     : snprintf(line + n, sizeof(line) - (size_t)n, "   ");
    }
    snprintf(line + n, sizeof(line) - (size_t)n, " %s\n", text);
    put(opaque, line);
}

static void put_hex(uint64_t addr, const uint8_t *code, size_t len,
                    const char *text, DisasPut *put, void *opaque)
{
    for (size_t i = 0; i < len; i += BYTES_PER_LINE) {
        put_line(addr + i, code + i, MIN(len - i, (size_t)BYTES_PER_LINE),
                 i ? "" : text, put, opaque);
    }
}

#ifdef CONFIG_CAPSTONE
static bool disassemble(int arch, int mode, uint64_t addr, const uint8_t *code,
                        size_t len, DisasPut *put, void *opaque)
{
    csh handle;
    cs_insn *insn;

    if (cs_open((cs_arch)arch, (cs_mode)mode, &handle) != CS_ERR_OK) {
        return false;
    }
    cs_option(handle, CS_OPT_SKIPDATA, CS_OPT_ON);
    if (arch == CS_ARCH_X86) {
        cs_option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    }
    size_t num = cs_disasm(handle, code, len, addr, 0, &insn);
    size_t done = 0;

    for (size_t i = 0; i < num; i++) {
        char text[200];

        snprintf(text, sizeof(text), "%s %s", insn[i].mnemonic, insn[i].op_str);
        put_hex(insn[i].address, code + done, insn[i].size, text, put, opaque);
        done += insn[i].size;
    }
    if (num) {
        cs_free(insn, num);
    }
    cs_close(&handle);
    put_hex(addr + done, code + done, len - done, "", put, opaque);
    return true;
}

static int host_arch(int *mode)
{
#if defined(__x86_64__)
    *mode = CS_MODE_64;
    return CS_ARCH_X86;
#elif defined(__aarch64__)
    *mode = CS_MODE_ARM;
    return CS_ARCH_ARM64;
#else
    *mode = -1;
    return 0;
#endif
}
#else
typedef struct Lines {
    uint64_t addr;
    const uint8_t *code;
    DisasPut *put;
    void *opaque;
} Lines;

static void put_insn(void *opaque, size_t at, size_t size, const char *text)
{
    const Lines *l = opaque;

    put_hex(l->addr + at, l->code + at, size, text, l->put, l->opaque);
}

static bool disassemble(int arch, int mode, uint64_t addr, const uint8_t *code,
                        size_t len, DisasPut *put, void *opaque)
{
    Lines l = { addr, code, put, opaque };

    (void)arch;
    if (!target_cpu_ops->disassemble) {
        return false;
    }
    target_cpu_ops->disassemble(mode, addr, code, len, put_insn, &l);
    return true;
}

static int host_arch(int *mode)
{
    *mode = -1;
    return 0;
}
#endif

void disas_guest(int arch, int mode, uint64_t addr, const uint8_t *code, size_t len,
                 DisasPut *put, void *opaque)
{
    if (mode < 0 || !disassemble(arch, mode, addr, code, len, put, opaque)) {
        put_hex(addr, code, len, "", put, opaque);
    }
}

void disas_host(const uint8_t *code, size_t len, DisasPut *put, void *opaque)
{
    int mode, arch = host_arch(&mode);

    disas_guest(arch, mode, (uintptr_t)code, code, len, put, opaque);
}
