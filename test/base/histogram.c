/* SPDX-License-Identifier: MIT */
#include <limef/base/histogram.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct limef_histogram histogram;

Test(histogram, all_zero_is_empty)
{
    cr_assert(eq(i64, limef_histogram_percentile_us(&histogram, 0.5), 0));
}

Test(histogram, is_off_by_a_quarter_at_most_and_only_upwards)
{
    for (int64_t us = 4; us < 65000000; us += us / 7 + 1) {
        struct limef_histogram one = {0};
        int64_t read_us;

        limef_histogram_add(&one, us);
        read_us = limef_histogram_percentile_us(&one, 0.5);
        cr_assert(ge(i64, read_us, us));
        cr_assert(le(i64, read_us, us + us / 4 + 1));
    }
}

Test(histogram, tells_the_median_from_the_slowest)
{
    for (int i = 0; i < 98; i++)
        limef_histogram_add(&histogram, 1000);
    limef_histogram_add(&histogram, 1000000);
    limef_histogram_add(&histogram, 1000000);
    cr_assert(le(i64, limef_histogram_percentile_us(&histogram, 0.5), 1250));
    cr_assert(le(i64, limef_histogram_percentile_us(&histogram, 0.98), 1250));
    cr_assert(ge(i64, limef_histogram_percentile_us(&histogram, 0.99), 1000000));
    cr_assert(ge(i64, limef_histogram_percentile_us(&histogram, 1), 1000000));
}

Test(histogram, counts_what_is_out_of_range_at_its_ends)
{
    limef_histogram_add(&histogram, INT64_MIN);
    limef_histogram_add(&histogram, 0);
    cr_assert(le(i64, limef_histogram_percentile_us(&histogram, 1), 2));
    limef_histogram_add(&histogram, INT64_MAX);
    cr_assert(gt(i64, limef_histogram_percentile_us(&histogram, 1), 60000000));
}
