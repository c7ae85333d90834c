/* SPDX-License-Identifier: MIT */
/*
 * tests/insn/a32.tst and vfp.tst: instructions, one line each, on the back end
 * and on the interpreter.  The lines follow from the manual; everything a line
 * does not say must stay as it was.
 */
#include "tests/test.h"
#include "tests/arm-text.h"

enum { LINE_MAX_LEN = 4096 };

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

/* Instructions of 8 digits, or of 4 in T16; then the end. */
static bool put_code(char *hex, bool *thumb)
{
    uint32_t at = RIG_CODE;
    unsigned size = 4;

    for (char *w = strtok(hex, " "); w; w = strtok(NULL, " ")) {
        size = strlen(w) / 2;
        *thumb = at == RIG_CODE ? size == 2 : *thumb;
        store_le(rig_ptr(at), strtoul(w, NULL, 16), size);
        at += size;
    }
    /* What a branch skips, and the end. */
    store_le(rig_ptr(at), size == 2 ? 0xdf00df00 : 0xef000000, 4);
    store_le(rig_ptr(at + 4), size == 2 ? 0xdf00df00 : 0xef000000, 4);
    tb_flush(rig.env->common.exec->tbs);
    return at > RIG_CODE;
}

static bool parse(char *line)
{
    char *p = line, *code = field(&p), *text = field(&p), *pre = field(&p), *post = field(&p);
    bool thumb = false;

    text_default(&before);
    if (!text || !pre || !post || !put_code(code, &thumb) || !parse_words(pre, &before)) {
        return false;
    }
    before.ctx.cpsr |= thumb ? CPSR_T : 0;
    after = before;
    return parse_words(post, &after);
}

static void run(void)
{
    static char model[16];

    if (strcmp(model, before.model)) {
        strcpy(model, before.model);
        rig.model = NULL;
        rig_set_model(model);
    }
    rig.env->cp15.sctlr = before.c1;
    memcpy(rig_ptr(RIG_DATA), before.data, RIG_DATA_SIZE);
    rig_set(&before.ctx);
    rig_run(&got.ctx);
    memcpy(got.data, rig_ptr(RIG_DATA), RIG_DATA_SIZE);
    if (got.ctx.excp == -1 && after.ctx.r[R_PC] == RIG_CODE) {
        got.ctx.r[R_PC] = RIG_CODE;     /* where the code ends needs no saying */
    }
    if (!(rig.env->features & ARM_VFP2)) {
        got.ctx.fpexc = after.ctx.fpexc;
    }
}

static void run_line(const char *file, const char *text, unsigned number)
{
    static char line[LINE_MAX_LEN];

    snprintf(line, sizeof(line), "%s", text);
    if (!parse(line)) {
        printf("# %s:%u: cannot be read\n", file, number);
        CHECK(false);
        return;
    }
    run();
    bool same = !memcmp(&got.ctx, &after.ctx, sizeof(got.ctx)) &&
                !memcmp(got.data, after.data, sizeof(got.data));

    CHECK(same);
    if (!same) {
        printf("# %s:%u: %s# wrong:", file, number, text);
        text_put(stdout, &got.ctx, &after.ctx);
        text_put_data(stdout, got.data, after.data, sizeof(got.data));
        printf("\n");
    }
}

static void run_file(const char *file, const AccelOptions *o)
{
    static char line[LINE_MAX_LEN];
    FILE *f = fopen(file, "r");
    unsigned number = 0;

    if (!f) {
        TEST_SKIP("not run from the source directory");
    }
    rig_open(o, "arm1136");
    while (fgets(line, sizeof(line), f)) {
        number++;
        if (line[0] != '#' && line[0] != '\n') {
            run_line(file, line, number);
        }
    }
    CHECK(number > 50);
    fclose(f);
    rig_close();
}

TEST(a32_on_the_back_end)
{
    run_file("tests/insn/a32.tst", &(AccelOptions){ .tb_size = 8 << 20 });
}

TEST(a32_on_the_interpreter)
{
    run_file("tests/insn/a32.tst", &(AccelOptions){ .tb_size = 8 << 20, .interp = true });
}
