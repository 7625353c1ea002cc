/* SPDX-License-Identifier: MIT */
#include "support/make_media.h"
#include "support/name_service.h"
#include "support/play.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>
#include <netdb.h>

#define LONG_US 60000000

static struct play play;
static uint64_t n_lost_names;

TestSuite(file_source_resolve, .timeout = 120);

static int code_of(const char *url, int64_t timeout_us)
{
    struct limef_file_source_settings settings = {.url = url, .timeout_us = timeout_us};
    struct limef_file_source_counters counters;
    int code;

    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    code = play_signal_note(&play, LIMEF_SIGNAL_END)->code;
    limef_file_source_get_counters(&play.file, &counters);
    n_lost_names = counters.n_lost_names;
    play_clear(&play);
    return code;
}

Test(file_source_resolve, a_name_server_that_does_not_answer_ends_by_deadline)
{
    cr_assert(eq(int, code_of("http://camera.invalid/stream", 200000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(u64, n_lost_names, 1));
    cr_assert(eq(uint, name_service_n_asked(), 1));
    name_service_answer(EAI_NONAME);
}

Test(file_source_resolve, what_the_name_server_says_libavformat_says)
{
    name_service_answer(EAI_NONAME);
    cr_assert(eq(int, code_of("tcp://camera.invalid:9", LONG_US), AVERROR(EIO)));
    cr_assert(eq(uint, name_service_n_asked(), 2)); /* by the source, then by libavformat */
}

Test(file_source_resolve, numbers_and_files_ask_nobody)
{
    cr_assert(lt(int, code_of("tcp://127.0.0.1:9?timeout=100000", LONG_US), 0));
    cr_assert(lt(int, code_of("no/such/file:with.colon", LONG_US), 0));
    cr_assert(zero(uint, name_service_n_asked()));
}
