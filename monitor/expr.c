/* SPDX-License-Identifier: MIT */
#include "monitor/expr.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

typedef struct Parser {
    const char *p;
    const ExprEnv *env;
    Error *err;
    int ret;                            /* the first error */
    int depth;
} Parser;

static uint64_t logic(Parser *s);

static uint64_t fail(Parser *s, int errnum, const char *what)
{
    if (!s->ret) {
        s->ret = error_set(s->err, errnum, "%s at '%s'", what, s->p);
    }
    return 0;
}

static void skip_blanks(Parser *s)
{
    while (isspace((unsigned char)*s->p)) {
        s->p++;
    }
}

/* Take one of `ops` if it comes next; 0: no. */
static char take(Parser *s, const char *ops)
{
    const char *q = s->p;

    while (isspace((unsigned char)*q)) {
        q++;
    }
    bool blank_before = q != s->p;
    bool blank_after = isspace((unsigned char)q[0] ? (unsigned char)q[1] : ' ');

    if (!*q || !strchr(ops, *q) || s->ret ||
        (blank_before && !blank_after && *q != ')')) {
        return 0;
    }
    s->p = q + 1;
    return *q;
}

static uint64_t number(Parser *s)
{
    char *end;

    errno = 0;
    uint64_t v = strtoull(s->p, &end, 0);
    if (end == s->p) {
        return fail(s, EINVAL, "a number is missing");
    }
    if (errno) {
        return fail(s, ERANGE, "the number has more than 64 bits");
    }
    s->p = end;
    return v;
}

static uint64_t reg(Parser *s)
{
    char name[32];
    size_t n = 0;
    uint64_t v = 0;

    s->p++;
    while (isalnum((unsigned char)s->p[n]) || s->p[n] == '_' || s->p[n] == '.') {
        n++;
    }
    if (n < sizeof(name)) {
        memcpy(name, s->p, n);
        name[n] = 0;
        if (s->env->get_register && s->env->get_register(s->env->opaque, name, &v)) {
            s->p += n;
            return v;
        }
    }
    return fail(s, ENOENT, "no such register");
}

static uint64_t unary(Parser *s)
{
    uint64_t v;

    skip_blanks(s);
    if (s->depth >= MAX_DEPTH) {
        return fail(s, E2BIG, "too deep");
    }
    s->depth++;
    switch (*s->p) {
    case '+': s->p++; v = unary(s); break;
    case '-': s->p++; v = 0 - unary(s); break;
    case '~': s->p++; v = ~unary(s); break;
    case '$': v = reg(s); break;
    case '(':
        s->p++;
        v = logic(s);
        if (!take(s, ")")) {
            fail(s, EINVAL, "')' is missing");
        }
        break;
    case '\'':
        if (!s->p[1] || s->p[2] != '\'') {
            v = fail(s, EINVAL, "a character is written 'c'");
        } else {
            v = (unsigned char)s->p[1];
            s->p += 3;
        }
        break;
    default:
        v = number(s);
        break;
    }
    s->depth--;
    return v;
}

static uint64_t prod(Parser *s)
{
    uint64_t v = unary(s);

    for (char op; (op = take(s, "*/%"));) {
        uint64_t w = unary(s);

        if (op == '*') {
            v *= w;
        } else if (!w) {
            return fail(s, EDOM, "division by zero");
        } else if (w == ~0ull) {        /* INT64_MIN / -1 would trap */
            v = op == '/' ? 0 - v : 0;
        } else {
            int64_t a = (int64_t)v, b = (int64_t)w;

            v = (uint64_t)(op == '/' ? a / b : a % b);
        }
    }
    return v;
}

static uint64_t sum(Parser *s)
{
    uint64_t v = prod(s);

    for (char op; (op = take(s, "+-"));) {
        uint64_t w = prod(s);

        v = op == '+' ? v + w : v - w;
    }
    return v;
}

static uint64_t logic(Parser *s)
{
    uint64_t v = sum(s);

    for (char op; (op = take(s, "&|^"));) {
        uint64_t w = sum(s);

        v = op == '&' ? v & w : op == '|' ? v | w : v ^ w;
    }
    return v;
}

int expr_eval(const char **p, const ExprEnv *env, int64_t *val, Error *err)
{
    Parser s = { .p = *p, .env = env, .err = err };
    uint64_t v = logic(&s);

    if (!s.ret) {
        *p = s.p;
        *val = (int64_t)v;
    }
    return s.ret;
}
