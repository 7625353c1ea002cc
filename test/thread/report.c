/* SPDX-License-Identifier: MIT */
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static struct limef_reports reports;

static void open_reports(void)
{
    cr_assert(zero(int, limef_reports_init(&reports)));
}

static void close_reports(void)
{
    limef_reports_clear(&reports);
}

TestSuite(report, .init = open_reports, .fini = close_reports, .timeout = 60);

static int write_report(int64_t value)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_ERROR, 3, "disk");
    signal_frame.value = value;
    return limef_reports_write(&reports, &signal_frame);
}

static bool is_readable(void)
{
    struct pollfd pollfd = {.fd = limef_reports_fd(&reports), .events = POLLIN};

    return poll(&pollfd, 1, 0) == 1;
}

Test(report, all_zero_clears_to_all_zero)
{
    struct limef_reports zero = {0};

    limef_reports_clear(&zero);
    limef_reports_clear(&reports);
    cr_assert(zero(int, memcmp(&reports, &zero, sizeof(zero))));
}

Test(report, signals_come_in_order_and_the_descriptor_says_so)
{
    struct limef_signal_frame signal_frame;

    cr_assert(not(is_readable()));
    for (int i = 0; i < 3; i++)
        cr_assert(zero(int, write_report(i)));
    for (int i = 0; i < 3; i++) {
        cr_assert(is_readable());
        cr_assert(zero(int, limef_reports_read(&reports, &signal_frame, 0)));
        cr_assert(eq(i64, signal_frame.value, i));
        cr_assert(eq(str, signal_frame.text, (char *)"disk"));
    }
    cr_assert(not(is_readable()));
}

Test(report, what_does_not_fit_is_counted)
{
    struct limef_signal_frame signal_frame;

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < LIMEF_REPORTS_MAX; i++)
            cr_assert(zero(int, write_report(i)));
        cr_assert(eq(int, write_report(99), AVERROR(ENOBUFS)));
        cr_assert(eq(u64, limef_reports_n_lost(&reports), round + 1));
        for (int i = 0; i < LIMEF_REPORTS_MAX; i++) {
            cr_assert(zero(int, limef_reports_read(&reports, &signal_frame, 0)));
            cr_assert(eq(i64, signal_frame.value, i));
        }
        cr_assert(eq(int, limef_reports_read(&reports, &signal_frame, 0), AVERROR(EAGAIN)));
    }
}

Test(report, read_ends_at_its_deadline)
{
    struct limef_signal_frame signal_frame;
    int64_t began_us = limef_now_us();

    cr_assert(eq(int, limef_reports_read(&reports, &signal_frame, 5000), AVERROR(EAGAIN)));
    cr_assert(ge(i64, limef_now_us() - began_us, 5000));
}

static void *read_one(void *value)
{
    struct limef_signal_frame signal_frame = {.value = -1};

    limef_reports_read(&reports, &signal_frame, LIMEF_FOREVER);
    *(int64_t *)value = signal_frame.value;
    return NULL;
}

Test(report, each_of_several_readers_gets_another_one)
{
    pthread_t readers[3];
    int64_t values[3] = {0};

    for (int i = 0; i < 3; i++)
        pthread_create(&readers[i], NULL, read_one, &values[i]);
    write_report(1);
    write_report(10);
    write_report(100);
    for (int i = 0; i < 3; i++)
        pthread_join(readers[i], NULL);
    cr_assert(eq(i64, values[0] + values[1] + values[2], 111));
}

static int report_from_within(void *context)
{
    struct limef_signal_frame signal_frame;

    (void)context;
    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_USER, 5, "here");
    limef_report(&signal_frame);
    return 0;
}

Test(report, goes_through_the_queue_of_its_thread)
{
    struct limef_thread_settings settings = {.reports = &reports};
    struct limef_signal_frame signal_frame;
    struct limef_consumer consumer = {0};
    struct number_sink sink;

    number_sink_init(&sink);
    limef_consumer_init(&consumer, &sink.filter, &settings);
    cr_assert(zero(int, limef_thread_start(&consumer.thread)));
    cr_assert(
        zero(int, limef_thread_call(&consumer.thread, report_from_within, NULL, TOO_LONG_US)));
    cr_assert(zero(int, limef_reports_read(&reports, &signal_frame, 0)));
    cr_assert(eq(str, signal_frame.text, (char *)"here"));
    cr_assert(zero(int, limef_thread_stop(&consumer.thread, TOO_LONG_US)));
    limef_consumer_clear(&consumer);
}

static void count_line(void *context, enum limef_log_level level, const char *name,
                       const char *line)
{
    (void)name;
    *(int *)context += level == LIMEF_LOG_INFO && strstr(line, "here");
}

Test(report, is_logged_outside_of_a_thread)
{
    int n_lines = 0;

    limef_log_set_level(LIMEF_LOG_INFO);
    limef_log_set_sink(count_line, &n_lines);
    report_from_within(NULL);
    limef_log_set_sink(NULL, NULL);
    cr_assert(eq(int, n_lines, 1));
}

Test(report, a_process_without_standard_input_leaks_no_descriptor)
{
    close_reports();
    close(0);
    open_reports();
    cr_assert(gt(int, limef_reports_fd(&reports), 2));
    close_reports();
    cr_assert(lt(int, fcntl(0, F_GETFD), 0));
}
