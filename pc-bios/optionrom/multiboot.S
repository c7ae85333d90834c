/* SPDX-License-Identifier: MIT */
/*
 * Boots the Multiboot kernel that is in fw_cfg (Multiboot Specification
 * 0.6.96, 3.2 machine state, 3.3 information format).
 *
 * The information structure comes ready but for what only the BIOS knows: the
 * sizes of memory (INT 12h) and the memory map (INT 15h E820h), which is put
 * behind it.
 */
#include "pc-bios/optionrom/optionrom.h"

#define INFO            0x8000          /* also: multiboot.c */
#define INFO_FLAGS      (INFO + 0)
#define INFO_MEM_LOWER  (INFO + 4)
#define INFO_MEM_UPPER  (INFO + 8)
#define INFO_MMAP_LEN   (INFO + 44)
#define INFO_MMAP_ADDR  (INFO + 48)
#define MMAP            (INFO + 0x80)
#define MMAP_END        (INFO + 0x1000)
#define HAS_MEMORY      0x01
#define HAS_MMAP        0x40

        ROM_HEADER multiboot

boot:
        cli
        cld
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $0x7c00, %esp
        LOAD    SETUP
        LOAD    KERNEL
        LOAD    INITRD

        sti
        int     $0x12                   /* KiB of conventional memory */
        movzwl  %ax, %eax
        movl    %eax, INFO_MEM_LOWER

        /* Each entry: length of what follows, base, length, type. */
        movw    $MMAP, %di
        xorl    %ebx, %ebx
next_range:
        movl    $0xe820, %eax
        movl    $0x534d4150, %edx       /* "SMAP" */
        movl    $20, %ecx
        addw    $4, %di
        int     $0x15
        jc      map_done
        cmpl    $0x534d4150, %eax
        jne     map_done
        movl    $20, -4(%di)
        cmpl    $0x100000, (%di)        /* RAM from 1 MiB: mem_upper */
        jne     not_upper
        cmpl    $0, 4(%di)
        jne     not_upper
        cmpl    $1, 16(%di)
        jne     not_upper
        movl    8(%di), %eax
        shrl    $10, %eax
        movl    %eax, INFO_MEM_UPPER
not_upper:
        addw    $20, %di
        testl   %ebx, %ebx
        jz      map_end
        cmpw    $(MMAP_END - 24), %di
        jb      next_range
        jmp     map_end
map_done:
        subw    $4, %di
map_end:
        cli
        movzwl  %di, %eax
        subl    $MMAP, %eax
        movl    %eax, INFO_MMAP_LEN
        movl    $MMAP, INFO_MMAP_ADDR
        orl     $(HAS_MEMORY | HAS_MMAP), INFO_FLAGS

        movw    $KERNEL_ENTRY, %ax
        call    get_value
        movl    %eax, %ecx              /* entry */

        /* The GDT and the 32-bit code are in this ROM: add its address. */
        movw    %cs, %ax
        movzwl  %ax, %eax
        shll    $4, %eax
        leal    gdt(%eax), %edx
        pushl   %edx
        pushw   $(gdt_end - gdt - 1)
        movw    %sp, %bp
        lgdtl   (%bp)
        leal    protected(%eax), %edx
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        pushl   $0x08
        pushl   %edx
        lretl

        .code32
protected:
        movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %eax, %ss
        movl    $0x2badb002, %eax
        movl    $INFO, %ebx
        jmp     *%ecx

        .balign 8
gdt:
        .quad   0
        .quad   0x00cf9b000000ffff      /* code, base 0, limit 4 GiB */
        .quad   0x00cf93000000ffff      /* data */
gdt_end:

        .code16
        FW_CFG_ROUTINES
