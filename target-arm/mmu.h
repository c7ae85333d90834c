/* SPDX-License-Identifier: MIT */
/*
 * Translation tables as they are in memory: what mmu.c walks, for tlb_fill and
 * for the monitor.
 */
#ifndef TARGET_ARM_MMU_H
#define TARGET_ARM_MMU_H

#include "target-arm/cpu.h"

/* Fault status, ARM ARM B4.6 */
typedef enum ArmFault {
    ARM_FAULT_NONE = 0, ARM_FAULT_ALIGN = 1,
    ARM_FAULT_SECTION_ACCESS = 3, ARM_FAULT_SECTION = 5, ARM_FAULT_PAGE_ACCESS = 6,
    ARM_FAULT_PAGE = 7, ARM_FAULT_SECTION_DOMAIN = 9, ARM_FAULT_PAGE_DOMAIN = 11,
    ARM_FAULT_EXTERNAL_1 = 12, ARM_FAULT_SECTION_RIGHTS = 13, ARM_FAULT_EXTERNAL_2 = 14,
    ARM_FAULT_PAGE_RIGHTS = 15,
} ArmFault;

typedef struct ArmPage {
    ArmFault fault;                     /* no translation, and why */
    hwaddr phys;                        /* of the address */
    uint32_t size;                      /* of the section or page */
    bool sub;                           /* rights differ within 4 KiB */
    uint8_t domain, ap;
    bool apx, xn, not_global, second_level;
} ArmPage;

bool arm_mmu_on(const CPUARMState *env);        /* or MPU */
/* The modified virtual address: ARM ARM B8.2. */
uint32_t arm_mva(const CPUARMState *env, uint32_t addr);
/* Translate an MVA; true if there is a translation.  Not with an MPU. */
bool arm_walk(CPUARMState *env, uint32_t mva, ArmPage *p);
/* PAGE_xxx of a page under these domains; *fault if that is 0. */
int arm_page_rights(const CPUARMState *env, const ArmPage *p, uint32_t dacr, bool priv,
                    ArmFault *fault);

/* An alignment fault, to be raised: CPUOps.unaligned. */
void arm_record_alignment(CPUARMState *env, uint32_t addr, MMUAccess access);

/* Forget what TLB maintenance names: all, or a page by its MVA. */
void arm_tlb_flush_mva(CPUARMState *env, uint32_t mva);

#endif
