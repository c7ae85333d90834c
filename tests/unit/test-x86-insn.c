/* SPDX-License-Identifier: MIT */
/*
 * tests/insn/x86.tst: instructions in user mode, one line each, on the back end
 * and on the interpreter.  The lines were recorded on a processor or follow
 * from the SDM; everything a line does not say must stay as it was.
 */
#include "tests/test.h"
#include "tests/x86-text.h"
#include "exec.h"

enum { LINE_MAX_LEN = 4096, CODE_AT = RIG_CODE + 0x100 };

static TextState before, after, got;

static char *field(char **p)
{
    char *start = *p;

    if (!start) {
        return NULL;
    }
    char *end = strchr(start, '|');

    *p = end ? end + 1 : NULL;
    if (end) {
        *end = '\0';
    }
    return start;
}

static bool parse_words(char *words, TextState *t)
{
    for (char *w = strtok(words, " \n"); w; w = strtok(NULL, " \n")) {
        if (!text_get(w, t)) {
            printf("# no such word: %s\n", w);
            return false;
        }
    }
    return true;
}

/* The bytes, then a jump to the exit. */
static bool put_code(const char *hex, bool code16)
{
    uint8_t *p = rig_ptr(CODE_AT);
    char digits[512];
    size_t len;

    if (sscanf(hex, " %511[0-9a-f]", digits) != 1 || !text_bytes(digits, p, 256)) {
        return false;
    }
    len = strlen(digits) / 2;
    p[len] = 0xe9;
    if (code16) {
        store_le(p + len + 1, RIG_EXIT16 - (CODE_AT + len + 3), 2);
    } else {
        store_le(p + len + 1, RIG_EXIT32 - (CODE_AT + len + 5), 4);
    }
    tb_flush(rig.env->common.exec->tbs);
    return true;
}

static bool parse(char *line)
{
    char *p = line, *bytes = field(&p), *text = field(&p), *pre = field(&p), *post = field(&p);

    text_default(&before.ctx);
    memset(before.data, 0, sizeof(before.data));
    before.eflags_mask = TEXT_EFLAGS;
    if (!text || !pre || !post || !parse_words(pre, &before)) {
        return false;
    }
    bool code16 = before.ctx.sel[R_CS] == SEL_CODE16;

    before.ctx.eip = code16 ? CODE_AT - RIG_CODE : CODE_AT;
    after = before;
    return put_code(bytes, code16) && parse_words(post, &after);
}

static void run(void)
{
    got.ctx = before.ctx;
    memcpy(rig_ptr(RIG_DATA), before.data, RIG_DATA_SIZE);
    rig_set(&before.ctx);
    rig_run(&got.ctx);
    memcpy(got.data, rig_ptr(RIG_DATA), RIG_DATA_SIZE);
    got.ctx.eflags &= after.eflags_mask;
    after.ctx.eflags &= after.eflags_mask;
    if (got.ctx.vector == -1) {
        got.ctx.eip = after.ctx.eip;
    }
    /* Pointers to the last x87 instruction are not this test's business. */
    memcpy(got.ctx.fx + FX_FOP, after.ctx.fx + FX_FOP, FX_MXCSR - FX_FOP);
    memcpy(got.ctx.fx + FX_MXCSR + 4, after.ctx.fx + FX_MXCSR + 4, 4);
}

static void run_line(const char *text, unsigned number)
{
    static char line[LINE_MAX_LEN];

    snprintf(line, sizeof(line), "%s", text);
    if (!parse(line)) {
        printf("# tests/insn/x86.tst:%u: cannot be read\n", number);
        CHECK(false);
        return;
    }
    run();
    bool same = !memcmp(&got.ctx, &after.ctx, sizeof(got.ctx)) &&
                !memcmp(got.data, after.data, sizeof(got.data));

    CHECK(same);
    if (!same) {
        printf("# tests/insn/x86.tst:%u: %s# wrong:", number, text);
        text_put(stdout, &got.ctx, &after.ctx, TEXT_EFLAGS);
        text_put_data(stdout, got.data, after.data, sizeof(got.data));
        printf("\n");
    }
}

static void run_file(const AccelOptions *o)
{
    static char line[LINE_MAX_LEN];
    FILE *f = fopen("tests/insn/x86.tst", "r");
    unsigned number = 0;

    if (!f) {
        TEST_SKIP("not run from the source directory");
    }
    rig_open(o, "core2duo,+popcnt,+sse4.1,+sse4.2,+aes,+pclmulqdq,+movbe");
    while (fgets(line, sizeof(line), f)) {
        number++;
        if (line[0] != '#' && line[0] != '\n') {
            run_line(line, number);
        }
    }
    CHECK(number > 50);
    fclose(f);
    rig_close();
}

TEST(lines_on_the_back_end)
{
    run_file(&(AccelOptions){ .tb_size = 8 << 20 });
}

TEST(lines_on_the_interpreter)
{
    run_file(&(AccelOptions){ .tb_size = 8 << 20, .interp = true });
}
