/* SPDX-License-Identifier: MIT */
/* The gen_ functions of SSE4, AES and their companions (gen-sse4.c). */
#ifndef TARGET_I386_GEN_SSE4_H
#define TARGET_I386_GEN_SSE4_H

#include "target-i386/gen.h"

#define TWO(name, feature, bytes) GEN_DECLARE(name)
#define ONE(name, feature, bytes) GEN_DECLARE(name)
#define TWO_I(name, feature, bytes) GEN_DECLARE(name)
#define ONE_I(name, feature, bytes) GEN_DECLARE(name)
#define TWO_F(name, feature, bytes) GEN_DECLARE(name)
#define ONE_F(name, feature, bytes) GEN_DECLARE(name)
#include "target-i386/sse4-ops.def"

#define GEN_SSE4(G) \
    G(PBLENDVB) G(BLENDVPS) G(BLENDVPD) G(PTEST) G(DPPS) G(DPPD) G(INSERTPS) G(PINSRB) G(PINSRD) G(PEXTRB) \
    G(PEXTRW) G(PEXTRD) G(PCMPESTRM) G(PCMPESTRI) G(PCMPISTRM) G(PCMPISTRI) G(CRC32) G(POPCNT) G(MOVBE)

GEN_SSE4(GEN_DECLARE)

#endif
