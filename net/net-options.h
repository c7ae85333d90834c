/* SPDX-License-Identifier: MIT */
/*
 * What the user says about networks: -net, -netdev, -nic, -redir, -tftp, -bootp,
 * and the same later in the monitor.
 *
 *   -net nic,vlan=N,macaddr=,model=,name=      a NIC on hub N (0)
 *   -net user|tap|socket|dump,vlan=N,name=,... a back end on hub N
 *   -net none                                  nothing
 *   -netdev user|tap|socket|hubport,id=ID,...  a back end for -device ...,netdev=ID
 *   -nic user|tap|...,model=,mac=,...          a NIC and its back end
 *
 * Without any of them a board that has a NIC by default gets it, on hub 0 with
 * a user network.
 *
 * Threads: with the global lock.
 */
#ifndef NET_NET_OPTIONS_H
#define NET_NET_OPTIONS_H

#include "net/net.h"

typedef struct NetOptions {             /* as typed; lists may be NULL if empty */
    const char *const *net, *const *netdev, *const *nic, *const *redir;
    int num_net, num_netdev, num_nic, num_redir;
    const char *tftp, *bootp;           /* for each user network; or NULL */
    bool nodefaults;                    /* no NIC but what was asked for */
    bool board_has_nic;
} NetOptions;

/* Opens the back ends; nic[] gets what the board is to build.  On failure,
 * too, net_close_all() closes what is open. */
int net_open_all(const NetOptions *o, NICInfo *nic[NET_MAX_NICS], Error *err);
/* After the devices are gone. */
void net_close_all(void);

/* For -device NIC,netdev=ID: NULL if there is no such back end. */
NICInfo *net_nic_for(const char *id);
/* The sentence about hubs with a NIC but no back end and the reverse; NULL at
 * the end.  *i starts at 0; free it. */
char *net_next_warning(int *i);

/* A word of "ne2k_pci rtl8139". */
bool net_list_has(const char *list, const char *word);

/* netdev_add, netdev_del */
int net_add_backend(const char *spec, Error *err);
int net_del_backend(const char *id, Error *err);

#endif
