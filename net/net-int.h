/* SPDX-License-Identifier: MIT */
/*
 * Inside net/: a kind of back end, and the settings a user gave it.
 *
 * net-options.c cuts "user,hostname=x,..." into a NetArgs, refuses keys that
 * are not in the driver's list, and calls open(), which takes what it knows.
 */
#ifndef NET_NET_INT_H
#define NET_NET_INT_H

#include "net/net.h"

enum { NET_MAX_ARGS = 40 };

typedef struct NetArgs {
    const char *what;                   /* "-net user": messages begin so */
    struct { const char *key, *value; } item[NET_MAX_ARGS];
    int num;
} NetArgs;

/* The last value of a key, or NULL. */
const char *net_arg(const NetArgs *a, const char *key);
/* Each value of a key in turn: *i starts at 0; NULL at the end. */
const char *net_arg_next(const NetArgs *a, const char *key, int *i);
/* These leave *val alone if the key was not given. */
int net_arg_bool(const NetArgs *a, const char *key, bool *val, Error *err);
int net_arg_number(const NetArgs *a, const char *key, unsigned max, unsigned *val,
                   Error *err);

typedef struct NetDriver {
    const char *name;                   /* "user" */
    const char *keys;                   /* "hostname dns ...", blanks between */
    /* A new client, not plugged in yet; name may be NULL. */
    int (*open)(NetClient **nc, const char *name, const NetArgs *a, Error *err);
} NetDriver;

extern const NetDriver net_user_driver, net_tap_driver, net_socket_driver,
                       net_dump_driver, net_hubport_driver;

#endif
