/* SPDX-License-Identifier: MIT */
/* Commands about networks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/command.h"
#include "net/net-options.h"
#include "net/slirp.h"

void cmd_set_link(Monitor *mon, const Args *a)
{
    NetClient *nc = net_find(a->v[0].s);
    const char *how = a->v[1].s;
    bool up = !strcmp(how, "on") || !strcmp(how, "up");

    if (!nc) {
        monitor_printf(mon, "set_link: there is no '%s', see info network\n", a->v[0].s);
    } else if (!up && strcmp(how, "off") && strcmp(how, "down")) {
        monitor_printf(mon, "set_link: '%s' is neither on nor off\n", how);
    } else {
        net_set_link(nc, up);
    }
}

/* [NETWORK] RULE */
static void forward(Monitor *mon, const Args *a,
                    int (*fn)(const char *name, const char *rule, Error *err))
{
    const char *first = a->v[0].s, *second = a->v[1].given ? a->v[1].s : NULL;
    Error err;

    if (fn(second ? first : NULL, second ? second : first, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_hostfwd_add(Monitor *mon, const Args *a)
{
    forward(mon, a, user_net_forward);
}

void cmd_hostfwd_remove(Monitor *mon, const Args *a)
{
    forward(mon, a, user_net_unforward);
}

void cmd_netdev_add(Monitor *mon, const Args *a)
{
    Error err;

    if (net_add_backend(a->v[0].s, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_netdev_del(Monitor *mon, const Args *a)
{
    Error err;

    if (net_del_backend(a->v[0].s, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void info_network(Monitor *mon, const Args *a)
{
    (void)a;
    net_dump(monitor_put, mon);
}

void info_usernet(Monitor *mon, const Args *a)
{
    (void)a;
    user_net_dump(monitor_put, mon);
}
