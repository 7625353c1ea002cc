/* SPDX-License-Identifier: MIT */
#include "secrets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <string.h>
#include <unistd.h>

static struct play_options options;
static char urls[4][64] = {"rtsp://10.0.0.1/a", "rtsp://bob@10.0.0.2:8554/b",
                           "rtsp://eve:known@10.0.0.3/c", "film.mp4"};

static void take(void)
{
    options = (struct play_options){.password_fd = -1, .n_urls = 4};
    for (unsigned i = 0; i < 4; i++)
        options.urls[i] = urls[i];
    cr_assert(eq(int, secrets_take(&options), 0));
}

static int apply(const char *lines)
{
    int fds[2], ret;

    cr_assert(eq(int, pipe(fds), 0));
    cr_assert(eq(sz, (size_t)write(fds[1], lines, strlen(lines)), strlen(lines)));
    close(fds[1]);
    options.password_fd = fds[0];
    ret = secrets_read(&options);
    close(fds[0]);
    return ret;
}

static void assert_urls(const char *a, const char *b)
{
    cr_assert(eq(str, (char *)options.urls[0], (char *)a));
    cr_assert(eq(str, (char *)options.urls[1], (char *)b));
    cr_assert(eq(str, (char *)options.urls[2], "rtsp://eve:known@10.0.0.3/c"));
    cr_assert(eq(str, (char *)options.urls[3], "film.mp4"));
    secrets_clear(&options);
}

Test(secrets, overwrites_what_the_arguments_show)
{
    take();
    cr_assert(eq(str, urls[2], "rtsp://***@10.0.0.3/c"));
    cr_assert(eq(str, urls[0], "rtsp://10.0.0.1/a"));
    assert_urls("rtsp://10.0.0.1/a", "rtsp://bob@10.0.0.2:8554/b");
}

Test(secrets, gives_a_lone_password_to_all_that_have_none)
{
    take();
    cr_assert(eq(int, apply("p@ss\n"), 0));
    assert_urls("rtsp://:p%40ss@10.0.0.1/a", "rtsp://bob:p%40ss@10.0.0.2:8554/b");
}

Test(secrets, gives_each_what_is_meant_for_it)
{
    take();
    cr_assert(eq(int,
                 apply("# the doors\n1 admin one two \r\n\n10.0.0.2:8554 bob three\n"
                       "* x never\n3 eve never"),
                 0));
    assert_urls("rtsp://admin:one%20two%20@10.0.0.1/a", "rtsp://bob:three@10.0.0.2:8554/b");
}

Test(secrets, knows_hosts_without_their_port)
{
    take();
    cr_assert(eq(int, apply("10.0.0.2 carl four\n10.0.0 x never\n"), 0));
    assert_urls("rtsp://10.0.0.1/a", "rtsp://carl:four@10.0.0.2:8554/b");
}

static char last_line[256];

static void note_log(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context;
    (void)level;
    (void)name;
    snprintf(last_line, sizeof(last_line), "%s", line);
}

Test(secrets, refuses_half_a_line_and_says_which)
{
    static const char *const texts[] = {"# doors\n\n\n2 bob three\n1 admin\n",
                                        "# doors\r\n\r\n\r\n2 bob three\r\n1 admin\r\n",
                                        "\n\n\n\n1 admin"};

    limef_log_set_sink(note_log, NULL);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        take();
        cr_assert(eq(int, apply(texts[i]), AVERROR(EINVAL)));
        cr_assert(ne(ptr, strstr(last_line, "line 5 "), NULL), "%s", last_line);
        secrets_clear(&options);
    }
}

Test(secrets, leave_all_as_it_was_where_one_line_is_wrong)
{
    take();
    cr_assert(eq(int, apply("* me five\n1\n"), AVERROR(EINVAL)));
    assert_urls("rtsp://10.0.0.1/a", "rtsp://bob@10.0.0.2:8554/b");
}
