/* SPDX-License-Identifier: MIT */
#include "thread/priority.h"
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Figures are those of a process that is not niced; one that is may not be allowed to be that. */
static void begin(void)
{
    if (getpriority(PRIO_PROCESS, 0) && setpriority(PRIO_PROCESS, 0, 0))
        cr_skip("this process runs at nice %d", getpriority(PRIO_PROCESS, 0));
}

TestSuite(priority, .init = begin, .timeout = 60);

static LIMEF_ATOMIC(int) n_warnings;

static void count_warnings(void *context, enum limef_log_level level, const char *name,
                           const char *line)
{
    (void)context;
    (void)name;
    (void)line;
    atomic_fetch_add(&n_warnings, level == LIMEF_LOG_WARNING);
}

struct seen {
    int policy;
    int real_time_priority;
    int nice;
};

static int look(void *context)
{
    struct sched_param param;
    struct seen *seen = context;

    seen->policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    sched_getparam(0, &param);
    seen->real_time_priority = param.sched_priority;
    seen->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
    return 0;
}

static enum limef_scheduled run_as(enum limef_priority priority, struct seen *seen)
{
    struct limef_thread_settings settings = {.priority = priority};
    struct limef_consumer consumer = {0};
    enum limef_scheduled got;
    struct number_sink sink;

    number_sink_init(&sink);
    limef_consumer_init(&consumer, &sink.filter, &settings);
    cr_assert(zero(int, limef_thread_start(&consumer.thread)));
    cr_assert(zero(int, limef_thread_call(&consumer.thread, look, seen, TOO_LONG_US)));
    got = (enum limef_scheduled)atomic_load(&consumer.thread.scheduled_as);
    cr_assert(zero(int, limef_thread_stop(&consumer.thread, TOO_LONG_US)));
    limef_consumer_clear(&consumer);
    return got;
}

/* For the rest of this process, which is the test's own. */
static void give_up_permission(void)
{
    struct rlimit none = {0, 0};
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};

    setrlimit(RLIMIT_RTPRIO, &none);
    setrlimit(RLIMIT_NICE, &none);
    syscall(SYS_capset, &header, data);
}

Test(priority, falls_back_without_permission_and_says_so_once)
{
    struct seen seen;

    give_up_permission();
    limef_log_set_sink(count_warnings, NULL);
    cr_assert(eq(int, run_as(LIMEF_PRIORITY_AUDIO, &seen), LIMEF_SCHEDULED_DEFAULT));
    cr_assert(eq(int, seen.policy, SCHED_OTHER));
    cr_assert(eq(int, run_as(LIMEF_PRIORITY_DISPLAY, &seen), LIMEF_SCHEDULED_DEFAULT));
    cr_assert(eq(int, run_as(LIMEF_PRIORITY_INGEST, &seen), LIMEF_SCHEDULED_DEFAULT));
    cr_assert(eq(int, atomic_load(&n_warnings), 1));
}

Test(priority, background_needs_no_permission)
{
    struct seen seen;

    give_up_permission();
    limef_log_set_sink(count_warnings, NULL);
    cr_assert(eq(int, run_as(LIMEF_PRIORITY_BACKGROUND, &seen), LIMEF_SCHEDULED_NICE));
    cr_assert(eq(int, seen.nice, 10));
    cr_assert(eq(int, run_as(LIMEF_PRIORITY_PROCESSING, &seen), LIMEF_SCHEDULED_DEFAULT));
    cr_assert(zero(int, seen.nice));
    cr_assert(zero(int, atomic_load(&n_warnings)));
}

/* It is no less than all else then. */
Test(priority, recording_runs_as_the_process_does_without_permission)
{
    struct seen seen;

    give_up_permission();
    limef_log_set_sink(count_warnings, NULL);
    cr_assert(eq(int, run_as(LIMEF_PRIORITY_RECORDING, &seen), LIMEF_SCHEDULED_DEFAULT));
    cr_assert(eq(int, seen.policy, SCHED_OTHER));
    cr_assert(zero(int, atomic_load(&n_warnings)));
}

/* Where the machine permits it; elsewhere what is said must be what was got. */
Test(priority, what_is_said_is_what_was_got)
{
    static const struct {
        enum limef_priority priority;
        enum limef_scheduled scheduled_as;
        int policy, real_time_priority, nice;
    } classes[] = {
        {LIMEF_PRIORITY_INGEST, LIMEF_SCHEDULED_RR, SCHED_RR, 5, -5},
        {LIMEF_PRIORITY_DISPLAY, LIMEF_SCHEDULED_RR, SCHED_RR, 10, -10},
        {LIMEF_PRIORITY_AUDIO, LIMEF_SCHEDULED_FIFO, SCHED_FIFO, 20, -15},
    };

    limef_log_set_sink(count_warnings, NULL);
    for (unsigned i = 0; i < 3; i++) {
        struct seen seen;
        enum limef_scheduled got = run_as(classes[i].priority, &seen);

        if (got == classes[i].scheduled_as) {
            cr_assert(eq(int, seen.policy, classes[i].policy));
            cr_assert(eq(int, seen.real_time_priority, classes[i].real_time_priority));
            continue;
        }
        cr_assert(eq(int, seen.policy, SCHED_OTHER));
        cr_assert(eq(int, atomic_load(&n_warnings), 1));
        cr_assert(got == LIMEF_SCHEDULED_NICE || got == LIMEF_SCHEDULED_DEFAULT);
        if (got == LIMEF_SCHEDULED_NICE)
            cr_assert(eq(int, seen.nice, classes[i].nice));
    }
}

struct step {
    enum limef_priority priority;
    enum limef_scheduled scheduled_as;
    int policy, nice;
};

struct change {
    const struct step *step;
    enum limef_scheduled got;
    struct seen seen;
};

static int change_class(void *context)
{
    struct change *change = context;

    change->got = priority_apply(change->step->priority, "changes");
    return look(&change->seen);
}

/* One thread after the other class. */
static void run_steps(const struct step *steps, size_t n_steps)
{
    struct limef_consumer consumer = {0};
    struct number_sink sink;

    number_sink_init(&sink);
    limef_consumer_init(&consumer, &sink.filter, NULL);
    cr_assert(zero(int, limef_thread_start(&consumer.thread)));
    for (size_t i = 0; i < n_steps; i++) {
        struct change change = {.step = &steps[i]};

        cr_assert(
            zero(int, limef_thread_call(&consumer.thread, change_class, &change, TOO_LONG_US)));
        cr_assert(eq(int, change.got, steps[i].scheduled_as), "step %zu", i);
        cr_assert(eq(int, change.seen.policy, steps[i].policy), "step %zu", i);
        if (steps[i].policy == SCHED_OTHER)
            cr_assert(eq(int, change.seen.nice, steps[i].nice), "step %zu", i);
    }
    cr_assert(zero(int, limef_thread_stop(&consumer.thread, TOO_LONG_US)));
    limef_consumer_clear(&consumer);
}

static bool is_permitted(void)
{
    struct rlimit limit;
    struct seen seen;

    getrlimit(RLIMIT_NICE, &limit);
    return run_as(LIMEF_PRIORITY_AUDIO, &seen) == LIMEF_SCHEDULED_FIFO &&
           (geteuid() == 0 || limit.rlim_cur >= 40);
}

Test(priority, a_running_thread_leaves_what_it_had)
{
    static const struct step steps[] = {
        {LIMEF_PRIORITY_INGEST, LIMEF_SCHEDULED_RR, SCHED_RR, 0},
        {LIMEF_PRIORITY_PROCESSING, LIMEF_SCHEDULED_DEFAULT, SCHED_OTHER, 0},
        {LIMEF_PRIORITY_AUDIO, LIMEF_SCHEDULED_FIFO, SCHED_FIFO, 0},
        {LIMEF_PRIORITY_BACKGROUND, LIMEF_SCHEDULED_NICE, SCHED_OTHER, 10},
        {LIMEF_PRIORITY_DISPLAY, LIMEF_SCHEDULED_RR, SCHED_RR, 0},
        {LIMEF_PRIORITY_RECORDING, LIMEF_SCHEDULED_NICE, SCHED_OTHER, -3},
        {LIMEF_PRIORITY_PROCESSING, LIMEF_SCHEDULED_DEFAULT, SCHED_OTHER, 0},
    };

    if (!is_permitted())
        cr_skip("real-time priorities are not permitted here");
    limef_log_set_sink(count_warnings, NULL);
    run_steps(steps, sizeof(steps) / sizeof(steps[0]));
    cr_assert(zero(int, atomic_load(&n_warnings)));
}

Test(priority, a_running_thread_without_permission_says_once_what_it_cannot_leave)
{
    static const struct step steps[] = {
        {LIMEF_PRIORITY_PROCESSING, LIMEF_SCHEDULED_DEFAULT, SCHED_OTHER, 0},
        {LIMEF_PRIORITY_BACKGROUND, LIMEF_SCHEDULED_NICE, SCHED_OTHER, 10},
        {LIMEF_PRIORITY_PROCESSING, LIMEF_SCHEDULED_NICE, SCHED_OTHER, 10},
        {LIMEF_PRIORITY_INGEST, LIMEF_SCHEDULED_NICE, SCHED_OTHER, 10},
        {LIMEF_PRIORITY_BACKGROUND, LIMEF_SCHEDULED_NICE, SCHED_OTHER, 10},
    };

    give_up_permission();
    limef_log_set_sink(count_warnings, NULL);
    run_steps(steps, sizeof(steps) / sizeof(steps[0]));
    cr_assert(eq(int, atomic_load(&n_warnings), 1));
}

/* The permission is lost while the thread is in its class, as setuid() does. */
static int lose_it(void *context)
{
    struct change *change = context;

    priority_apply(LIMEF_PRIORITY_AUDIO, "changes");
    give_up_permission();
    return change_class(change);
}

Test(priority, a_thread_leaves_its_class_after_the_permission_is_lost)
{
    static const struct step step = {LIMEF_PRIORITY_INGEST, LIMEF_SCHEDULED_DEFAULT, SCHED_OTHER,
                                     0};
    struct change change = {.step = &step};
    struct limef_consumer consumer = {0};
    struct number_sink sink;

    if (!is_permitted())
        cr_skip("real-time priorities are not permitted here");
    number_sink_init(&sink);
    limef_consumer_init(&consumer, &sink.filter, NULL);
    cr_assert(zero(int, limef_thread_start(&consumer.thread)));
    cr_assert(zero(int, limef_thread_call(&consumer.thread, lose_it, &change, TOO_LONG_US)));
    cr_assert(eq(int, change.got, step.scheduled_as));
    cr_assert(eq(int, change.seen.policy, step.policy));
    cr_assert(zero(int, limef_thread_stop(&consumer.thread, TOO_LONG_US)));
    limef_consumer_clear(&consumer);
}

static pthread_barrier_t are_named, are_seen;

/* A thread as a library starts one. */
static void *be_named(void *name)
{
    pthread_setname_np(pthread_self(), name);
    pthread_barrier_wait(&are_named);
    pthread_barrier_wait(&are_seen);
    return NULL;
}

struct lending {
    enum limef_priority priority;
    unsigned n_lent;
    struct seen helper, other;
};

static void look_at(pthread_t thread, struct seen *seen)
{
    struct sched_param param;

    pthread_getschedparam(thread, &seen->policy, &param);
    seen->policy &= ~SCHED_RESET_ON_FORK;
    seen->real_time_priority = param.sched_priority;
}

static int lend_and_look(void *context)
{
    struct lending *lending = context;
    pthread_t helper, other;

    pthread_barrier_init(&are_named, NULL, 3);
    pthread_barrier_init(&are_seen, NULL, 3);
    priority_apply(lending->priority, "lends");
    cr_assert(zero(int, pthread_create(&helper, NULL, be_named, (void *)"helper-0")));
    cr_assert(zero(int, pthread_create(&other, NULL, be_named, (void *)"other-0")));
    pthread_barrier_wait(&are_named);
    lending->n_lent = priority_lend("helper-");
    look_at(helper, &lending->helper);
    look_at(other, &lending->other);
    pthread_barrier_wait(&are_seen);
    pthread_join(helper, NULL);
    pthread_join(other, NULL);
    return 0;
}

static void lend_as(struct lending *lending)
{
    struct limef_consumer consumer = {0};
    struct number_sink sink;

    number_sink_init(&sink);
    limef_consumer_init(&consumer, &sink.filter, NULL);
    cr_assert(zero(int, limef_thread_start(&consumer.thread)));
    cr_assert(
        zero(int, limef_thread_call(&consumer.thread, lend_and_look, lending, TOO_LONG_US)));
    cr_assert(zero(int, limef_thread_stop(&consumer.thread, TOO_LONG_US)));
    limef_consumer_clear(&consumer);
}

Test(priority, who_draws_for_a_real_time_thread_comes_before_the_ordinary_ones)
{
    struct lending lending = {.priority = LIMEF_PRIORITY_DISPLAY};

    if (!is_permitted())
        cr_skip("real-time priorities are not permitted here");
    lend_as(&lending);
    cr_assert(eq(uint, lending.n_lent, 1));
    cr_assert(eq(int, lending.helper.policy, SCHED_RR));
    cr_assert(eq(int, lending.helper.real_time_priority, 1));
    cr_assert(eq(int, lending.other.policy, SCHED_OTHER));
}

Test(priority, a_thread_without_a_class_lends_none)
{
    struct lending lending = {.priority = LIMEF_PRIORITY_PROCESSING};

    lend_as(&lending);
    cr_assert(zero(uint, lending.n_lent));
    cr_assert(eq(int, lending.helper.policy, SCHED_OTHER));
}
