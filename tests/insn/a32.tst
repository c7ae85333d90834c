# ARM integer instructions: tests/unit/test-arm-insn.c runs these.
#
# encoding | assembler | before | after        words: tests/arm-text.h
#
# Registers not named under "after" must keep their value.  An encoding of four
# digits is T16.  Code is at 20010000, data at 20030000.  A model of v6 (arm1136,
# c1.U set) in User mode unless said otherwise; no exc: it ran to the end.

# -- Data processing: A2.2.1 AddWithCarry, Shift_C ------------------------------
e0910002 | adds r0, r1, r2 | r1=ffffffff r2=1 | r0=0 nzcv=0110
e0910002 | adds r0, r1, r2 | r1=7fffffff r2=1 | r0=80000000 nzcv=1001
e0910002 | adds r0, r1, r2 | r1=80000000 r2=80000000 | r0=0 nzcv=0111
e2910000 | adds r0, r1, #0: no carry | r1=ffffffff nzcv=0011 | r0=ffffffff nzcv=1000
e2910102 | adds r0, r1, #0x80000000 | r1=80000000 | r0=0 nzcv=0111
e2910001 | adds r0, r1, #1 | r1=7fffffff | r0=80000000 nzcv=1001
e2910001 | adds r0, r1, #1 | r1=ffffffff | r0=0 nzcv=0110
e1510002 | cmp r1, r2 | r1=80000000 r2=1 | nzcv=0011
e1510002 | cmp r1, r2 | r1=1 r2=2 | nzcv=1000
e1510002 | cmp r1, r2 | r1=2 r2=2 nzcv=1001 | nzcv=0110
e1710002 | cmn r1, r2 | r1=1 r2=ffffffff | nzcv=0110
e3710000 | cmn r1, #0 | r1=0 nzcv=1011 | nzcv=0100
e0b10002 | adcs r0, r1, r2 | r1=ffffffff r2=0 nzcv=0010 | r0=0 nzcv=0110
e0b10002 | adcs r0, r1, r2 | r1=7fffffff r2=ffffffff nzcv=0010 | r0=7fffffff nzcv=0010
e0a10002 | adc r0, r1, r2 | r1=5 r2=6 nzcv=0010 | r0=c
e0d10002 | sbcs r0, r1, r2 | r1=0 r2=0 nzcv=0000 | r0=ffffffff nzcv=1000
e0d10002 | sbcs r0, r1, r2 | r1=0 r2=0 nzcv=0010 | r0=0 nzcv=0110
e0d10002 | sbcs r0, r1, r2 | r1=80000000 r2=0 nzcv=0000 | r0=7fffffff nzcv=0011
e0c10002 | sbc r0, r1, r2 | r1=9 r2=2 nzcv=0000 | r0=6
e0f10002 | rscs r0, r1, r2 | r1=2 r2=9 nzcv=0000 | r0=6 nzcv=0010
e0710002 | rsbs r0, r1, r2 | r1=2 r2=1 | r0=ffffffff nzcv=1000
e0010002 | and r0, r1, r2 | r1=ff r2=f0f nzcv=1111 | r0=f
e1d10002 | bics r0, r1, r2 | r1=ff r2=ff nzcv=1011 | r0=0 nzcv=0111
e1f00001 | mvns r0, r1 | r1=0 nzcv=0101 | r0=ffffffff nzcv=1001
e1310002 | teq r1, r2 | r1=7 r2=7 nzcv=1011 | nzcv=0111
e3b00000 | movs r0, #0: no rotation, C stays | r0=1 nzcv=1011 | r0=0 nzcv=0111
e3b004ff | movs r0, #0xff000000: C is bit 31 | nzcv=0000 | r0=ff000000 nzcv=1010
e3b00c01 | movs r0, #0x100: C is bit 31 | nzcv=0010 | r0=100 nzcv=0000

# -- Shifts by a number: A8.4.3 --------------------------------------------------
e1b00081 | lsls r0, r1, #1 | r1=80000001 | r0=2 nzcv=0010
e1b00001 | movs r0, r1: LSL #0 is no shift | r1=80000001 nzcv=0010 | r0=80000001 nzcv=1010
e1b00021 | lsrs r0, r1, #32 | r1=80000001 | r0=0 nzcv=0110
e1b00041 | asrs r0, r1, #32 | r1=80000001 | r0=ffffffff nzcv=1010
e1b00061 | rrxs r0, r1 | r1=80000001 nzcv=0010 | r0=c0000000 nzcv=1010
e1b00061 | rrxs r0, r1 | r1=2 nzcv=0000 | r0=1 nzcv=0000
e1b000e1 | rors r0, r1, #1 | r1=1 | r0=80000000 nzcv=1010
e1b00fc1 | asrs r0, r1, #31 | r1=40000000 | r0=0 nzcv=0110

# -- Shifts by a register: only bits 7:0 count, 32 and more shift all out ---------
e1b00211 | lsls r0, r1, r2: by 0 | r1=80000001 r2=100 nzcv=0010 | r0=80000001 nzcv=1010
e1b00211 | lsls r0, r1, r2: by 32 | r1=80000001 r2=20 | r0=0 nzcv=0110
e1b00211 | lsls r0, r1, r2: by 33 | r1=ffffffff r2=21 nzcv=0010 | r0=0 nzcv=0100
e1b00211 | lsls r0, r1, r2: by 31 | r1=3 r2=1f | r0=80000000 nzcv=1010
e1b00231 | lsrs r0, r1, r2: by 32 | r1=80000001 r2=20 | r0=0 nzcv=0110
e1b00231 | lsrs r0, r1, r2: by 255 | r1=ffffffff r2=ff nzcv=0010 | r0=0 nzcv=0100
e1b00231 | lsrs r0, r1, r2: by 0 | r1=2 r2=0 nzcv=0010 | r0=2 nzcv=0010
e1b00251 | asrs r0, r1, r2: by 200 | r1=80000000 r2=c8 | r0=ffffffff nzcv=1010
e1b00251 | asrs r0, r1, r2: by 4 | r1=80000018 r2=4 | r0=f8000001 nzcv=1010
e1b00271 | rors r0, r1, r2: by 32, C is bit 31 | r1=80000001 r2=20 | r0=80000001 nzcv=1010
e1b00271 | rors r0, r1, r2: by 0 | r1=1 r2=0 nzcv=0010 | r0=1 nzcv=0010
e1b00271 | rors r0, r1, r2: by 36 | r1=18 r2=24 | r0=80000001 nzcv=1010
e1a00211 | lsl r0, r1, r2: by 40 | r1=1 r2=28 | r0=0
e1a00251 | asr r0, r1, r2: by 40 | r1=ffff0000 r2=28 | r0=ffffffff
e0810312 | add r0, r1, r2, lsl r3 | r1=1 r2=2 r3=4 | r0=21

# -- PC ---------------------------------------------------------------------------
e1a0000f | mov r0, pc: + 8 | | r0=20010008
e28f0f01 | add r0, pc, #4 | | r0=2001000c
e24ff004 e3a00001 | sub pc, pc, #4: the next one | | r0=1
e1a0f001 | mov pc, r1: bits 1:0 do not count | r1=20030003 [0]=000000ef | pc=20030000 exc=swi
e1a0f001 | mov pc, r1: a loop that is one block, six rounds beside its data | r1=20030000 r2=6 r4=20030100 r5=20030200 [0]=043094e4043085e4012052e2fbffff1a000000ef [100]=010000000200000003000000040000000500000006000000 | r2=0 r3=6 r4=20030118 r5=20030218 nzcv=0110 pc=20030010 exc=swi [200]=010000000200000003000000040000000500000006000000
e1a0f001 | mov pc, r1: left in its second round | r1=20030000 r2=2 r4=20030100 r5=20030104 [0]=043094e4043085e4012052e2fbffff1a000000ef [100]=010000000200000003000000 | r2=0 r3=1 r4=20030108 r5=2003010c nzcv=0110 pc=20030010 exc=swi [104]=0100000001000000
e12fff11 | bx r1 to T16 | r1=20030001 [0]=00df | t=1 pc=20030000 exc=swi
e12fff31 | blx r1 | r1=20030001 [0]=00df | t=1 pc=20030000 exc=swi lr=20010004
e591f000 | ldr pc, [r1]: v5 changes state | r1=20030000 [0]=09000320 [8]=00df | t=1 pc=20030008 exc=swi
e591f000 | ldr pc, [r1]: v4 does not | model=arm920t c1=0 r1=20030000 [0]=09000320 [8]=000000ef | pc=20030008 exc=swi
e591f000 | ldr pc, [r1]: nor with c1.L4 | c1=408000 r1=20030000 [0]=09000320 [8]=000000ef | pc=20030008 exc=swi
eb000000 ef000000 e3a00001 | bl over one | | lr=20010004 r0=1
fa000000 ef000000 df00df00 | blx imm to T16 | | lr=20010004 t=1 pc=20010008 exc=none
fb000000 ef000000 df00df00 | blx imm, H is 2 | | lr=20010004 t=1 pc=2001000a exc=none

# -- Conditions: A8.3 ---------------------------------------------------------------
03a00001 | moveq | nzcv=0100 | r0=1
03a00001 | moveq, not | nzcv=1011 |
23a00001 | movcs | nzcv=0010 | r0=1
33a00001 | movcc | nzcv=1101 | r0=1
43a00001 | movmi | nzcv=1000 | r0=1
53a00001 | movpl, not | nzcv=1000 |
63a00001 | movvs | nzcv=0001 | r0=1
73a00001 | movvc, not | nzcv=0001 |
83a00001 | movhi | nzcv=0010 | r0=1
83a00001 | movhi, Z | nzcv=0110 |
93a00001 | movls, C clear | nzcv=0000 | r0=1
a3a00001 | movge | nzcv=1001 | r0=1
b3a00001 | movlt | nzcv=0001 | r0=1
c3a00001 | movgt | nzcv=1001 | r0=1
c3a00001 | movgt, Z | nzcv=0100 |
d3a00001 | movle | nzcv=1000 | r0=1
e1510002 03a00001 13a00002 | cmp; moveq; movne | r1=5 r2=5 | r0=1 nzcv=0110
e1510002 01530004 03a00001 | cmp; cmpeq; moveq: second taken | r1=1 r2=1 r3=2 r4=3 | nzcv=1000
e1510002 01530004 13a00001 | cmp; cmpeq: second not taken | r1=1 r2=2 r3=3 r4=3 | nzcv=1000 r0=1
e1510002 02511001 | cmp; subseq | r1=1 r2=1 | r1=0 nzcv=0110
e1510002 05930000 02833004 | cmp; ldreq; addeq: one jump | r1=1 r2=1 r3=20030000 [0]=78563412 | nzcv=0110 r0=12345678 r3=20030004
e1510002 05930000 02833004 | cmp; ldreq; addeq: over both | r1=1 r2=0 r3=1 | nzcv=0010
e1510002 c1110001 c3a00001 | cmp; tstgt; movgt: flags are new | r1=80000000 r2=0 nzcv=0000 | nzcv=1010
0a000000 e3a00001 | beq over | nzcv=0100 |
e1110002 1a000000 e3a00001 | tst; bne: C and V stay | r1=1 r2=2 nzcv=1011 | r0=1 nzcv=0111
f3a00001 | condition 1111 is no condition | | pc=20010000 exc=undef

# -- Multiplies ---------------------------------------------------------------------
e0100291 | muls r0, r1, r2: C and V stay | r1=ffffffff r2=2 nzcv=0011 | r0=fffffffe nzcv=1011
e0203291 | mla r0, r1, r2, r3 | r1=3 r2=4 r3=5 | r0=11
e0810392 | umull r0, r1, r2, r3 | r2=ffffffff r3=ffffffff | r0=1 r1=fffffffe
e0d10392 | smulls r0, r1, r2, r3 | r2=ffffffff r3=2 | r0=fffffffe r1=ffffffff nzcv=1000
e0910392 | umulls: Z is of all 64, N of bit 63 | r2=80000000 r3=2 nzcv=1100 | r0=0 r1=1 nzcv=0000
e0a10392 | umlal | r0=ffffffff r1=1 r2=1 r3=1 | r0=0 r1=2
e0f10392 | smlals to zero | r0=1 r1=0 r2=ffffffff r3=1 | r0=0 r1=0 nzcv=0100
e0410392 | umaal r0, r1, r2, r3 | r0=ffffffff r1=ffffffff r2=ffffffff r3=ffffffff | r0=ffffffff r1=ffffffff
e1000281 e3a04001 | smlabb r0, r1, r2, r0 with overflow | r0=7fffffff r1=1 r2=1 | r0=80000000 q=1 r4=1
e16002a1 | smultb r0, r1, r2 | r1=80000000 r2=2 | r0=ffff0000
e12032c1 | smlawt r0, r1, r2, r3 | r1=10000 r2=20000 r3=1 | r0=3
e12002a1 | smulwb r0, r1, r2 | r1=80000000 r2=8000 | r0=40000000
e14103c2 | smlalbt r0, r1, r2, r3 | r0=ffffffff r1=0 r2=1 r3=10000 | r0=0 r1=1
e7003211 | smlad: both 8000 * 8000 set Q | r1=80008000 r2=80008000 r3=0 | r0=80000000 q=1
e700f231 | smuadx r0, r1, r2 | r1=30002 r2=50007 | r0=1f
e700f251 | smusd r0, r1, r2 | r1=30002 r2=50007 | r0=ffffffff
e7410312 | smlald r0, r1, r2, r3 | r0=0 r1=0 r2=8000ffff r3=80000001 | r0=3fffffff r1=0
e7410352 | smlsld r0, r1, r2, r3 | r0=0 r1=0 r2=10002 r3=30004 | r0=5
e7503211 | smmla | r1=40000000 r2=4 r3=5 | r0=6
e7503231 | smmlar rounds | r1=40000000 r2=2 r3=5 | r0=6
e75032d1 | smmls | r1=1 r2=1 r3=5 | r0=4
e750f231 | smmulr | r1=80000000 r2=1 | r0=0
e7803211 | usada8 | r1=ff00ff00 r2=00ff00ff r3=1 | r0=3fd

# -- Saturation ------------------------------------------------------------------------
e1020051 | qadd r0, r1, r2 | r1=7fffffff r2=1 | r0=7fffffff q=1
e1220051 | qsub r0, r1, r2 | r1=80000000 r2=1 | r0=80000000 q=1
e1420051 | qdadd: the doubling saturates | r1=80000000 r2=7fffffff | r0=ffffffff q=1
e1620051 | qdsub | r1=0 r2=80000000 | r0=7fffffff q=1
e1020051 | qadd without | r1=1 r2=2 q=1 | r0=3
e6a70011 | ssat r0, #8, r1 | r1=80 | r0=7f q=1
e6a70011 | ssat r0, #8, r1 | r1=ffffff7f | r0=ffffff80 q=1
e6bf0011 | ssat r0, #32, r1 | r1=80000000 | r0=80000000
e6a70051 | ssat r0, #8, r1, asr #32 | r1=80000000 | r0=ffffffff
e6e80011 | usat r0, #8, r1 | r1=ffffffff | r0=0 q=1
e6e80011 | usat r0, #8, r1 | r1=fe | r0=fe
e6e00011 | usat r0, #0, r1 | r1=1 | r0=0 q=1
e6af0f31 | ssat16 r0, #16, r1 | r1=80007fff | r0=80007fff
e6a70f31 | ssat16 r0, #8, r1 | r1=80007fff | r0=ff80007f q=1
e6e80f31 | usat16 r0, #8, r1 | r1=80000100 | r0=ff q=1

# -- Parallel ----------------------------------------------------------------------------
e6110f12 | sadd16: GE of each half | r1=7fffffff r2=10001 | r0=80000000 ge=f
e6110f12 | sadd16 | r1=8000ffff r2=10000 | r0=8001ffff ge=0
e6510f12 | uadd16: GE is the carry | r1=ffff0001 r2=10001 | r0=2 ge=c
e6510f72 | usub16: GE is no borrow | r1=10001 r2=20001 | r0=ffff0000 ge=3
e6510ff2 | usub8 | r1=01020304 r2=01030204 | r0=ff0100 ge=b
e6510f92 | uadd8 | r1=ff01ff01 r2=01010101 | r0=00020002 ge=a
e6110f32 | sasx | r1=00050005 r2=00010002 | r0=70004 ge=f
e6110f52 | ssax | r1=00050005 r2=00010002 | r0=30006 ge=f
e6210f12 | qadd16 | r1=7fff8000 r2=0001ffff | r0=7fff8000
e6610ff2 | uqsub8 | r1=01020304 r2=02020202 | r0=00000102
e6710f92 | uhadd8 | r1=ff00ff00 r2=ff000100 | r0=ff008000
e6310f72 | shsub16 | r1=80000000 r2=7fff0001 | r0=8000ffff
e6810fb2 | sel | r1=11223344 r2=55667788 ge=5 | r0=55227744

# -- Packing and extension --------------------------------------------------------------
e6810812 | pkhbt r0, r1, r2, lsl #16 | r1=1111aaaa r2=2222bbbb | r0=bbbbaaaa
e6810852 | pkhtb r0, r1, r2, asr #16 | r1=1111aaaa r2=2222bbbb | r0=11112222
e6810052 | pkhtb r0, r1, r2, asr #32 | r1=1111aaaa r2=8222bbbb | r0=1111ffff
e6af0071 | sxtb r0, r1 | r1=80 | r0=ffffff80
e6af0871 | sxtb r0, r1, ror #16 | r1=800000 | r0=ffffff80
e6bf0071 | sxth r0, r1 | r1=8000 | r0=ffff8000
e68f0071 | sxtb16 r0, r1 | r1=00800080 | r0=ff80ff80
e6cf0471 | uxtb16 r0, r1, ror #8 | r1=aabbccdd | r0=aa00cc
e6f10072 | uxtah r0, r1, r2 | r1=1 r2=ffffffff | r0=10000
e6810072 | sxtab16: no carry between | r1=0000ffff r2=00010001 | r0=10000
e6bf0f31 | rev | r1=11223344 | r0=44332211
e6bf0fb1 | rev16 | r1=11223344 | r0=22114433
e6ff0fb1 | revsh | r1=1180 | r0=ffff8011
e16f0f11 | clz | r1=1 | r0=1f
e16f0f11 | clz of 0 | r1=0 r0=5 | r0=20

# -- Loads and stores ---------------------------------------------------------------------
e5910004 | ldr r0, [r1, #4] | r1=20030000 [4]=78563412 | r0=12345678
e5b10004 | ldr r0, [r1, #4]! | r1=20030000 [4]=78563412 | r0=12345678 r1=20030004
e4910004 | ldr r0, [r1], #4 | r1=20030000 [0]=78563412 | r0=12345678 r1=20030004
e5110004 | ldr r0, [r1, #-4] | r1=20030004 [0]=78563412 | r0=12345678
e4911004 | ldr r1, [r1], #4: the load wins | r1=20030000 [0]=78563412 | r1=12345678
e7910102 | ldr r0, [r1, r2, lsl #2] | r1=20030000 r2=1 [4]=78563412 | r0=12345678
e7110062 | ldr r0, [r1, -r2, rrx] | r1=20030004 r2=8 nzcv=0000 [0]=78563412 | r0=12345678
e7b10002 | ldr r0, [r1, r2]! | r1=20030000 r2=4 [4]=01 | r0=1 r1=20030004
e59f0000 ef000000 12345678 | ldr r0, [pc] | | r0=12345678
e5c10001 | strb r0, [r1, #1] | r0=1234 r1=20030000 | [1]=34
e5d10001 | ldrb | r1=20030000 [1]=ff | r0=ff
e1d100d1 | ldrsb r0, [r1, #1] | r1=20030000 [1]=80 | r0=ffffff80
e1d100f2 | ldrsh r0, [r1, #2] | r1=20030000 [2]=0080 | r0=ffff8000
e1d100b2 | ldrh r0, [r1, #2] | r1=20030000 [2]=0080 | r0=8000
e0d100b2 | ldrh r0, [r1], #2 | r1=20030000 [0]=3412 | r0=1234 r1=20030002
e18100b2 | strh r0, [r1, r2] | r0=12345678 r1=20030000 r2=6 | [6]=7856
e5810000 | str r0, [r1] | r0=12345678 r1=20030000 | [0]=78563412
e5a10008 | str r0, [r1, #8]! | r0=1 r1=20030000 | [8]=01 r1=20030008
e581f000 | str pc, [r1]: + 8 | r1=20030000 | [0]=08000120
e1c100d8 | ldrd r0, [r1, #8] | r1=20030000 [8]=0100000002 | r0=1 r1=2
e1c120f8 | strd r2, [r1, #8] | r1=20030000 r2=1 r3=2 | [8]=0100000002
e1c110d8 | ldrd of an odd register | r1=20030000 | pc=20010000 exc=undef
e4b10004 | ldrt | r1=20030000 [0]=01 | r0=1 r1=20030004
e1010092 | swp r0, r2, [r1] | r1=20030000 r2=1 [0]=02 | r0=2 [0]=01
e1410092 | swpb r0, r2, [r1] | r1=20030001 r2=101 [0]=0203 | r0=3 [0]=0201
f5d1f000 | pld of nothing | r1=1 |

# -- Alignment (DDI 0100I, table A2-10) ----------------------------------------------------
e5910000 | ldr, c1.U: any address | r1=20030001 [0]=0102030405 | r0=5040302
e5910000 | ldr, v5: rotated | model=arm926 c1=0 r1=20030001 [0]=0102030405 | r0=1040302
e5910000 | ldr, v5: rotated by 24 | model=arm926 c1=0 r1=20030003 [0]=0102030405 | r0=3020104
e5810000 | str, v5: bits 1:0 ignored | model=arm926 c1=0 r0=1 r1=20030007 | [4]=01
e1d100b0 | ldrh, v5: bit 0 ignored | model=arm926 c1=0 r1=20030001 [0]=010203 | r0=201
e1010092 | swp, v5: rotated | model=arm926 c1=0 r1=20030001 r2=11223344 [0]=01020304 | r0=1040302 [0]=44332211
e8910005 | ldm, v5: bits 1:0 ignored | model=arm926 c1=0 r1=20030003 [0]=0100000002 | r0=1 r2=2
e8a10005 | stm!, v5 | model=arm926 c1=0 r1=20030003 r0=1 r2=2 | [0]=0100000002 r1=2003000b
e5910000 | ldr, c1.A | model=arm926 c1=2 r1=20030002 | pc=20010000 exc=dabt far=20030002 fsr=1
e5810000 | str, c1.A | model=arm926 c1=2 r1=20030002 | pc=20010000 exc=dabt far=20030002 fsr=1
e1d100b0 | ldrh, c1.A | model=arm926 c1=2 r1=20030003 | pc=20010000 exc=dabt far=20030003 fsr=1
e5d10000 | ldrb, c1.A | model=arm926 c1=2 r1=20030003 [3]=07 | r0=7
e1c100d0 | ldrd, c1.A: 8 | model=arm926 c1=2 r1=20030004 | pc=20010000 exc=dabt far=20030004 fsr=1
e1c100d0 | ldrd, c1.U: 4 | r1=20030004 [4]=0100000002 | r0=1 r1=2
e1c100d0 | ldrd, c1.U: not 2 | r1=20030002 | pc=20010000 exc=dabt far=20030002 fsr=1
e8b1000c | ldm!, c1.U: base restored | r1=20030002 | pc=20010000 exc=dabt far=20030002 fsr=1

# -- Byte order (v6) -------------------------------------------------------------------------
e5910000 | ldr, E | e=1 r1=20030000 [0]=01020304 | r0=1020304
e1c100b2 | strh, E | e=1 r0=1234 r1=20030000 | [2]=1234
e8910005 | ldm, E | e=1 r1=20030000 [0]=0000000100000002 | r0=1 r2=2
f1010200 e5910000 | setend be; ldr | r1=20030000 [0]=01020304 | r0=1020304 e=1
f1010000 e5910000 | setend le; ldr | e=1 r1=20030000 [0]=01020304 | r0=4030201 e=0

# -- Block transfer -----------------------------------------------------------------------------
e8b1000d | ldmia r1!, {r0, r2, r3} | r1=20030000 [0]=010000000200000003 | r0=1 r2=2 r3=3 r1=2003000c
e991000c | ldmib r1, {r2, r3} | r1=20030000 [4]=0200000003 | r2=2 r3=3
e8310005 | ldmda r1!, {r0, r2} | r1=20030004 [0]=0100000002 | r0=1 r2=2 r1=2002fffc
e9310005 | ldmdb r1!, {r0, r2} | r1=20030008 [0]=0100000002 | r0=1 r2=2 r1=20030000
e8910003 | ldmia r1, {r0, r1} | r1=20030000 [0]=0100000002 | r0=1 r1=2
e92d4001 | push {r0, lr} | r0=1 lr=2 | sp=200307f8 [7f8]=0100000002
e8bd8001 | pop {r0, pc} to T16 | [800]=0100000009000320 [8]=00df | r0=1 sp=20030808 t=1 pc=20030008 exc=swi
e8a10007 | stmia r1!, {r0, r1, r2} | r0=1 r1=20030000 r2=2 | [0]=010000000000032002 r1=2003000c
e8910000 | ldm of nothing | r1=20030000 | pc=20010000 exc=undef

# -- Status registers ------------------------------------------------------------------------------
e10f0000 | mrs r0, cpsr | nzcv=1010 q=1 ge=5 | r0=a8050010
e128f000 | msr cpsr_f, r0 | r0=f8000000 | nzcv=1111 q=1
e12cf000 | msr cpsr_fs, r0: GE | r0=5a0f0000 | nzcv=0101 q=1 ge=f
e129f000 | msr cpsr_fc in User mode: flags only | r0=800000d3 | nzcv=1000
e121f000 | msr cpsr_c, privileged | mode=13 r0=92 | mode=12 i=1 sp=0
e10f0000 e3800080 e121f000 | mrs; orr; msr cpsr_c | mode=13 | r0=93 i=1
e14f0000 | mrs r0, spsr | mode=13 spsr=60000010 | r0=60000010
e16ff000 | msr spsr_fsxc, r0 | mode=13 r0=600000d2 | spsr=600000d2
e1500001 e10f2000 | cmp; mrs sees lazy flags | r0=1 r1=2 | nzcv=1000 r2=80000010
e1500001 e10f2000 e1530004 ea000000 e1a00000 c3a05001 | cmp; mrs; cmp; in another block: movgt | r0=1 r1=2 r3=2 r4=1 | nzcv=0010 r2=80000010 r5=1
e1500001 f10c0080 e1530004 ea000000 e1a00000 c3a05001 | cmp; cpsid; cmp; movgt | mode=13 r0=1 r1=2 r3=2 r4=1 | nzcv=0010 i=1 r5=1
e1500001 010f2000 e1530004 ea000000 e1a00000 c3a05001 | cmp; mrseq; cmp; movgt | r0=1 r1=2 r3=2 r4=1 | nzcv=0010 r5=1
f10c0080 | cpsid i | mode=13 | i=1
f1080080 | cpsie i | mode=13 i=1 | i=0
f10c0080 | cpsid i in User mode: nothing | |
e1b0f00e | movs pc, lr: CPSR is SPSR | mode=13 spsr=60000030 lr=20030009 [8]=00df | nzcv=0110 mode=10 t=1 pc=20030008 spsr=0 sp=0 lr=0 exc=swi
e25ef004 | subs pc, lr, #4 | mode=12 i=1 spsr=80000013 lr=20030004 [0]=000000ef | nzcv=1000 mode=13 i=0 pc=20030000 spsr=0 sp=0 lr=0 exc=swi
e8d16001 | ldm r1, {r0, sp, lr}^ of User mode | mode=13 r1=20030000 [0]=010000000200000003 | r0=1

# -- Exclusives (v6) --------------------------------------------------------------------------------
e1910f9f e1812f93 | ldrex; strex | r1=20030000 r3=7 r2=5 [0]=01 | r0=1 r2=0 [0]=07
e1812f93 | strex without | r1=20030000 r3=7 | r2=1
e1910f9f f57ff01f e1812f93 | ldrex; clrex; strex | r1=20030000 r3=7 [0]=01 | r0=1 r2=1
e1b14f9f e1a12f96 | ldrexd; strexd | r1=20030000 r6=1 r7=2 [0]=0500000006 | r4=5 r5=6 r2=0 [0]=0100000002
e1910f9f | ldrex must be aligned | r1=20030002 | pc=20010000 exc=dabt far=20030002 fsr=1

# -- Exceptions, coprocessors -------------------------------------------------------------------------
e7f000f0 | udf | | pc=20010000 exc=undef
ef123456 | svc | | pc=20010000 exc=swi
e1200070 | bkpt | | pc=20010000 exc=pabt far=20010000 fsr=2
ee000000 | cdp p0 | | pc=20010000 exc=undef
ed910000 | ldc p0 | r1=20030000 | pc=20010000 exc=undef
ee100f10 | mrc p15, 0, r0, c0, c0, 0 in User mode | | pc=20010000 exc=undef
0e000010 | mcreq p0, not taken | nzcv=0000 |

# -- What a model does not have is UNDEFINED ------------------------------------------------------------
e16f0f11 | clz on v4 | model=arm920t c1=0 | pc=20010000 exc=undef
e12fff31 | blx on v4 | model=arm920t c1=0 r1=20030000 | pc=20010000 exc=undef
e1020051 | qadd on v4 | model=arm920t c1=0 | pc=20010000 exc=undef
e6bf0f31 | rev on v5 | model=arm926 c1=0 | pc=20010000 exc=undef
f10c0080 | cps on v5 | model=arm926 c1=0 mode=13 | pc=20010000 exc=undef
fa000000 | blx imm on v4 | model=arm920t c1=0 | pc=20010000 exc=undef
e12fff11 | bx on v4 | model=arm920t c1=0 r1=20030001 [0]=00df | t=1 pc=20030000 exc=swi
e16f0f11 | clz on v5 | model=arm926 c1=0 r1=100 | r0=17
4788 | blx r1 on v4 | model=arm920t c1=0 r1=20030001 | pc=20010000 exc=undef t=1
ba08 | rev on v5 | model=arm926 c1=0 | pc=20010000 exc=undef

# -- T16 -----------------------------------------------------------------------------------------------
1888 | adds r0, r1, r2 | r1=ffffffff r2=1 | r0=0 nzcv=0110
1c48 | adds r0, r1, #1 | r1=7fffffff | r0=80000000 nzcv=1001
1a88 | subs r0, r1, r2 | r1=1 r2=2 | r0=ffffffff nzcv=1000
2005 | movs r0, #5: C and V stay | nzcv=1111 | r0=5 nzcv=0011
2805 | cmp r0, #5 | r0=5 | nzcv=0110
3001 | adds r0, #1 | r0=ffffffff | r0=0 nzcv=0110
3801 | subs r0, #1 | r0=0 | r0=ffffffff nzcv=1000
0048 | lsls r0, r1, #1 | r1=c0000000 nzcv=0001 | r0=80000000 nzcv=1011
0848 | lsrs r0, r1, #1 | r1=1 | r0=0 nzcv=0110
1008 | asrs r0, r1, #32 | r1=80000000 | r0=ffffffff nzcv=1010
4088 | lsls r0, r1 | r0=1 r1=20 | r0=0 nzcv=0110
41c8 | rors r0, r1 | r0=1 r1=1 | r0=80000000 nzcv=1010
4148 | adcs r0, r1 | r0=1 r1=1 nzcv=0010 | r0=3 nzcv=0000
4188 | sbcs r0, r1 | r0=5 r1=1 nzcv=0000 | r0=3 nzcv=0010
4248 | rsbs r0, r1, #0 | r1=1 | r0=ffffffff nzcv=1000
4348 | muls r0, r1, r0 | r0=3 r1=5 nzcv=0011 | r0=f nzcv=0011
43c8 | mvns r0, r1 | r1=0 | r0=ffffffff nzcv=1000
4488 | add r8, r1 | r1=1 r8=2 nzcv=1111 | r8=3
4588 | cmp r8, r1 | r8=1 r1=2 | nzcv=1000
4678 | mov r0, pc: + 4 | | r0=20010004
4687 | mov pc, r0: bit 0 does not count | r0=20030001 [0]=00df | pc=20030000 exc=swi
4700 | bx r0 to A32 | r0=20030000 [0]=000000ef | t=0 pc=20030000 exc=swi
4780 | blx r0 | r0=20030000 [0]=000000ef | t=0 pc=20030000 exc=swi lr=20010003
46c0 4801 46c0 df00 5678 1234 | nop; ldr r0, [pc, #4]: PC aligned | | r0=12345678
a001 | adr r0, . + 8 | | r0=20010008
46c0 a001 | nop; adr: PC aligned | | r0=20010008
6848 | ldr r0, [r1, #4] | r1=20030000 [4]=01 | r0=1
7048 | strb r0, [r1, #1] | r0=ff r1=20030000 | [1]=ff
8848 | ldrh r0, [r1, #2] | r1=20030000 [2]=3412 | r0=1234
5e88 | ldrsh r0, [r1, r2] | r1=20030000 r2=2 [2]=0080 | r0=ffff8000
5688 | ldrsb r0, [r1, r2] | r1=20030000 r2=2 [2]=80 | r0=ffffff80
9001 | str r0, [sp, #4] | r0=1 | [804]=01
a801 | add r0, sp, #4 | | r0=20030804
b082 | sub sp, #8 | | sp=200307f8
b501 | push {r0, lr} | r0=1 lr=2 | sp=200307f8 [7f8]=0100000002
bd01 | pop {r0, pc} | [800]=0100000008000320 [8]=000000ef | r0=1 sp=20030808 t=0 pc=20030008 exc=swi
bd01 | pop {r0, pc} on v4 stays in T16 | model=arm920t c1=0 [800]=0100000008000320 [8]=00df | r0=1 sp=20030808 pc=20030008 exc=swi
c10c | stmia r1!, {r2, r3} | r1=20030000 r2=1 r3=2 | [0]=0100000002 r1=20030008
c90c | ldmia r1!, {r2, r3} | r1=20030000 [0]=0100000002 | r1=20030008 r2=1 r3=2
c902 | ldmia r1, {r1}: no write-back | r1=20030000 [0]=01 | r1=1
d000 2001 | beq over | nzcv=0100 |
f000 f802 df00 df00 2001 | bl + 4 | | lr=20010005 r0=1
f000 e802 df00 df00 ef000000 | blx | | lr=20010005 t=0 pc=20010008
f7ff 2001 | the first half alone | | lr=2000f004 r0=1 nzcv=0000
b248 | sxtb r0, r1 | r1=80 | r0=ffffff80
ba08 | rev r0, r1 | r1=11223344 | r0=44332211
b658 5888 | setend be; ldr r0, [r1, r2] | r1=20030000 [0]=01020304 | r0=1020304 e=1
be01 | bkpt | | pc=20010000 exc=pabt far=20010000 fsr=2
de00 | udf | | pc=20010000 exc=undef
e800 | 11101 with bit 0 clear is BLX, with LR | lr=20030000 [0]=000000ef | lr=20010003 t=0 pc=20030000 exc=swi
e801 | with bit 0 set it is nothing | | pc=20010000 exc=undef
