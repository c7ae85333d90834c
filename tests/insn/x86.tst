# i386 in user mode: tests/unit/test-x86-insn.c runs these, tests/fuzz/fuzz-x86 prints such.
#
# bytes | assembler | before | after        words: tests/x86-text.h
#
# Code is at 20010100 (cs=2f: offset 100 of 20010000), data at 20030000.  What is not
# named under "after" stays as before; no exc: it ran to the end.

# -- Integers: flags that are defined for one case only ------------------------
d1e0 | shl eax, 1 | eax=c0000000 | eax=80000000 eflags=287
d1e0 | shl eax, 1 | eax=40000000 | eax=80000000 eflags=a86
d0d0 | rcl al, 1 | eax=80 eflags=203 | eax=1 eflags=a03
c0d009 | rcl al, 9: nothing moves | eax=a5 eflags=203 | eflags=203/f7ff
c0d009 | rcl al, 9: nothing moves | eax=a5 eflags=202 | eflags=202/f7ff
66c1d811 | rcr ax, 17 | eax=1234 eflags=203 | eflags=203/f7ff
c1e020 | shl eax, 32 is by 0 | eax=5 eflags=ad7 |
f7f3 | div by zero | ebx=0 eax=7 | eip=20010100 exc=0:0
f7f3 | quotient of 33 bits | ebx=1 edx=1 | eip=20010100 exc=0:0
f7fb | idiv 80000000 / -1 | eax=80000000 edx=ffffffff ebx=ffffffff | eip=20010100 exc=0:0
f6fb | idiv -128 / -1 | eax=ff80 ebx=ff | eip=20010100 exc=0:0
d400 | aam 0 | eax=7 | eip=20010100 exc=0:0
0fbcc3 | bsf of 0 keeps the destination | eax=77 | eflags=242/242

# -- Stack and segments --------------------------------------------------------
0e | push cs moves 16 bits | esp=200309d8 [9d4]=11223344 | esp=200309d4 [9d4]=2300
cd01 | int 1 is refused, its gate is the system's | | eip=20010100 exc=d:a
f1 | int1 is not | | eip=20010101 exc=1:0
cd03 | int 3 | | eip=20010102 exc=3:0
cc | int3 | | eip=20010101 exc=3:0
ce | into | eflags=a02 | eip=20010101 exc=4:0
8e0b | mov cs, [ebx]: not even looked at | ebx=0 | eip=20010100 exc=6:0
8e3b | no segment register 7 | ebx=0 | eip=20010100 exc=6:0
0f22f5 | mov cr6 does not exist | | eip=20010100 exc=6:0
0f22d8 | mov cr3, eax is privileged | | eip=20010100 exc=d:0
0f01c8 | monitor is for the system | | eip=20010100 exc=6:0
0f02d5 | lar, <19:16> are the limit's | ebp=21 | edx=cffb00 eflags=242
0f02d0 | lar of nothing | eax=0 eflags=242 edx=5 | eflags=202
8ed8 | mov ds, absent segment | eax=27 | eip=20010100 exc=b:24
8ed0 | mov ss, read-only segment | eax=1f | eip=20010100 exc=d:1c
8ed8 | mov ds, execute-only segment | eax=37 | eip=20010100 exc=d:34
658a4500 | byte behind a limit | ebp=3000 | eip=20010100 exc=d:0
658b4500 | the last byte is, too | ebp=2ffd | eip=20010100 exc=d:0
c8210101 | enter 1: the old frame, the new one | ebp=20030bd8 | esp=200306d7 ebp=200307fc [7f8]=fc070320d80b0320
ff65fd | jmp [ebp-3] across a page, second absent | ebp=20033000 | eip=20010100 exc=e:4 cr2=20033000

# -- Faults leave everything as it was ------------------------------------------
f3a5 | rep movsd stops at the page end | ecx=10 esi=20030000 edi=20031ff8 [0]=0102030405060708 | ecx=e esi=20030008 edi=20032000 eip=20010100 exc=e:7 cr2=20032000 [1ff8]=0102030405060708
fdf3aa | std; rep stosb down to the page end | ecx=10 eax=5a edi=20030002 eflags=202 | ecx=d edi=2002ffff eip=20010101 exc=e:6 cr2=2002ffff eflags=602 [0]=5a5a5a
f2af | repne scasd keeps the flags it found | eax=1 ecx=10 edi=20032ff8 eflags=a97 | ecx=e edi=20033000 eip=20010100 exc=e:4 cr2=20033000
f3a6 | repe cmpsb, different at once | ecx=10 esi=20030000 edi=20030010 [0]=01 | ecx=f esi=20030001 edi=20030011
66f26e | outs of nothing needs the right all the same | ecx=0 | eip=20010100 exc=d:0
6c | insb without the right | edi=0 | eip=20010100 exc=d:0
61 | popa of two absent pages: the first | esp=bfefffff | eip=20010100 exc=e:4 cr2=bfefffff

# -- Alignment ------------------------------------------------------------------
8b03 | eax, [ebx] at 3 with AC | ebx=20030003 eflags=40202 | eip=20010100 exc=11:0
66f3ad | rep lodsd | ecx=ff esi=7 eflags=40202 | eip=20010100 exc=11:0
db3b | fstp tbyte: 8 bytes | ebx=20030004 ftw=1 eflags=40202 | eip=20010100 exc=11:0
0f28c1 | movaps registers | xmm1=1:2 | xmm0=1:2
0f2803 | movaps memory | ebx=20030008 | eip=20010100 exc=d:0
0f1003 | movups memory | ebx=20030008 [8]=01 | xmm0=0:1
2e8a03 | a read in an execute-only segment | cs=37 ebx=20030008 | eip=20010100 exc=d:0
2e0fae3b | clflush there | cs=37 ebx=20030008 |

# -- x87 ------------------------------------------------------------------------
d8c1 | fadd, rounding up | fcw=b7f ftw=3 st0=3fff:8000000000000000 st1=3f00:8000000000000000 | fsw=220 st0=3fff:8000000000000001
ddc0 | ffree clears C1 | fsw=1a00 ftw=8 | fsw=1800 ftw=0
9b | fwait raises what is pending | fcw=37e fsw=8081 | eip=20010100 exc=10:0
d9d8 | D9 D8: no underflow | | fsw=800
ddd8 | DD D8: underflow | | fsw=841 st7=ffff:c000000000000000
d9fa | fsqrt of nothing | | fsw=41 ftw=1 st0=ffff:c000000000000000
d9fe | fsin | ftw=1 st0=4043:8000000000000000 | fsw=400
d8f1 | fdiv by zero | ftw=3 st0=3fff:8000000000000000 | fsw=4 st0=7fff:8000000000000000
d8f1 | fdiv by zero, unmasked | fcw=37b ftw=3 st0=3fff:8000000000000000 | fsw=8084
66dccb | unmasked underflow of an exact result | fcw=342 ftw=bf st0=0000:0000000800000000 st3=c011:802b1bbcb9fb8000 | fsw=8092 st3=dff7:802b1bbcb9fb8000
66d8d3 | fcom with a NaN, unmasked | fcw=350 ftw=ff st3=ffff:8000000000153952 | fsw=c581
d8fa | early exception, unmasked: no late one | fcw=364 ftw=ff st0=8000:39f50006b18fa4ec st2=7ffc:8000000000791e4f | fsw=8082
d905d0030320 | fld dword, denormal unmasked | fcw=37d [3d0]=a07c02 | fsw=b882 ftw=80 st0=3f7b:9f28000000000000

# -- MMX and SSE ----------------------------------------------------------------
0f77 | emms | fsw=6600 ftw=ff | fsw=4600 ftw=0
0f62d1 | punpckldq mm2, mm1 | | ftw=ff st2=ffff:0000000000000000
0f6213 | punpckldq mm2, [ebx] reads 4 bytes | ebx=20032ffc | ftw=ff st2=ffff:0000000000000000
0ff4d1 | pmuludq mm2, mm1 | st1=ffff:00000000ffffffff st2=ffff:12345678ffffffff | ftw=ff st2=ffff:fffffffe00000001
0f73d220 | psrlq mm2, 32 | st2=ffff:1122334455667788 | ftw=ff st2=ffff:0000000011223344
0f70d14e | pshufw mm2, mm1, 4e | st1=ffff:1111222233334444 | ftw=ff st2=ffff:3333444411112222
0fd7c1 | pmovmskb eax, mm1 | st1=ffff:80ff7f0001818000 | ftw=ff eax=c6
0f69d1 | punpckhwd mm2, mm1 | st1=ffff:aaaabbbbccccdddd st2=ffff:1111222233334444 | ftw=ff st2=ffff:aaaa1111bbbb2222
0f2a9995010320 | cvtpi2ps xmm, memory: no MMX state | ecx=0 |
0f7fff | movq mm7, mm7 with an exception pending | fcw=37e fsw=8081 | eip=20010100 exc=10:0
0f7f25ac040320 | movq memory, too | fcw=37e fsw=8081 st4=0000:1122334455667788 | eip=20010100 exc=10:0
0ff7e5 | maskmovq of no bytes faults | edi=aaaaaaaa | fsw=0 ftw=ff eip=20010100 exc=e:6 cr2=aaaaaaaa
f20fe6fc | cvtpd2dq, invalid unmasked, no inexact | mxcsr=1f00 xmm4=99bea532be990f74:f8e3811fafbe9af8 | mxcsr=1f01 eip=20010100 exc=13:0
0fae0d00100320f20f2cf7 | fxrstor unmasks, cvttsd2si raises | [1000]=40 [1018]=20 [1110]=c1ccf1faf134ee979f77fd6cdde0e91b | fcw=40 mxcsr=20 xmm7=1be9e0dd6cfd779f:97ee34f1faf1ccc1 eip=20010107 exc=13:0
660ff7ee | maskmovdqu | edi=20030000 xmm6=0:8000000000000080 xmm5=0:1122334455667788 | [0]=8800000000000011
d9f8 | fprem with a denormal, unmasked | fcw=34c fsw=0 ftw=ff st0=4032:800000000003fc13 st1=8000:0000000000200000 | fsw=8082
d9f8 | fprem of a NaN keeps C0 and C3 | fsw=4300 ftw=ff st0=ffff:c000000000000000 st1=4000:d49a784bcd1b8afe | fsw=4100
66d9e964d9ebd9f8 | fldl2t; fldpi; fprem | fsw=f00 ftw=fa | fsw=3941 ftw=fb st0=ffff:c000000000000000 st1=4000:d49a784bcd1b8afe
dd1b | fstp qword of nothing, unmasked, stores nothing | fcw=37e ebx=20030000 | fsw=80c1
9a0701012023008b03 | call far, stack at the end of 4 GiB: no #SS | esp=2 | eip=20010100 exc=e:6 cr2=fffffffe

# -- SSE4, AES: vectors of Intel's papers on AES-NI and PCLMULQDQ ----------------
660f38dcca | aesenc | xmm1=7b5b546573745665:63746f725d53475d xmm2=4869285368617929:5b477565726f6e5d | xmm1=a8311c2f9fdba3c5:8b104b58ded7e595
660f38ddca | aesenclast | xmm1=7b5b546573745665:63746f725d53475d xmm2=4869285368617929:5b477565726f6e5d | xmm1=c7fb881e938c5964:177ec42553fdc611
660f38deca | aesdec | xmm1=7b5b546573745665:63746f725d53475d xmm2=4869285368617929:5b477565726f6e5d | xmm1=138ac342faea2787:b58eb95eb730392a
660f38dfca | aesdeclast | xmm1=7b5b546573745665:63746f725d53475d xmm2=4869285368617929:5b477565726f6e5d | xmm1=c5a391ef6b317f95:d410637b72a593d0
660f38dbc9 | aesimc | xmm1=7b5b546573745665:63746f725d53475d xmm2=4869285368617929:5b477565726f6e5d | xmm1=627a6f6644b109c8:2b18330a81c3b3e5
660f3adfca01 | aeskeygenassist | xmm2=3c4fcf098815f7ab:a6d2ae2816157e2b | xmm1=01eb848beb848a01:3424b5e524b5e434
660f3a44ca00 | pclmulqdq | xmm1=7b5b546573745665:63746f725d53475d xmm2=4869285368617929:5b477565726f6e5d | xmm1=1d4d84c85c3440c0:929633d5d36f0451
f20f38f103f20f38f14304f20f38f04308f7d0 | crc32 of 123456789 | eax=ffffffff ebx=20030000 [0]=313233343536373839 | eax=e3069283
660f3a63ca00 | pcmpistri: the first b of aab | xmm1=0:62 xmm2=0:626161 eflags=202 | ecx=2 eflags=2c3
660f3a08ca00 | roundps to nearest: ties to even, signed zeros | xmm2=bf0000003f000000:3fc0000040200000 mxcsr=1f80 | xmm1=8000000000000000:4000000040000000 mxcsr=1fa0
660f3a0aca09 | roundss down, inexact not told | xmm1=1:2 xmm2=0:bf000000 mxcsr=1f80 | xmm1=1:bf800000
660f3a21ca4e | insertps: second to lane 0, others cleared | xmm1=1:2 xmm2=3333333322222222:1111111100000000 | xmm1=0:11111111
0f38f003 | movbe eax, [ebx] | ebx=20030000 [0]=12345678 | eax=12345678
66f20f38f1c3 | crc32 eax, bx | eax=0 ebx=ffff0001 | eax=13a29877

# -- 16-bit code, 64 KiB segments -----------------------------------------------
a5 | movsw | esi=10000 edi=20010 esp=5a7c0800 cs=2f ss=f ds=7 es=7 [0]=1234 | esi=10002 edi=20012 [10]=1234
8b07 | mov ax, [bx] | ebx=12340004 esp=5a7c0800 cs=2f ss=f ds=7 es=7 [4]=7856 | eax=5678
8b4602 | mov ax, [bp+2]: SS | ebp=ffff0002 esp=5a7c0800 cs=2f ss=f ds=7 es=7 [4]=7856 | eax=5678
678b03 | mov ax, [ebx], 32-bit address behind the limit | ebx=12340004 esp=5a7c0800 cs=2f ss=f ds=7 es=7 | eip=100 exc=d:0
50 | push ax wraps SP only | eax=1234 esp=5a7c0000 cs=2f ss=f ds=7 es=7 | eip=100 exc=e:6 cr2=2003fffe
f20fd0f60fc2155008032077660f153540060320f30f2c25e0000320 | cvttss2si to a pinned register | xmm6=baa4453c35be7fff:b66fc8c0962e8000 | esp=0 xmm2=ffffffffffffffff:ffffffffffffffff xmm6=0000000000000000:bb24453c00000000
8b06010783c60483c7044975f3 | a loop that is one block: two rounds | ecx=2 esi=20030000 edi=20030100 eflags=a97 [0]=0100000002000000 [100]=1000000020000000 | eax=2 ecx=0 esi=20030008 edi=20030108 eflags=246 [100]=1100000022000000
8b06010783c60483c7044975f3 | a loop that faults in its third round | ecx=10 esi=20030000 edi=20031ff8 eflags=a97 [0]=010000000200000003000000 [1ff8]=1000000020000000 | eax=3 ecx=e esi=20030008 edi=20032000 eflags=202 eip=20010102 exc=e:7 cr2=20032000 [1ff8]=1100000022000000
8b06010783c60483c7044975f3 | a loop across a page, seven rounds | ecx=7 esi=20030000 edi=20030ff4 [0]=01000000020000000300000004000000050000000600000007000000 [ff4]=10000000100000001000000010000000100000001000000010000000 | eax=7 ecx=0 esi=2003001c edi=20031010 eflags=246 [ff4]=11000000120000001300000014000000150000001600000017000000
8b06010783c60483c7044975f3 | a loop that reads what it wrote the round before | ecx=4 esi=20030000 edi=20030004 [0]=0100000002000000030000000400000005000000 | eax=a ecx=0 esi=20030010 edi=20030014 eflags=246 [4]=03000000060000000a0000000f000000
f20f5806f20f110783c6084975f2 | a sum in an XMM register, faults in its third round | ecx=10 esi=20032ff0 edi=20030000 eflags=a97 xmm0=0000000000000000:0000000000000000 [2ff0]=000000000000f03f000000000000f03f | ecx=e esi=20033000 eflags=202 eip=20010100 exc=e:4 cr2=20033000 xmm0=0000000000000000:4000000000000000 [0]=0000000000000040
