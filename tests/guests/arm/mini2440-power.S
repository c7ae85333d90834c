/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A idle and sleep mode, without an operating system.  It is started as a
 * kernel, and after sleep mode where GSTATUS3 says.  Prints
 *
 *      1       GSTATUS2: power on
 *      :       INTOFFSET + '0' after idle mode: timer 0
 *      z       asleep now, until the RTC's alarm at the next second
 *      2       GSTATUS2: out of sleep mode
 *      K       SDRAM was kept
 *
 * and ends the emulator by semihosting, SYS_EXIT.
 */
        .equ    UART0, 0x50000000
        .equ    TIMERS, 0x51000000
        .equ    GPIO, 0x56000000
        .equ    RTC, 0x57000000
        .equ    INTC, 0x4a000000
        .equ    CLOCK, 0x4c000000
        .equ    KEPT, 0x30200000
        .text
        .global _start
_start:
        ldr     r0, =GPIO
        ldr     r1, [r0, #0xb4]         @ GSTATUS2
        add     r1, r1, #'0'
        bl      putc

        ldr     r0, =TIMERS             @ timer 0: once, after 100 ms
        mov     r1, #0xff
        str     r1, [r0]
        mov     r1, #3
        str     r1, [r0, #4]
        ldr     r1, =1236
        str     r1, [r0, #0xc]
        mov     r1, #2
        str     r1, [r0, #8]
        mov     r1, #1
        str     r1, [r0, #8]
        ldr     r2, =INTC
        mvn     r1, #(1 << 10)
        str     r1, [r2, #8]            @ INTMSK
        ldr     r3, =CLOCK
        ldr     r1, [r3, #0xc]
        orr     r1, r1, #4
        str     r1, [r3, #0xc]          @ CLKCON: idle
        mov     r4, #50                 @ it takes a while
1:      ldr     r1, [r3, #0xc]
        subs    r4, r4, #1
        bne     1b
        ldr     r1, [r2, #0x14]         @ INTOFFSET
        add     r1, r1, #'0'
        bl      putc
        ldr     r1, [r3, #0xc]
        bic     r1, r1, #4
        str     r1, [r3, #0xc]
        mvn     r1, #0
        str     r1, [r2, #8]

        ldr     r0, =RTC                @ alarm: the next second
        ldr     r1, [r0, #0x70]
        add     r1, r1, #1
        and     r2, r1, #15
        cmp     r2, #10
        addeq   r1, r1, #6
        cmp     r1, #0x60
        moveq   r1, #0
        str     r1, [r0, #0x54]
        mov     r1, #0x41
        str     r1, [r0, #0x50]
        ldr     r0, =GPIO
        adr     r1, resume
        str     r1, [r0, #0xb8]         @ GSTATUS3
        ldr     r4, =KEPT
        ldr     r5, =0x12345678
        str     r5, [r4]
        mov     r1, #'z'
        bl      putc
        ldr     r1, [r3, #0xc]
        orr     r1, r1, #8
        str     r1, [r3, #0xc]          @ CLKCON: sleep
2:      b       2b

resume:
        ldr     r0, =GPIO
        ldr     r1, [r0, #0xb4]
        add     r1, r1, #'0'
        bl      putc
        ldr     r4, =KEPT
        ldr     r5, =0x12345678
        ldr     r6, [r4]
        cmp     r5, r6
        moveq   r1, #'K'
        movne   r1, #'X'
        bl      putc
        mov     r1, #'\n'
        bl      putc
        mov     r0, #0x18
        ldr     r1, =0x20026
        swi     0x123456
3:      b       3b

putc:   ldr     r12, =UART0
        strb    r1, [r12, #0x20]
        mov     pc, lr
