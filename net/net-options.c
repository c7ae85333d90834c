/* SPDX-License-Identifier: MIT */
#include "net/net-options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/net-int.h"
#include "net/slirp.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MAX_VLAN = 255, MAX_INFOS = 32 };

static const NetDriver *const drivers[] = {
    &net_user_driver, &net_tap_driver, &net_socket_driver, &net_hubport_driver,
    &net_dump_driver,
};

/* -- Settings ---------------------------------------------------------------- */

const char *net_arg(const NetArgs *a, const char *key)
{
    const char *value = NULL;

    for (int i = 0; i < a->num; i++) {
        if (!strcmp(a->item[i].key, key)) {
            value = a->item[i].value;
        }
    }
    return value;
}

const char *net_arg_next(const NetArgs *a, const char *key, int *i)
{
    while (*i < a->num) {
        int at = (*i)++;

        if (!strcmp(a->item[at].key, key)) {
            return a->item[at].value;
        }
    }
    return NULL;
}

int net_arg_bool(const NetArgs *a, const char *key, bool *val, Error *err)
{
    static const char *const words[][2] = { { "off", "on" }, { "no", "yes" }, { "n", "y" } };
    const char *s = net_arg(a, key);

    for (size_t i = 0; s && i < ARRAY_SIZE(words) * 2; i++) {
        if (!strcmp(s, words[i / 2][i % 2])) {
            *val = i % 2;
            return 0;
        }
    }
    return s ? error_set(err, EINVAL, "%s: %s=%s is neither on nor off", a->what, key, s) : 0;
}

int net_arg_number(const NetArgs *a, const char *key, unsigned max, unsigned *val, Error *err)
{
    const char *s = net_arg(a, key);
    char *end;

    if (!s) {
        return 0;
    }
    unsigned long v = strtoul(s, &end, 0);
    if (!isdigit((unsigned char)*s) || *end || v > max) {
        return error_set(err, EINVAL, "%s: %s=%s is not a number from 0 to %u", a->what, key,
                         s, max);
    }
    *val = (unsigned)v;
    return 0;
}

/* What an option was cut into: its first word and its settings. */
typedef struct Parsed {
    NetArgs args;
    char *copy, *kind, *what;
} Parsed;

/* Cut the first piece off at a comma; ",," is a comma in it. */
static char *next_piece(char **list)
{
    char *start = *list, *out = start;

    for (char *in = start; *in; in++) {
        if (*in == ',' && in[1] != ',') {
            *list = in + 1;
            *out = 0;
            return start;
        }
        in += *in == ',';
        *out++ = *in;
    }
    *list = NULL;
    *out = 0;
    return start;
}

static void parsed_free(Parsed *p)
{
    free(p->copy);
    free(p->what);
}

/* "user,key=value,flag" of option "-net" */
static int parse(Parsed *p, const char *option, const char *spec, Error *err)
{
    char *rest;

    *p = (Parsed){ .copy = xstrdup(spec) };
    rest = p->copy;
    p->kind = next_piece(&rest);
    p->what = xasprintf("%s %s", option, p->kind);
    p->args.what = p->what;
    while (rest) {
        char *item = next_piece(&rest), *eq = strchr(item, '=');

        if (p->args.num == NET_MAX_ARGS) {
            return error_set(err, E2BIG, "%s: more than %d settings", p->what, NET_MAX_ARGS);
        }
        if (eq) {
            *eq++ = 0;
        }
        p->args.item[p->args.num].key = item;
        p->args.item[p->args.num++].value = eq ? eq : "on";
    }
    return 0;
}

bool net_list_has(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *s = list; len && (s = strstr(s, word)) != NULL; s += len) {
        if ((s == list || s[-1] == ' ') && (!s[len] || s[len] == ' ')) {
            return true;
        }
    }
    return false;
}

/* Every key is among those of the driver or of the option itself. */
static int check_keys(const NetArgs *a, const char *own, const char *keys, Error *err)
{
    for (int i = 0; i < a->num; i++) {
        const char *key = a->item[i].key;

        if (!strcmp(key, "smb") || !strcmp(key, "smbserver")) {
            return error_set(err, ENOTSUP, "%s: %s= is not implemented, leave it out", a->what,
                             key);
        }
        if (!net_list_has(own, key) && !net_list_has(keys, key)) {
            return error_set(err, EINVAL, "%s: no setting '%s'; there are %s%s%s", a->what, key,
                             own, *keys ? " " : "", keys);
        }
    }
    return 0;
}

static const NetDriver *find_driver(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        if (!strcmp(drivers[i]->name, name)) {
            return drivers[i];
        }
    }
    return NULL;
}

/* -- NICs -------------------------------------------------------------------- */

static NICInfo infos[MAX_INFOS];
static int num_infos;
static char *backend_ids[MAX_INFOS];    /* netdev=ID an entry was made for */

static NICInfo *new_info(Error *err)
{
    if (num_infos == MAX_INFOS) {
        error_set(err, ENOSPC, "-net nic: more than %d network devices", MAX_INFOS);
        return NULL;
    }
    return &infos[num_infos++];
}

static bool mac_is_taken(const uint8_t mac[6])
{
    for (int i = 0; i < num_infos; i++) {
        if (infos[i].has_mac && !memcmp(infos[i].mac, mac, 6)) {
            return true;
        }
    }
    return false;
}

/* The classic range: 52:54:00:12:34:56 and up. */
static void choose_mac(NICInfo *info)
{
    uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

    while (mac_is_taken(mac)) {
        mac[5]++;
    }
    memcpy(info->mac, mac, 6);
    info->has_mac = true;
}

static int add_nic(NICInfo *nic[], const NetArgs *a, const char *mac_key, NICInfo **out,
                   Error *err)
{
    const char *mac = net_arg(a, mac_key), *model = net_arg(a, "model"),
               *name = net_arg(a, "name");
    int n = 0, ret = 0;

    while (n < NET_MAX_NICS && nic[n]) {
        n++;
    }
    if (n == NET_MAX_NICS) {
        return error_set(err, E2BIG, "%s: more than %d network devices", a->what, NET_MAX_NICS);
    }
    NICInfo *info = new_info(err);
    if (!info) {
        return -ENOSPC;
    }
    if (mac) {
        ret = net_parse_mac(mac, info->mac, err);
        if (ret == 0 && mac_is_taken(info->mac)) {
            ret = error_set(err, EEXIST, "two network devices have the address %s", mac);
        }
        info->has_mac = ret == 0;
    }
    info->model = model ? xstrdup(model) : NULL;
    info->name = name ? xstrdup(name) : NULL;
    nic[n] = *out = info;
    return ret < 0 ? error_prefix(err, ret, "%s", a->what) : 0;
}

NICInfo *net_nic_for(const char *id)
{
    NetClient *nc = net_find(id);
    int i = 0;

    while (i < num_infos && (!backend_ids[i] || strcmp(backend_ids[i], id))) {
        i++;
    }
    if (!nc || net_ops(nc)->is_nic) {
        return NULL;
    }
    if (i == num_infos) {
        if (!new_info(NULL)) {
            return NULL;
        }
        backend_ids[i] = xstrdup(id);
        choose_mac(&infos[i]);
    }
    infos[i].peer = nc;
    return &infos[i];
}

/* -- -net, -netdev, -nic ----------------------------------------------------- */

static int open_backend(NetClient **nc, const NetArgs *a, const char *kind, const char *name,
                        const char *own_keys, Error *err)
{
    const NetDriver *drv = find_driver(kind);

    if (!drv) {
        return error_set(err, EINVAL, "%s: there is no such network; there are user, tap, "
                         "socket, dump (-net only), hubport (-netdev only) and none", a->what);
    }
    if (name && net_find(name)) {
        return error_set(err, EEXIST, "%s: there is already something called '%s'", a->what,
                         name);
    }
    int ret = check_keys(a, own_keys, drv->keys, err);
    return ret < 0 ? ret : drv->open(nc, name, a, err);
}

static int plug_into_hub(NetClient *nc, unsigned hub, Error *err)
{
    return net_plug(nc, net_hub_port_new((int)hub, NULL), err);
}

/* What -tftp and -bootp say, where the network does not say itself. */
static void add_old_settings(const NetOptions *o, Parsed *p)
{
    const struct { const char *key, *value; } rows[] = {
        { "tftp", o->tftp }, { "bootfile", o->bootp },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!strcmp(p->kind, "user") && rows[i].value && !net_arg(&p->args, rows[i].key) &&
            p->args.num < NET_MAX_ARGS) {
            p->args.item[p->args.num].key = rows[i].key;
            p->args.item[p->args.num++].value = rows[i].value;
        }
    }
}

static int do_net_nic(const NetArgs *a, unsigned vlan, NICInfo *nic[], Error *err)
{
    const char *netdev = net_arg(a, "netdev");
    NICInfo *info = NULL;
    int ret = check_keys(a, "vlan macaddr model name netdev", "", err);

    ret = ret < 0 ? ret : add_nic(nic, a, "macaddr", &info, err);
    if (ret < 0) {
        return ret;
    }
    info->peer = netdev ? net_find(netdev) : net_hub_port_new((int)vlan, NULL);
    return info->peer ? 0 : error_set(err, ENOENT, "%s: there is no netdev '%s'", a->what,
                                      netdev);
}

static int do_net(const NetOptions *o, Parsed *p, NICInfo *nic[], Error *err)
{
    NetClient *nc = NULL;
    unsigned vlan = 0;
    int ret = net_arg_number(&p->args, "vlan", MAX_VLAN, &vlan, err);

    if (ret < 0 || !strcmp(p->kind, "none")) {
        return ret;
    }
    if (!strcmp(p->kind, "nic")) {
        return do_net_nic(&p->args, vlan, nic, err);
    }
    if (!strcmp(p->kind, "hubport")) {
        return error_set(err, EINVAL, "-net hubport: say vlan=N with each -net instead");
    }
    add_old_settings(o, p);
    ret = open_backend(&nc, &p->args, p->kind, net_arg(&p->args, "name"), "vlan name", err);
    return ret < 0 ? ret : plug_into_hub(nc, vlan, err);
}

static int do_netdev(const NetOptions *o, Parsed *p, NICInfo *nic[], Error *err)
{
    const char *id = net_arg(&p->args, "id");
    NetClient *nc;

    (void)nic;
    if (!id || !*id) {
        return error_set(err, EINVAL, "%s: want id=NAME", p->what);
    }
    if (!strcmp(p->kind, "dump")) {
        return error_set(err, EINVAL, "-netdev dump: say -net dump,vlan=N and use a hub");
    }
    add_old_settings(o, p);
    return open_backend(&nc, &p->args, p->kind, id, "id", err);
}

static int do_nic(const NetOptions *o, Parsed *p, NICInfo *nic[], Error *err)
{
    static const char own[] = "model mac name id";
    NICInfo *info = NULL;

    if (!strcmp(p->kind, "none")) {
        return 0;
    }
    add_old_settings(o, p);
    int ret = add_nic(nic, &p->args, "mac", &info, err);
    return ret < 0 ? ret : open_backend(&info->peer, &p->args, p->kind,
                                        net_arg(&p->args, "id"), own, err);
}

static int for_each(const NetOptions *o, const char *option, const char *const *list, int num,
                    int (*fn)(const NetOptions *, Parsed *, NICInfo *[], Error *),
                    NICInfo *nic[], Error *err)
{
    int ret = 0;

    for (int i = 0; ret == 0 && i < num; i++) {
        Parsed p;

        ret = parse(&p, option, list[i], err);
        ret = ret < 0 ? ret : fn(o, &p, nic, err);
        parsed_free(&p);
    }
    return ret;
}

/* The classic -redir tcp:HOSTPORT:[GUESTADDR]:GUESTPORT */
static int redirect(const char *spec, Error *err)
{
    const char *first = strchr(spec, ':'), *second = first ? strchr(first + 1, ':') : NULL;

    if (!second || !strchr(second + 1, ':')) {
        return error_set(err, EINVAL, "-redir %s: want [tcp|udp]:HOSTPORT:[GUESTADDR]:GUESTPORT",
                         spec);
    }
    char *rule = xasprintf("%.*s::%.*s-%s", (int)(first - spec), spec,
                           (int)(second - first - 1), first + 1, second + 1);
    int ret = user_net_forward(NULL, rule, err);

    free(rule);
    return ret < 0 ? error_prefix(err, ret, "-redir %s", spec) : 0;
}

static bool wants_default(const NetOptions *o)
{
    return o->board_has_nic && !o->nodefaults && !o->num_net && !o->num_netdev && !o->num_nic;
}

/* Without libslirp the default NIC has no cable. */
static int open_default(const NetOptions *o, NICInfo *nic[], Error *err)
{
    static const char *const both[] = { "nic", "user" };
#ifdef CONFIG_SLIRP
    const int num = 2;
#else
    const int num = 1;
#endif

    return for_each(o, "-net", both, num, do_net, nic, err);
}

int net_open_all(const NetOptions *o, NICInfo *nic[NET_MAX_NICS], Error *err)
{
    int ret = wants_default(o) ? open_default(o, nic, err) : 0;

    ret = ret < 0 ? ret : for_each(o, "-netdev", o->netdev, o->num_netdev, do_netdev, nic, err);
    ret = ret < 0 ? ret : for_each(o, "-net", o->net, o->num_net, do_net, nic, err);
    ret = ret < 0 ? ret : for_each(o, "-nic", o->nic, o->num_nic, do_nic, nic, err);
    for (int i = 0; ret == 0 && i < o->num_redir; i++) {
        ret = redirect(o->redir[i], err);
    }
    for (int i = 0; i < num_infos; i++) {
        if (!infos[i].has_mac) {
            choose_mac(&infos[i]);
        }
    }
    return ret;
}

void net_close_all(void)
{
    while (net_next(NULL)) {
        net_client_free(net_next(NULL));
    }
    for (int i = 0; i < num_infos; i++) {
        free(infos[i].model);
        free(infos[i].name);
        free(backend_ids[i]);
        backend_ids[i] = NULL;
    }
    memset(infos, 0, sizeof(infos));
    num_infos = 0;
}

/* -- Afterwards -------------------------------------------------------------- */

static void count_hub(int hub, int *num_nics, int *num_others)
{
    *num_nics = *num_others = 0;
    for (NetClient *nc = net_next(NULL); nc; nc = net_next(nc)) {
        if (net_hub_of(nc) == hub && net_peer(nc) && strcmp(net_ops(nc)->type, "hubport")) {
            *(net_ops(nc)->is_nic ? num_nics : num_others) += 1;
        }
    }
}

char *net_next_warning(int *i)
{
    while (*i <= MAX_VLAN) {
        int hub = (*i)++, num_nics, num_others;

        count_hub(hub, &num_nics, &num_others);
        if (num_others && !num_nics) {
            return xasprintf("vlan %d has no NIC, add -net nic", hub);
        }
        if (num_nics == 1 && !num_others) {
            return xasprintf("vlan %d has a NIC and nobody to talk to, add -net user", hub);
        }
    }
    return NULL;
}

int net_add_backend(const char *spec, Error *err)
{
    const NetOptions none = { .num_net = 0 };

    return for_each(&none, "netdev_add", &spec, 1, do_netdev, NULL, err);
}

int net_del_backend(const char *id, Error *err)
{
    NetClient *nc = net_find(id);

    bool in_vlan = nc && net_hub_of(nc) >= 0 && strcmp(net_ops(nc)->type, "hubport");

    if (!nc || net_ops(nc)->is_nic || in_vlan) {
        return error_set(err, ENOENT, "netdev_del: there is no netdev '%s', see info network",
                         id);
    }
    for (int i = 0; i < num_infos; i++) {
        if (infos[i].peer == nc) {
            infos[i].peer = NULL;
        }
    }
    net_client_free(nc);
    return 0;
}

/* -- -netdev hubport --------------------------------------------------------- */

static int open_hubport(NetClient **nc, const char *name, const NetArgs *a, Error *err)
{
    unsigned hub = 0;

    if (!net_arg(a, "hubid")) {
        return error_set(err, EINVAL, "%s: want hubid=N", a->what);
    }
    int ret = net_arg_number(a, "hubid", MAX_VLAN, &hub, err);
    if (ret == 0) {
        *nc = net_hub_port_new((int)hub, name);
    }
    return ret;
}

const NetDriver net_hubport_driver = {
    .name = "hubport",
    .keys = "hubid",
    .open = open_hubport,
};
