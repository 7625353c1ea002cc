/* SPDX-License-Identifier: MIT */
/*
 * Each function of a host's GL is missing, or fails, in turn: nothing breaks, an error says so or
 * the picture goes on, and when the GL works again so does the picture.
 */
#include "failing_gl.h"
#include "host.h"

TestSuite(host_faults, .timeout = 240);

static void *find(const char *name)
{
    return get(NULL, name);
}

static unsigned n_errors;

static void count_errors(void *unused, enum limef_log_level level, const char *name,
                         const char *line)
{
    (void)unused;
    (void)name;
    (void)line;
    n_errors += level == LIMEF_LOG_ERROR;
}

static const struct limef_presenter_host_target *target(void)
{
    static struct limef_presenter_host_target small;

    small = (struct limef_presenter_host_target){
        .framebuffer = framebuffer, .x = 8, .y = 8, .width = 64, .height = 48};
    return &small;
}

static void begin(enum api api)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_HOST,
                                                .plain = api == ES_2 ? LIMEF_PRESENTER_GLES2 : 0,
                                                .untimed = true};
    struct limef_presenter_host_settings lent = {.get = failing_gl_get,
                                                 .context = (void *)(uintptr_t)find};

    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", tiles, 1, &settings), 0));
    cr_assert(eq(int, limef_presenter_host_init(&host, &presenter, &lent), 0));
}

/* The host's own state is put in order, whatever a GL with a fault made of it. */
static void expect_right(const uint8_t *right)
{
    void (*mask)(GLboolean, GLboolean, GLboolean, GLboolean) = NULL;

    *(void **)&mask = find("glColorMask");
    mask(GL_TRUE, GL_TRUE, GL_TRUE, GL_TRUE);
    gl.BindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    gl.Disable(GL_SCISSOR_TEST);
    gl.Disable(GL_RASTERIZER_DISCARD);
    gl.ClearColor(1, 0, 1, 1);
    gl.Clear(GL_COLOR_BUFFER_BIT);
    cr_assert(eq(int, limef_presenter_host_draw(&host, target()), 0), "%s", failing_gl.name);
    if (getenv("LIMEF_TEST_LOG"))
        fprintf(stderr, "after %s\n", failing_gl.name);
    expect_target(target(), right);
}

/* One function fails from a call on while a new context is drawn into, and then no more. */
static void fail_and_recover(const char *name, enum failing_gl_mode mode, unsigned call,
                             const uint8_t *right)
{
    int ret;

    n_errors = 0;
    failing_gl = (struct failing_gl){.name = name, .mode = mode, .call = call};
    ret = limef_presenter_host_draw(&host, target());
    cr_assert(ret <= 0, "%s", name);
    cr_assert(ret == 0 || n_errors > 0, "%s: %d without a word", name, ret);
    if (mode == FAILING_GL_MISSING && ret == 0) /* what can be done without is fences alone */
        cr_assert(strstr(name, "Sync") || strcmp(name, "PolygonMode") == 0, "%s", name);
    limef_presenter_host_close(&host);
    failing_gl = (struct failing_gl){.name = name};
    limef_presenter_host_abandon(&host);
    expect_right(right);
    limef_presenter_host_close(&host);
}

static void each_fails(enum api api)
{
    struct AVFrame *picture = rendering_waves(AV_PIX_FMT_YUV420P, 64, 48);
    uint8_t *right = expected((const struct AVFrame *const[]){picture}, 1, 64, 48);

    limef_log_set_sink(count_errors, NULL);
    if (!right || !open_gl(api))
        cr_skip("no %s here", api_names[api]);
    gl.BindTexture(GL_TEXTURE_2D, 0); /* what cannot be bound anew is not written in its place */
    begin(api);
    rendering_show(&presenter, 0, picture, 0, false);
    expect_right(right);
    limef_presenter_host_close(&host);
    for (unsigned i = 0; i < failing_gl_n_names; i++) {
        fail_and_recover(failing_gl_names[i], FAILING_GL_MISSING, 0, right);
        fail_and_recover(failing_gl_names[i], FAILING_GL_FROM, 1, right);
        if (failing_gl.n_calls > 1)
            fail_and_recover(failing_gl_names[i], FAILING_GL_ONCE, 2, right);
    }
    close_host();
    close_gl();
    free(right);
    av_frame_free(&picture);
}

Test(host_faults, es_3_with_each_function_missing_or_failing)
{
    each_fails(ES_3);
}

Test(host_faults, gl_3_3_with_each_function_missing_or_failing)
{
    each_fails(GL_3_3);
}

/* A function fails while pictures go on, in a context that is open. */
static void fail_meanwhile(const char *name, const struct AVFrame *picture, const uint8_t *right)
{
    failing_gl = (struct failing_gl){.name = name};
    cr_assert(eq(int, limef_presenter_host_draw(&host, target()), 0), "%s", name);
    failing_gl = (struct failing_gl){.name = name, .mode = FAILING_GL_FROM, .call = 1};
    for (int i = 0; i < 2; i++) {
        rendering_show(&presenter, 0, picture, 0, false);
        cr_assert(limef_presenter_host_draw(&host, target()) <= 0, "%s", name);
    }
    failing_gl = (struct failing_gl){.name = name};
    limef_presenter_host_close(&host);
    expect_right(right);
}

Test(host_faults, es_3_with_each_function_failing_while_pictures_go_on)
{
    struct AVFrame *picture = rendering_waves(AV_PIX_FMT_YUV420P, 64, 48);
    uint8_t *right = expected((const struct AVFrame *const[]){picture}, 1, 64, 48);

    limef_log_set_sink(count_errors, NULL);
    if (!right || !open_gl(ES_3))
        cr_skip("no ES 3 here");
    gl.BindTexture(GL_TEXTURE_2D, 0);
    begin(ES_3);
    rendering_show(&presenter, 0, picture, 0, false);
    for (unsigned i = 0; i < failing_gl_n_names; i++)
        fail_meanwhile(failing_gl_names[i], picture, right);
    close_host();
    close_gl();
    free(right);
    av_frame_free(&picture);
}

/* A texture finds no memory: its picture is not shown, once, and one line of the log says why. */
static void fail_and_count(const char *name, unsigned call, bool is_first,
                           const struct AVFrame *picture, const uint8_t *right)
{
    struct limef_presenter_host_counters before, after;

    failing_gl = (struct failing_gl){.name = name};
    if (is_first)
        limef_presenter_host_close(&host);
    limef_presenter_host_get_counters(&host, &before);
    n_errors = 0;
    failing_gl = (struct failing_gl){.name = name, .mode = FAILING_GL_ONCE, .call = call};
    rendering_show(&presenter, 0, picture, 0, false);
    cr_assert(eq(int, limef_presenter_host_draw(&host, target()), 0), "%s %u", name, call);
    cr_assert(ge(uint, failing_gl.n_calls, call), "%s %u", name, call);
    limef_presenter_host_get_counters(&host, &after);
    cr_expect(eq(u64, after.n_failed, before.n_failed + 1), "%s %u", name, call);
    cr_expect(eq(uint, n_errors, 1), "%s %u", name, call);
    rendering_show(&presenter, 0, picture, 0, false);
    expect_right(right);
    limef_presenter_host_get_counters(&host, &after);
    cr_expect(eq(u64, after.n_failed, before.n_failed + 1), "%s %u", name, call);
}

Test(host_faults, a_picture_that_finds_no_memory_is_counted_and_the_next_one_is_shown)
{
    struct AVFrame *picture = rendering_waves(AV_PIX_FMT_YUV420P, 64, 48);
    uint8_t *right = expected((const struct AVFrame *const[]){picture}, 1, 64, 48);
    struct limef_presenter_slot_counters shown;

    limef_log_set_sink(count_errors, NULL);
    if (!right || !open_gl(ES_3))
        cr_skip("no ES 3 here");
    for (unsigned call = 1; call <= 3; call++) { /* one for each plane */
        begin(ES_3);
        fail_and_count("TexImage2D", call, true, picture, right);
        limef_presenter_get_counters(&presenter, 0, &shown);
        cr_assert(eq(str, (char *)shown.failed_why, "the GL has no memory for it"));
        close_host();
        begin(ES_3);
        fail_and_count("TexSubImage2D", call, true, picture, right);
        close_host();
        begin(ES_3);
        rendering_show(&presenter, 0, picture, 0, false);
        expect_right(right);
        fail_and_count("TexSubImage2D", call, false, picture, right);
        close_host();
    }
    close_gl();
    free(right);
    av_frame_free(&picture);
}
