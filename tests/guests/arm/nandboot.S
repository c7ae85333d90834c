@ SPDX-License-Identifier: MIT
@
@ A boot loader for the mini2440's NAND, for block 0: the S3C2440 copies the first
@ 4 KiB to its SRAM at 0 and starts there.  It sets clocks, memory and UART0 up,
@ reads the kernel partition to ZIMAGE through the NAND controller, and jumps there
@ with ATAGs of CMDLINE.  Prints N, then B.

#define KOFF   0x60000
#define KSIZE  0x500000
#define ZIMAGE 0x32000000

    .arm
    .text
    .global _start
_start:
    b    reset
    .rept 7
    b    .
    .endr
reset:
    msr  cpsr_c, #0xd3
    mov  r0, #0
    mcr  p15, 0, r0, c7, c7, 0
    mcr  p15, 0, r0, c8, c7, 0
    mrc  p15, 0, r0, c1, c0, 0
    bic  r0, r0, #0x2300
    bic  r0, r0, #0x87
    orr  r0, r0, #0x1000
    mcr  p15, 0, r0, c1, c0, 0
    mov  r0, #0x53000000
    mov  r1, #0
    str  r1, [r0]               @ watchdog off
    mov  r0, #0x4a000000
    mvn  r1, #0
    str  r1, [r0, #8]           @ INTMSK
    ldr  r1, =0x7fff
    str  r1, [r0, #0x1c]        @ INTSUBMSK
    mov  r0, #0x4c000000
    ldr  r1, =0x00ffffff
    str  r1, [r0]
    mov  r1, #5
    str  r1, [r0, #0x14]        @ CLKDIVN 1:4:8
    mrc  p15, 0, r1, c1, c0, 0
    orr  r1, r1, #0xc0000000
    mcr  p15, 0, r1, c1, c0, 0
    ldr  r1, =((56 << 12) | (2 << 4) | 2)
    str  r1, [r0, #8]
    nop; nop; nop; nop; nop; nop; nop
    ldr  r1, =((127 << 12) | (2 << 4) | 1)
    str  r1, [r0, #4]
    mov  r0, #0x48000000        @ memory controller: 64 MiB SDRAM in bank 6, 16 bit DM9000 in bank 4
    adr  r2, memcfg
    mov  r3, #13
1:  ldr  r1, [r2], #4
    str  r1, [r0], #4
    subs r3, r3, #1
    bne  1b
    mov  r0, #0x56000000
    ldr  r1, =0x2afaaa
    str  r1, [r0, #0x70]        @ GPHCON: UART pins
    ldr  r1, =0x8000
    str  r1, [r0, #0x50]        @ GPFCON: EINT7
    mov  r0, #0x50000000
    mov  r1, #3
    str  r1, [r0]
    ldr  r1, =0x245
    str  r1, [r0, #4]
    mov  r1, #26
    str  r1, [r0, #0x28]
    mov  r1, #'N'
    bl   putc
    mov  r11, #0x4e000000       @ NAND controller on
    ldr  r1, =0x1410
    str  r1, [r11]
    mov  r1, #1                 @ MODE=1, nFCE low (selected)
    str  r1, [r11, #4]
    mov  r1, #0xff              @ reset
    strb r1, [r11, #8]
    bl   ready
    mov  r1, #0x90              @ read id
    strb r1, [r11, #8]
    mov  r1, #0
    strb r1, [r11, #0xc]
    ldrb r1, [r11, #0x10]
    ldrb r10, [r11, #0x10]      @ device id: 0x76 = small pages
    ldr  r9, =KOFF
    ldr  r8, =ZIMAGE
    ldr  r7, =KSIZE
    add  r7, r7, r8
    cmp  r10, #0x76
    moveq r6, #9
    movne r6, #11
page:
    mov  r1, #0
    strb r1, [r11, #8]          @ read, column 0
    strb r1, [r11, #0xc]
    cmp  r6, #9
    strneb r1, [r11, #0xc]      @ large pages: second column cycle
    mov  r2, r9, lsr r6         @ row
    strb r2, [r11, #0xc]
    mov  r2, r2, lsr #8
    strb r2, [r11, #0xc]
    mov  r2, r2, lsr #8
    cmp  r6, #9
    streqb r2, [r11, #0xc]      @ 64 MiB small page: 3 row cycles
    beq  2f
    cmp  r10, #0xf1             @ 128 MiB: 2 row cycles, bigger chips: 3
    strneb r2, [r11, #0xc]
    mov  r1, #0x30
    strb r1, [r11, #8]
2:  bl   ready
    mov  r3, #1
    mov  r3, r3, lsl r6
    add  r9, r9, r3
3:  ldr  r1, [r11, #0x10]       @ data, 4 bytes at a time
    str  r1, [r8], #4
    subs r3, r3, #4
    bne  3b
    cmp  r8, r7
    blo  page
    mov  r1, #3                 @ deselect, controller stays on
    str  r1, [r11, #4]
    mov  r0, #0x50000000
    mov  r1, #0x42
    bl   putc
    adr  r4, tags
    ldr  r2, =0x30000100
    mov  r6, r2
    ldr  r5, [r4], #4
4:  ldr  r3, [r4], #4
    str  r3, [r6], #4
    subs r5, r5, #1
    bne  4b
    mov  r0, #0
    ldr  r1, =1999
    ldr  r3, =ZIMAGE
    mov  pc, r3
ready:
    ldr  r1, [r11, #0x20]       @ NFSTAT bit 0 = R/B
    tst  r1, #1
    beq  ready
    mov  pc, lr
putc:
    ldr  r2, [r0, #0x10]
    tst  r2, #4
    beq  putc
    strb r1, [r0, #0x20]
    mov  pc, lr
    .ltorg
    .align 2
memcfg:
    .word 0x22111110, 0x700, 0x700, 0x700, 0x700, 0x700, 0x700, 0x18005, 0x18005, 0x8e04eb, 0xb1, 0x30, 0x30
tags:                               @ how many words, and they
    .word (tags_end - tags) / 4 - 1
    .word 5, 0x54410001, 0, 0x1000, 0
    .word 4, 0x54410002, 0x04000000, 0x30000000
    .word 2 + (cmdline_end - cmdline) / 4, 0x54410009
cmdline:
    .asciz CMDLINE
    .align 2
cmdline_end:
    .word 0, 0
tags_end:
