/* SPDX-License-Identifier: MIT */
/*
 * What one can ask of user networks beyond the frames: forwarding of host
 * ports, and their state.  Threads: with the global lock.
 */
#ifndef NET_SLIRP_H
#define NET_SLIRP_H

#include "util/error.h"

/* name NULL: the first user network there is. */
int user_net_forward(const char *name, const char *rule, Error *err);
/* rule: [tcp|udp]:[HOSTADDR]:HOSTPORT */
int user_net_unforward(const char *name, const char *rule, Error *err);
/* info usernet */
void user_net_dump(void (*put)(void *opaque, const char *text), void *opaque);

#endif
