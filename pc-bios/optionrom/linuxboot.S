/* SPDX-License-Identifier: MIT */
/*
 * Boots the Linux kernel that is in fw_cfg (Linux,
 * Documentation/arch/x86/boot.rst, "Running the Kernel").
 */
#include "pc-bios/optionrom/optionrom.h"

        ROM_HEADER linuxboot

boot:
        cli
        cld
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movl    $0x7c00, %esp
        LOAD    SETUP
        LOAD    CMDLINE
        LOAD    KERNEL
        LOAD    INITRD

        /* DS = ES = FS = GS = SS = the real-mode code, SP above its heap,
         * interrupts off; entry 0x20 paragraphs in. */
        movw    $KERNEL_ENTRY, %ax
        call    get_value
        movl    %eax, %ecx
        movw    $SETUP_ADDR, %ax
        call    get_value
        shrl    $4, %eax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        movl    %ecx, %esp
        addw    $0x20, %ax
        pushw   %ax
        pushw   $0
        lretw

        FW_CFG_ROUTINES
