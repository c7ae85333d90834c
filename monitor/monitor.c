/* SPDX-License-Identifier: MIT */
/*
 * From bytes to commands: the terminal, parsing of typed arguments, completion.
 *
 * "\n" of all output becomes CR LF on the way to a terminal.
 */
#include "monitor/monitor.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "block/block.h"
#include "monitor/command.h"
#include "monitor/expr.h"
#include "ui/console.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- Output ------------------------------------------------------------------ */

void monitor_put(void *opaque, const char *text)
{
    Monitor *mon = opaque;

    mon->put(mon->put_opaque, text);
}

void monitor_printf(Monitor *mon, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    monitor_put(mon, line);
}

void monitor_error(Monitor *mon, const Error *err)
{
    monitor_printf(mon, "%s\n", err->msg);
}

static void put_chr(void *opaque, const char *text)
{
    Monitor *mon = opaque;

    for (const char *nl; (nl = strchr(text, '\n')); text = nl + 1) {
        chr_write(mon->chr, text, (size_t)(nl - text));
        chr_write(mon->chr, "\r\n", 2);
    }
    chr_write(mon->chr, text, strlen(text));
}

/* -- CPUs -------------------------------------------------------------------- */

CPUState *monitor_cpu(Monitor *mon)
{
    CPUState *cpu = mon->ops.cpus ? cpus_get(mon->ops.cpus, mon->cpu) : NULL;

    if (!cpu) {
        monitor_printf(mon, "this machine has no CPU\n");
    }
    return cpu;
}

typedef struct RegisterQuery {
    const char *name;
    uint64_t val;
    bool found;
} RegisterQuery;

static void query_register(CPUState *cpu, void *opaque)
{
    RegisterQuery *q = opaque;

    q->found = cpu->common.ops->get_register(cpu, q->name, &q->val);
}

bool monitor_get_register(void *opaque, const char *name, uint64_t *val)
{
    Monitor *mon = opaque;
    CPUState *cpu = mon->ops.cpus ? cpus_get(mon->ops.cpus, mon->cpu) : NULL;
    RegisterQuery q = { .name = name };

    if (cpu && cpu->common.ops->get_register) {
        run_on_cpu(cpu, query_register, &q);
        *val = q.val;
    }
    return q.found;
}

/* -- Commands by name -------------------------------------------------------- */

/* Is name one of the words of "quit|q"? */
static bool name_matches(const char *names, const char *name, size_t len)
{
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, "|");

        if (n == len && !memcmp(p, name, n)) {
            return true;
        }
        p += n + (p[n] == '|');
    }
    return false;
}

const Command *command_find(const Command *table, const char *name, size_t len)
{
    for (const Command *c = table; c->name; c++) {
        if (len && name_matches(c->name, name, len)) {
            return c;
        }
    }
    return NULL;
}

/* -- Arguments --------------------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
    while (isspace((unsigned char)*p)) {
        p++;
    }
    return p;
}

/* A word, or "a word in quotes" with \" and \\ in it; NULL: no end quote. */
static char *take_word(const char **pp)
{
    const char *p = *pp;
    char *word = xmalloc(strlen(p) + 1), *out = word;
    bool quoted = *p == '"';

    for (p += quoted; *p && (quoted ? *p != '"' : !isspace((unsigned char)*p)); p++) {
        if (quoted && *p == '\\' && p[1]) {
            p++;
        }
        *out++ = *p;
    }
    *out = 0;
    if (quoted && *p != '"') {
        free(word);
        return NULL;
    }
    *pp = p + quoted;
    return word;
}

/* "/8xb": in any order */
static int take_format(const char **pp, Format *f, Error *err)
{
    const char *p = *pp + 1;

    if (isdigit((unsigned char)*p)) {
        f->count = (int)strtol(p, (char **)(uintptr_t)&p, 10);
    }
    for (; *p && !isspace((unsigned char)*p); p++) {
        switch (*p) {
        case 'x': case 'd': case 'u': case 'o': case 'c': case 'i':
            f->kind = *p;
            break;
        case 'b': f->size = 1; break;
        case 'h': f->size = 2; break;
        case 'w': f->size = 4; break;
        case 'g': f->size = 8; break;
        default:
            return error_set(err, EINVAL, "format: '%c' is none of x d u o c i, "
                             "b h w g", *p);
        }
    }
    *pp = p;
    return 0;
}

static int take_arg(Monitor *mon, char type, const char **pp, Arg *arg, Error *err)
{
    ExprEnv env = { monitor_get_register, mon };
    char *end;

    arg->given = true;
    switch (type) {
    case 'i':
        return expr_eval(pp, &env, &arg->i, err);
    case 'f':
        arg->f = strtod(*pp, &end);
        if (end == *pp) {
            return error_set(err, EINVAL, "a number is missing at '%s'", *pp);
        }
        *pp = end;
        return 0;
    default:
        arg->s = take_word(pp);
        return arg->s ? 0 : error_set(err, EINVAL, "an end quote is missing");
    }
}

/* One of the flags of this command, in any order. */
static bool take_flag(const Command *c, const char **pp, Args *a)
{
    const char *p = *pp;
    bool *flag = &a->flag;

    for (const char *t = c->args; *t == '-'; t += 3, flag = &a->flag2) {
        if (p[0] == '-' && p[1] == t[1] && (!p[2] || isspace((unsigned char)p[2]))) {
            *flag = true;
            *pp = p + 2;
            return true;
        }
    }
    return false;
}

static int parse_args(Monitor *mon, const Command *c, const char *p, Args *a, Error *err)
{
    int n = 0, ret = 0;

    for (const char *t = c->args; *t && ret == 0; t += strcspn(t, " ")) {
        t += strspn(t, " ");
        p = skip_blanks(p);
        if (*t == '-') {
            while (take_flag(c, &p, a)) {
                p = skip_blanks(p);
            }
        } else if (*t == '/') {
            ret = *p == '/' ? take_format(&p, &a->format, err) : 0;
        } else if (*p) {
            assert(n < COMMAND_MAX_ARGS);
            ret = take_arg(mon, *t, &p, &a->v[n++], err);
        } else if (t[1] != '?') {
            ret = error_set(err, EINVAL, "usage: %.*s %s",
                            (int)strcspn(c->name, "|"), c->name, c->usage);
        } else {
            break;
        }
    }
    p = skip_blanks(p);
    if (ret == 0 && *p) {
        ret = error_set(err, EINVAL, "'%s' is too much; usage: %.*s %s", p,
                        (int)strcspn(c->name, "|"), c->name, c->usage);
    }
    return ret;
}

static void run_line(Monitor *mon, const char *line)
{
    const char *p = skip_blanks(line);
    size_t len = strcspn(p, " \t/");
    const Command *c = command_find(commands, p, len);
    Args a = { .flag = false };
    Error err;

    if (!*p || *p == '#') {
        return;
    }
    if (!c) {
        monitor_printf(mon, "unknown command: '%.*s'\n", (int)strcspn(p, " \t"), p);
        return;
    }
    if (parse_args(mon, c, p + len, &a, &err) < 0) {
        monitor_error(mon, &err);
    } else {
        c->run(mon, &a);
    }
    for (int i = 0; i < COMMAND_MAX_ARGS; i++) {
        free(a.v[i].s);
    }
}

/* -- Completion -------------------------------------------------------------- */

static void complete_names(Completions *c, const Command *table)
{
    for (; table->name; table++) {
        char *name = xstrndup(table->name, strcspn(table->name, "|"));

        completions_add(c, name);
        free(name);
    }
}

static void complete_files(Completions *c)
{
    char *slash = strrchr(c->prefix, '/');
    int dir_len = slash ? (int)(slash - c->prefix) + 1 : 0;
    char *dir = xasprintf("%.*s", dir_len, c->prefix);
    DIR *d = opendir(dir_len ? dir : ".");
    struct stat st;

    for (struct dirent *e; d && (e = readdir(d));) {
        char *path = xasprintf("%s%s", dir, e->d_name);
        bool is_dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        char *word = xasprintf("%s%s", path, is_dir ? "/" : "");

        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
            completions_add(c, word);
        }
        free(word);
        free(path);
    }
    if (d) {
        closedir(d);
    }
    free(dir);
    if (c->num == 1 && c->match[0][strlen(c->match[0]) - 1] == '/') {
        c->suffix = 0;
    }
}

/* Only the last of "ctrl-alt-del" is being typed. */
static void complete_keys(Completions *c)
{
    char *dash = strrchr(c->prefix, '-');

    if (dash) {
        memmove(c->prefix, dash + 1, strlen(dash + 1) + 1);
    }
    for (const KeyName *k = key_names; k->name; k++) {
        completions_add(c, k->name);
    }
    c->suffix = 0;
}

static void complete_arg(Completions *c, char type)
{
    switch (type) {
    case 'F':
        complete_files(c);
        break;
    case 'B':
        for (BlockDriverState *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
            completions_add(c, blk_name(bs));
        }
        break;
    case 'K':
        complete_keys(c);
        break;
    default:
        break;
    }
}

/* The type letter of the n-th word behind the command; flags are skipped. */
static char arg_type(const Command *c, int n)
{
    for (const char *t = c->args; *t; t += strcspn(t, " ")) {
        t += strspn(t, " ");
        if (*t != '-' && *t != '/' && n-- == 0) {
            return *t;
        }
    }
    return 0;
}

static void complete(void *opaque, const char *left, Completions *c)
{
    const char *p = skip_blanks(left), *word = p;
    size_t len = strcspn(p, " ");
    int n = -1;                         /* arguments left of this word */

    (void)opaque;
    while (word[strcspn(word, " ")]) {
        n += word == p || (*word != '-' && *word != '/');
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    snprintf(c->prefix, sizeof(c->prefix), "%s", word);
    const Command *cmd = command_find(commands, p, len);
    if (word == p || (cmd && !strcmp(cmd->name, "help|?"))) {
        complete_names(c, commands);
    } else if (cmd && !strcmp(cmd->name, "info")) {
        complete_names(c, infos);
    } else if (cmd) {
        complete_arg(c, arg_type(cmd, n));
    }
}

/* -- The terminal ------------------------------------------------------------ */

static void line_put(void *opaque, const char *text)
{
    monitor_put(opaque, text);
}

static void line_done(void *opaque, const char *line)
{
    Monitor *mon = opaque;

    run_line(mon, line);
    readline_show(&mon->line);
}

static int can_receive(void *opaque)
{
    (void)opaque;
    return 4096;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    Monitor *mon = opaque;

    for (size_t i = 0; i < len; i++) {
        readline_byte(&mon->line, buf[i]);
    }
}

static void greet(Monitor *mon)
{
    if (!mon->greeted) {
        mon->greeted = true;
        monitor_printf(mon, "QEMU " CONFIG_VERSION
                       " monitor - type 'help' for more information\n");
    } else {
        monitor_put(mon, "\n");
    }
    readline_show(&mon->line);
}

static void event(void *opaque, ChrEvent e)
{
    Monitor *mon = opaque;

    if (e == CHR_EVENT_FOCUS || (e == CHR_EVENT_OPENED && !chr_is_mux(mon->chr))) {
        greet(mon);
    } else if (e == CHR_EVENT_CLOSED) {
        mon->greeted = false;           /* the next one is somebody else */
    }
}

/* -- Life -------------------------------------------------------------------- */

static void commit_all(void *opaque)
{
    (void)opaque;
    for (BlockDriverState *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        if (blk_is_inserted(bs) && !blk_is_read_only(bs)) {
            bdrv_commit(bs, NULL);
        }
    }
}

Monitor *monitor_new(CharDriverState *chr, const MonitorOps *ops)
{
    static const ChrHandlers handlers = { can_receive, receive, event };
    Monitor *mon = xzalloc(sizeof(*mon));

    mon->ops = *ops;
    mon->chr = chr;
    mon->put = put_chr;
    mon->put_opaque = mon;
    readline_init(&mon->line, "(qemu) ", mon);
    mon->line.put = line_put;
    mon->line.done = line_done;
    mon->line.complete = complete;
    chr_set_commit_handler(commit_all, NULL);
    chr_add_handlers(chr, &handlers, mon);
    return mon;
}

void monitor_free(Monitor *mon)
{
    if (mon) {
        sendkey_release();
        chr_add_handlers(mon->chr, NULL, mon);
        readline_free(&mon->line);
        free(mon);
    }
}

void monitor_exec(const MonitorOps *ops, const char *line,
                  void (*put)(void *opaque, const char *text), void *opaque)
{
    Monitor *mon = xzalloc(sizeof(*mon));

    mon->ops = *ops;
    mon->put = put;
    mon->put_opaque = opaque;
    run_line(mon, line);
    free(mon);
}
