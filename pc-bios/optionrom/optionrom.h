/* SPDX-License-Identifier: MIT */
/*
 * What our boot ROMs share: a PnP expansion header (Plug and Play BIOS
 * Specification 1.0A, 3.2) whose boot entry vector is the label `boot`, and
 * fw_cfg transfers by DMA.
 *
 * The ROM runs in 16-bit real mode from memory it must not write.  Its
 * variables are on a stack that ends at 0x7c00; the DMA descriptor is at 0x7000.
 */

#define DMA_PORT        0x514
#define DMA_DESC        0x7000
#define DMA_VALUE       0x7010          /* an item of four bytes */
#define DMA_READ_ITEM   0x0a            /* select, then read */

/* Keys; assembler symbols, as LOAD pastes their names. */
KERNEL_ADDR     = 0x07
KERNEL_SIZE     = 0x08
INITRD_ADDR     = 0x0a
INITRD_SIZE     = 0x0b
KERNEL_ENTRY    = 0x10
KERNEL_DATA     = 0x11
INITRD_DATA     = 0x12
CMDLINE_ADDR    = 0x13
CMDLINE_SIZE    = 0x14
CMDLINE_DATA    = 0x15
SETUP_ADDR      = 0x16
SETUP_SIZE      = 0x17
SETUP_DATA      = 0x18

.macro ROM_HEADER name
        .code16
        .text
start:
        .byte   0x55, 0xaa, 0           /* the length is filled in later */
        lret                            /* nothing to initialize */
        .org    0x1a
        .word   pnp
        .balign 16
pnp:
        .ascii  "$PnP"
        .byte   1, 2                    /* revision, length / 16 */
        .word   0                       /* no further header */
        .byte   0, 0                    /* checksum: none is looked at */
        .long   0                       /* device identifier */
        .word   manufacturer, product
        .byte   0x80, 0x80, 0           /* mass storage, other */
        .byte   0x64                    /* an initial program load device */
        .word   0, 0                    /* boot connection, disconnect vector */
        .word   boot                    /* bootstrap entry vector */
        .word   0, 0
manufacturer:
        .asciz  "qemu"
product:
        .asciz  "\name"
.endm

/*
 * get_value: %ax = key -> %eax = its value
 * get_data:  %ax = key of the data, %edi = address, %ecx = length
 * Both want %ds = 0.  Only flags are clobbered otherwise.
 */
.macro FW_CFG_ROUTINES
get_value:
        pushl   %edi
        pushl   %ecx
        movl    $DMA_VALUE, %edi
        movl    $4, %ecx
        call    get_data
        movl    DMA_VALUE, %eax
        popl    %ecx
        popl    %edi
        ret

get_data:
        pushal
        shll    $16, %eax
        orl     $DMA_READ_ITEM, %eax
        bswapl  %eax
        bswapl  %ecx
        bswapl  %edi
        movl    %eax, DMA_DESC          /* control, big endian */
        movl    %ecx, DMA_DESC + 4      /* length */
        movl    $0, DMA_DESC + 8        /* address */
        movl    %edi, DMA_DESC + 12
        movw    $DMA_PORT, %dx
        xorl    %eax, %eax
        outl    %eax, %dx
        movl    $DMA_DESC, %eax
        bswapl  %eax
        addw    $4, %dx
        outl    %eax, %dx               /* the transfer is done here */
        popal
        ret
.endm

/* One piece: what the keys say goes where they say. */
.macro LOAD what
        movw    $\what\()_ADDR, %ax
        call    get_value
        movl    %eax, %edi
        movw    $\what\()_SIZE, %ax
        call    get_value
        movl    %eax, %ecx
        movw    $\what\()_DATA, %ax
        call    get_data
.endm
