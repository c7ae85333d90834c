/* SPDX-License-Identifier: MIT */
#include "hw/net/nic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

/* "nic0" of the board, or the name the user gave, or "ne2k_pci.0". */
static char *choose_name(const Nic *n, const Device *d)
{
    if (n->info && n->info->name) {
        return xstrdup(n->info->name);
    }
    for (int i = 0;; i++) {
        char *name = xasprintf("%s.%d", d->type->name, i);

        if (!net_find(name)) {
            return name;
        }
        free(name);
    }
}

static int choose_mac(Nic *n, const Device *d, Error *err)
{
    static const uint8_t by_default[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

    memcpy(n->mac, n->info && n->info->has_mac ? n->info->mac : by_default, 6);
    if (n->mac_text && net_parse_mac(n->mac_text, n->mac, err) < 0) {
        return error_prefix(err, -EINVAL, "%s: mac", d->type->name);
    }
    return 0;
}

int nic_realize(Nic *n, Device *d, const NetOps *ops, Error *err)
{
    int ret = choose_mac(n, d, err);

    if (ret == 0 && n->info && n->info->nic) {
        ret = error_set(err, EBUSY, "%s: the network it is to use has a card already, %s",
                        d->type->name, net_name(n->info->nic));
    }
    if (ret < 0) {
        return ret;
    }
    char *name = choose_name(n, d);
    n->client = net_client_new(ops, d, name);
    free(name);
    if (!n->info) {
        return 0;
    }
    n->info->nic = n->client;
    return n->info->peer ? net_plug(n->client, n->info->peer, err) : 0;
}

void nic_free(Nic *n)
{
    if (n->info && n->info->nic == n->client) {
        n->info->nic = NULL;
    }
    net_client_free(n->client);
}

void nic_describe(const Nic *n, const Device *d, char *text, size_t room)
{
    char mac[18];

    net_format_mac(n->mac, mac);
    snprintf(text, room, "model=%s,macaddr=%s", d->type->name, mac);
}
