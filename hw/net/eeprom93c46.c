/* SPDX-License-Identifier: MIT */
#include "hw/net/eeprom93c46.h"

#include "util/log.h"

/* Table 1: start bit, opcode (2), address (6). */
enum { COMMAND_BITS = 1 + 2 + 6, OP_READ = 2 };

void eeprom_reset(Eeprom *e)
{
    e->clock = e->bits = 0;
    e->command = 0;
    e->out = 0xffffffff;
}

/* READ: a zero, then the word, high bit first; then the words that follow. */
static void run_command(Eeprom *e)
{
    if ((e->command >> 6 & 3) != OP_READ) {
        log_unimp("eeprom", "command %u", e->command >> 6 & 3);
        return;
    }
    e->out = (uint32_t)e->word[e->command % EEPROM_WORDS] << 15;
}

static void next_word(Eeprom *e)
{
    e->command = (uint16_t)((e->command & ~63) | ((e->command + 1) & 63));
    e->out = (uint32_t)e->word[e->command % EEPROM_WORDS] << 16;
    e->bits = COMMAND_BITS + 1;
}

static void rising_edge(Eeprom *e, bool di)
{
    if (e->bits == 0 && !di) {          /* waits for the start bit */
        return;
    }
    if (e->bits < COMMAND_BITS) {
        e->command = (uint16_t)(e->command << 1 | di);
        if (++e->bits == COMMAND_BITS) {
            run_command(e);
        }
        return;
    }
    e->out <<= 1;
    if (++e->bits == COMMAND_BITS + 17) {
        next_word(e);
    }
}

void eeprom_drive(Eeprom *e, bool cs, bool sk, bool di)
{
    bool rising = sk && !e->clock;

    if (!cs) {
        eeprom_reset(e);
    } else if (rising) {
        rising_edge(e, di);
    }
    e->clock = sk;
}

bool eeprom_out(const Eeprom *e)
{
    return e->out >> 31;
}

const VMField eeprom_vmstate[] = {
    VM_FIELD(Eeprom, clock),
    VM_FIELD(Eeprom, bits),
    VM_FIELD(Eeprom, command),
    VM_FIELD(Eeprom, out),
    VM_END
};
