/* SPDX-License-Identifier: MIT */
/*
 * Kernels into fw_cfg: Linux boot protocol (Linux, Documentation/arch/x86/
 * boot.rst) and Multiboot 0.6.96, with files made here.
 */
#include "hw/boards/loader.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "hw/misc/fw_cfg.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

#define MiB (1ull << 20)

static char dir[] = "/tmp/test-loader-XXXXXX";
static char kernel_path[64], initrd_path[64], module_path[64];

static void remove_files(void)
{
    unlink(kernel_path);
    unlink(initrd_path);
    unlink(module_path);
    rmdir(dir);
}

static void write_file(char *path, const char *name, const void *data, size_t len)
{
    if (strstr(dir, "XXXXXX") && mkdtemp(dir)) {
        atexit(remove_files);
    }
    snprintf(path, sizeof(kernel_path), "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");

    CHECK(f && fwrite(data, 1, len, f) == len);
    if (f) {
        fclose(f);
    }
}

static Device *fw_cfg;

static uint32_t item32(uint16_t key)
{
    uint32_t len;
    const void *p = fw_cfg_find(fw_cfg, key, &len);

    return p && len == 4 ? (uint32_t)load_le(p, 4) : 0;
}

static const uint8_t *item(uint16_t key, uint32_t *len)
{
    return fw_cfg_find(fw_cfg, key, len);
}

static int load(KernelFiles files, uint64_t ram_top, Error *err)
{
    static Clock clock;
    const char *rom = "";

    clock_init_manual(&clock);
    device_free(fw_cfg);
    fw_cfg = device_new(&fw_cfg_type, NULL, &clock, NULL, NULL);
    err->msg[0] = 0;
    files.kernel = files.kernel ? files.kernel : kernel_path;
    int ret = loader_load_kernel(fw_cfg, &files, ram_top, &rom, err);
    CHECK(ret < 0 || strstr(rom, "boot.bin"));
    CHECK((ret < 0) == (err->msg[0] != 0));
    return ret;
}

static void fails(KernelFiles files, uint64_t ram_top, const char *what)
{
    Error err;

    CHECK(load(files, ram_top, &err) < 0);
    if (!strstr(err.msg, what)) {
        printf("# %s\n", err.msg);
        CHECK(!"the sentence");
    }
}

/* -- Linux ------------------------------------------------------------------- */

enum { SETUP_LEN = 5 * 512, PROT_LEN = 100000 };
static uint8_t kernel[SETUP_LEN + PROT_LEN];

static void make_linux(uint16_t version, bool high)
{
    memset(kernel, 0, sizeof(kernel));
    for (size_t i = SETUP_LEN; i < sizeof(kernel); i++) {
        kernel[i] = (uint8_t)(i * 7);
    }
    kernel[0x1f1] = 4;
    store_le(kernel + 0x1f4, (PROT_LEN + 15) / 16, 4);
    store_le(kernel + 0x1fe, 0xaa55, 2);
    memcpy(kernel + 0x202, "HdrS", 4);
    store_le(kernel + 0x206, version, 2);
    kernel[0x211] = high;
    store_le(kernel + 0x22c, 0x37ffffff, 4);
    store_le(kernel + 0x238, 2047, 4);
    store_le(kernel + 0x258, 0x1000000, 8);
    store_le(kernel + 0x260, 0x800000, 4);
    write_file(kernel_path, "kernel", kernel, sizeof(kernel));
}

/* boot.rst, "Memory Layout": where the parts of a modern bzImage go. */
TEST(bzimage)
{
    Error err;
    uint32_t len;

    make_linux(0x020f, true);
    CHECK_EQ(load((KernelFiles){ .append = "console=ttyS0" }, 256 * MiB, &err), 0);
    CHECK_EQ(item32(FW_CFG_KERNEL_ADDR), 0x100000);
    CHECK_EQ(item32(FW_CFG_KERNEL_SIZE), PROT_LEN);
    const uint8_t *prot = item(FW_CFG_KERNEL_DATA, &len);
    CHECK(len == PROT_LEN && !memcmp(prot, kernel + SETUP_LEN, PROT_LEN));

    const uint8_t *setup = item(FW_CFG_SETUP_DATA, &len);
    CHECK_EQ(len, SETUP_LEN);
    CHECK_EQ(item32(FW_CFG_SETUP_ADDR), 0x10000);
    CHECK_EQ(setup[0x210], 0xff);                       /* loader: undefined */
    CHECK_EQ(setup[0x211], 0x81);                       /* CAN_USE_HEAP */
    /* heap_end_ptr: end of the heap less 0x200; the stack is above it */
    CHECK_EQ(load_le(setup + 0x224, 2), item32(FW_CFG_KERNEL_ENTRY) - 0x200);
    CHECK_EQ(load_le(setup + 0x228, 4), item32(FW_CFG_CMDLINE_ADDR));
    CHECK_STR((const char *)item(FW_CFG_CMDLINE_DATA, &len), "console=ttyS0");
    CHECK_EQ(len, 14);
    CHECK_EQ(item32(FW_CFG_CMDLINE_SIZE), 14);
    CHECK_EQ(load_le(setup + 0x218, 4), 0);             /* no initrd */
    CHECK_EQ(item32(FW_CFG_INITRD_SIZE), 0);
}

/* "as high in memory as possible", below initrd_addr_max, in RAM. */
TEST(initrd_goes_as_high_as_it_may)
{
    static const uint8_t initrd[5000] = "initrd";
    Error err;
    uint32_t len;

    make_linux(0x020f, true);
    write_file(initrd_path, "initrd", initrd, sizeof(initrd));
    KernelFiles files = { .initrd = initrd_path };
    CHECK_EQ(load(files, 256 * MiB, &err), 0);
    CHECK_EQ(item32(FW_CFG_INITRD_ADDR), 0x10000000 - 0x2000);
    CHECK_EQ(item32(FW_CFG_INITRD_SIZE), 5000);
    const uint8_t *setup = item(FW_CFG_SETUP_DATA, &len);
    CHECK_EQ(load_le(setup + 0x218, 4), item32(FW_CFG_INITRD_ADDR));
    CHECK_EQ(load_le(setup + 0x21c, 4), 5000);
    CHECK(!memcmp(item(FW_CFG_INITRD_DATA, &len), initrd, 5000));
    CHECK_EQ(load(files, 3000 * MiB, &err), 0);
    CHECK_EQ(item32(FW_CFG_INITRD_ADDR), 0x38000000 - 0x2000);
}

/* Before 2.02, and for a zImage, real-mode code is at 0x90000. */
TEST(old_protocols)
{
    Error err;
    uint32_t len;

    make_linux(0x0201, true);
    CHECK_EQ(load((KernelFiles){ .append = "a" }, 64 * MiB, &err), 0);
    CHECK_EQ(item32(FW_CFG_SETUP_ADDR), 0x90000);
    CHECK_EQ(item32(FW_CFG_KERNEL_ADDR), 0x100000);
    const uint8_t *setup = item(FW_CFG_SETUP_DATA, &len);
    CHECK_EQ(load_le(setup + 0x20, 2), 0xa33f);
    CHECK_EQ(load_le(setup + 0x22, 2), item32(FW_CFG_CMDLINE_ADDR) - 0x90000);

    make_linux(0x0203, false);
    CHECK_EQ(load((KernelFiles){ .append = "a" }, 64 * MiB, &err), 0);
    CHECK_EQ(item32(FW_CFG_SETUP_ADDR), 0x90000);
    CHECK_EQ(item32(FW_CFG_KERNEL_ADDR), 0x10000);
    CHECK(item32(FW_CFG_KERNEL_ADDR) + PROT_LEN <= 0x90000);

    make_linux(0x0200, true);
    kernel[0x1f1] = 0;                  /* setup_sects 0 means 4 */
    write_file(kernel_path, "kernel", kernel, sizeof(kernel));
    CHECK_EQ(load((KernelFiles){ .append = "a" }, 64 * MiB, &err), 0);
    CHECK_EQ(item32(FW_CFG_SETUP_SIZE), SETUP_LEN);
}

TEST(bad_linux_kernels_are_sentences)
{
    KernelFiles none = { 0 };
    char longer[3000];

    fails((KernelFiles){ .kernel = "/nonexistent" }, MiB,
          "kernel: cannot open /nonexistent: No such file");
    fails((KernelFiles){ .kernel = "/tmp" }, MiB, "kernel: /tmp is not a regular file");
    write_file(kernel_path, "kernel", "hello", 5);
    fails(none, 64 * MiB, "is neither a Linux kernel (bzImage) nor a Multiboot kernel");
    write_file(kernel_path, "kernel", "", 0);
    fails(none, 64 * MiB, "is empty");

    make_linux(0x020f, true);
    write_file(kernel_path, "kernel", kernel, sizeof(kernel) - 16);
    fails(none, 64 * MiB, "is truncated: 102544 bytes, its header says 102560");
    write_file(kernel_path, "kernel", kernel, 1024);
    fails(none, 64 * MiB, "is truncated: 1024 bytes, its setup code alone has 2560");
    make_linux(0x0109, true);
    fails(none, 64 * MiB, "has boot protocol 1.09, 2.00 or later is needed");

    make_linux(0x020f, true);           /* needs 0x1000000 + 0x800000 */
    fails(none, 20 * MiB, "is too large: it needs memory up to 24 MiB, there is 20");
    memset(longer, 'x', sizeof(longer));
    longer[2999] = 0;
    fails((KernelFiles){ .append = longer }, 64 * MiB,
          "append: the command line has 2999 characters");
}

TEST(bad_initrds_are_sentences)
{
    uint8_t *big = xzalloc(5 * MiB);

    make_linux(0x020f, true);
    fails((KernelFiles){ .initrd = "/nonexistent" }, 64 * MiB,
          "initrd: cannot open /nonexistent");
    write_file(initrd_path, "initrd", big, 5 * MiB);
    fails((KernelFiles){ .initrd = initrd_path }, 28 * MiB, "is too large");
    free(big);
}

static int num_damages(void)
{
    const char *level = getenv("TEST_LEVEL");

    return level && !strcmp(level, "fast") ? 100 : 300;
}

/* No header byte may crash the loader. */
TEST(damaged_headers_are_survived)
{
    uint32_t seed = 1;
    Error err;

    for (int i = 0; i < num_damages(); i++) {
        make_linux(0x020f, true);
        for (int k = 0; k < 6; k++) {
            seed = seed * 1664525 + 1013904223;
            kernel[0x1f0 + (seed >> 8) % 0x80] = (uint8_t)(seed >> 20);
        }
        write_file(kernel_path, "kernel", kernel, sizeof(kernel));
        load((KernelFiles){ .append = "x" }, 64 * MiB, &err);
    }
}

/* -- Multiboot --------------------------------------------------------------- */

enum { MB_HEADER = 0x100, MB_LEN = 0x3000, MB_ADDR = 0x200000 };
static uint8_t mb[MB_LEN];

static void put_mb_header(uint32_t flags)
{
    store_le(mb + MB_HEADER, 0x1badb002, 4);
    store_le(mb + MB_HEADER + 4, flags, 4);
    store_le(mb + MB_HEADER + 8, -(0x1badb002 + flags), 4);
}

/* One segment: the file from 0x1000 on, with some .bss. */
static void make_elf(uint32_t flags)
{
    Elf32_Ehdr eh = {
        .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },
        .e_type = ET_EXEC, .e_machine = EM_386, .e_version = 1,
        .e_entry = MB_ADDR + 0x10, .e_phoff = sizeof(eh), .e_phentsize = 32,
        .e_phnum = 1, .e_ehsize = sizeof(eh),
    };
    Elf32_Phdr ph = {
        .p_type = PT_LOAD, .p_offset = 0x1000, .p_paddr = MB_ADDR,
        .p_vaddr = 0xc0000000, .p_filesz = 0x2000, .p_memsz = 0x3000,
    };

    memset(mb, 0, sizeof(mb));
    memcpy(mb, &eh, sizeof(eh));
    memcpy(mb + sizeof(eh), &ph, sizeof(ph));
    memset(mb + 0x1000, 0x5a, 0x2000);
    put_mb_header(flags);
    write_file(kernel_path, "kernel", mb, sizeof(mb));
}

/* 3.1.2: without address fields the ELF headers say where to load. */
TEST(multiboot_elf)
{
    Error err;
    uint32_t len;

    make_elf(3);
    CHECK_EQ(load((KernelFiles){ .append = "a b" }, 64 * MiB, &err), 0);
    CHECK_EQ(item32(FW_CFG_KERNEL_ADDR), MB_ADDR);
    CHECK_EQ(item32(FW_CFG_KERNEL_ENTRY), MB_ADDR + 0x10);
    const uint8_t *data = item(FW_CFG_KERNEL_DATA, &len);
    CHECK_EQ(len, 0x3000);
    CHECK(data[0] == 0x5a && data[0x1fff] == 0x5a && data[0x2000] == 0);

    /* 3.3: command line (flag 2), modules (3), loader name (9) */
    const uint8_t *info = item(FW_CFG_SETUP_DATA, &len);
    CHECK_EQ(load_le(info, 4), 1 << 2 | 1 << 3 | 1 << 9);
    CHECK_EQ(load_le(info + 20, 4), 0);
    const uint8_t *rest = item(FW_CFG_INITRD_DATA, &len);
    uint32_t base = item32(FW_CFG_INITRD_ADDR);
    CHECK(base >= MB_ADDR + 0x3000);
    char want[100];
    snprintf(want, sizeof(want), "%s a b", kernel_path);
    CHECK_STR((const char *)rest + (load_le(info + 16, 4) - base), want);
}

/* 3.3: modules have start, end, string; 3.1.2 flag 0: page aligned. */
TEST(multiboot_modules)
{
    Error err;
    uint32_t len;
    char list[200], want[100];

    make_elf(3);
    write_file(initrd_path, "initrd", "first", 5);
    write_file(module_path, "module", "second!", 7);
    snprintf(list, sizeof(list), "%s x=1,%s", initrd_path, module_path);
    snprintf(want, sizeof(want), "%s x=1", initrd_path);
    CHECK_EQ(load((KernelFiles){ .initrd = list }, 64 * MiB, &err), 0);
    const uint8_t *info = item(FW_CFG_SETUP_DATA, &len);
    const uint8_t *rest = item(FW_CFG_INITRD_DATA, &len);
    uint32_t base = item32(FW_CFG_INITRD_ADDR);
    CHECK_EQ(load_le(info + 20, 4), 2);
    const uint8_t *mods = rest + (load_le(info + 24, 4) - base);
    uint32_t start = (uint32_t)load_le(mods, 4), start2 = (uint32_t)load_le(mods + 16, 4);
    CHECK_EQ(start % 4096, 0);
    CHECK_EQ(load_le(mods + 4, 4) - start, 5);
    CHECK(!memcmp(rest + (start - base), "first", 5));
    CHECK_STR((const char *)rest + (load_le(mods + 8, 4) - base), want);
    CHECK_EQ(start2 % 4096, 0);
    CHECK(!memcmp(rest + (start2 - base), "second!", 7));
    snprintf(list, sizeof(list), "%s,/nonexistent", initrd_path);
    fails((KernelFiles){ .initrd = list }, 64 * MiB, "module: cannot open /nonexistent");
}

/* 3.1.3: flag 16, the header says where to load. */
TEST(multiboot_by_header)
{
    Error err;
    uint32_t len;

    memset(mb, 0x11, sizeof(mb));
    put_mb_header(1 << 16);
    store_le(mb + MB_HEADER + 12, 0x110000, 4);         /* header_addr */
    store_le(mb + MB_HEADER + 16, 0x10ff80, 4);         /* load_addr */
    store_le(mb + MB_HEADER + 20, 0x110f80, 4);         /* load_end_addr */
    store_le(mb + MB_HEADER + 24, 0x112000, 4);         /* bss_end_addr */
    store_le(mb + MB_HEADER + 28, 0x110020, 4);         /* entry */
    write_file(kernel_path, "kernel", mb, sizeof(mb));
    CHECK_EQ(load((KernelFiles){ 0 }, 64 * MiB, &err), 0);
    CHECK_EQ(item32(FW_CFG_KERNEL_ADDR), 0x10ff80);
    CHECK_EQ(item32(FW_CFG_KERNEL_ENTRY), 0x110020);
    const uint8_t *data = item(FW_CFG_KERNEL_DATA, &len);
    CHECK_EQ(len, 0x112000 - 0x10ff80);
    CHECK_EQ(load_le(data + 0x80, 4), 0x1badb002);
    CHECK(data[0xfff] == 0x11 && data[0x1000] == 0);
    store_le(mb + MB_HEADER + 16, 0x110004, 4);
    write_file(kernel_path, "kernel", mb, sizeof(mb));
    fails((KernelFiles){ 0 }, 64 * MiB, "impossible addresses");
}

TEST(bad_multiboot_kernels_are_sentences)
{
    KernelFiles none = { 0 };

    make_elf(3);
    fails(none, 2 * MiB, "wants memory up to 0x203000, there is 0x200000");
    make_elf(1 << 2);
    fails(none, 64 * MiB, "asks for a video mode");
    make_elf(1 << 5);
    fails(none, 64 * MiB, "asks for something unknown");
    make_elf(3);
    write_file(kernel_path, "kernel", mb, 0x2000);
    fails(none, 64 * MiB, "is truncated");
    make_elf(3);
    mb[4] = ELFCLASS64;
    write_file(kernel_path, "kernel", mb, sizeof(mb));
    fails(none, 64 * MiB, "is not an i386 ELF file");
    make_elf(3);
    store_le(mb + 52 + 12, 0x9000, 4);
    write_file(kernel_path, "kernel", mb, sizeof(mb));
    fails(none, 64 * MiB, "wants to be at 0x9000, below 0xa000");
}

TEST(damaged_elf_headers_are_survived)
{
    uint32_t seed = 5;
    Error err;

    for (int i = 0; i < num_damages(); i++) {
        make_elf(i % 2 ? 3 : 1 << 16);
        for (int k = 0; k < 4; k++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t at = (seed >> 8) % 116;
            mb[at < 84 ? at : MB_HEADER + 12 + at - 84] = (uint8_t)(seed >> 20);
        }
        write_file(kernel_path, "kernel", mb, sizeof(mb));
        load((KernelFiles){ 0 }, 64 * MiB, &err);
    }
}
