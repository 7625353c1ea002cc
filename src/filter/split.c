/* SPDX-License-Identifier: MIT */
#include "filter/split_private.h"

#include "filter/filter_counts.h"

#include <limef/base/log.h>
#include <limef/filter/gop_cache.h>

#include <libavutil/error.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

/* A go is mostly over within microseconds; after this many looks it is blocked, and is waited for
 * asleep. */
#define N_YIELDS 64
#define NAP_US 200

/* As LIMEF_SPLIT_BURST_FIRST, for who was stopped: what it has had is not continued. */
#define COMES_BACK (LIMEF_SPLIT_BURST_FIRST + 1)

/* What everyone behind the split said to one frame. */
struct answers {
    int first_error;
    unsigned n, n_exits;
    uint32_t bit; /* of that frame in `unheard` */
};

static struct limef_split_filter *split_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_split_filter, filter);
}

static void enter(struct limef_split_filter *split)
{
    uint32_t epoch = atomic_load_explicit(&split->epoch, memory_order_relaxed);

    atomic_store_explicit(&split->runner, (uintptr_t)pthread_self(), memory_order_relaxed);
    /* seq_cst: before the loads of `to`; pairs with disconnect, which empties `to`, then looks here
     */
    atomic_store_explicit(&split->epoch, epoch + 1, memory_order_seq_cst);
}

static void leave(struct limef_split_filter *split)
{
    uint32_t epoch = atomic_load_explicit(&split->epoch, memory_order_relaxed);

    /* release: what was done in the branches; pairs with the acquire in is_inside() */
    atomic_store_explicit(&split->epoch, epoch + 1, memory_order_release);
}

static void note(struct answers *answers, int ret)
{
    answers->n++;
    if (ret == AVERROR_EXIT)
        answers->n_exits++;
    else if (ret < 0 && ret != AVERROR(EAGAIN) && !answers->first_error)
        answers->first_error = ret;
}

static struct limef_filter *filter_of(const struct limef_split_branch *branch)
{
    return atomic_load_explicit(&branch->to, memory_order_seq_cst);
}

static int give_gap(struct limef_filter *to)
{
    struct limef_signal_frame gap;

    limef_signal_frame_set(&gap, LIMEF_SIGNAL_GAP, UINT32_MAX,
                           "went past a branch that was stopped");
    gap.frame.media = LIMEF_MEDIA_VIDEO;
    return limef_go(to, &gap.frame);
}

static int give_packets(struct limef_split_filter *split, uint32_t join, struct limef_filter *to)
{
    struct limef_gop_cache_filter *cache = join >= LIMEF_SPLIT_BURST_FIRST ? split->cache : NULL;
    int first_error = 0, ret;

    if (join == COMES_BACK && !(cache && LIMEF_COUNTED(cache->n_kept)))
        first_error = give_gap(to);
    if (first_error == AVERROR_EXIT)
        return first_error;
    ret = cache ? limef_gop_cache_go(cache, to) : limef_codecs_go(&split->codecs, to);
    return ret == AVERROR_EXIT || !first_error ? ret : first_error;
}

/* Returns the first error; AVERROR_EXIT: it has to get all of it once more. */
static int give_missed(struct limef_split_filter *split, uint32_t join, uint32_t unheard,
                       struct limef_filter *to)
{
    int first_error = split_give(&split->signals, unheard, true, to), ret = first_error;

    if (ret != AVERROR_EXIT)
        ret = give_packets(split, join, to);
    first_error = first_error ? first_error : ret;
    if (ret != AVERROR_EXIT)
        ret = split_give(&split->signals, unheard, false, to);
    return ret == AVERROR_EXIT || !first_error ? ret : first_error;
}

/* Who was stopped has missed something, and joins as one that is new, but for a GAP; not so what
 * runs on this thread and is stopped further behind, which has had the packets itself. */
static uint32_t join_again(const struct limef_filter *to)
{
    return to->ops->flags & LIMEF_FILTER_BOUNDARY ? COMES_BACK : LIMEF_SPLIT_CODECS_FIRST;
}

static void note_missed(struct limef_split_branch *branch, const struct limef_filter *to,
                        uint32_t unheard)
{
    LIMEF_COUNT(branch->n_refused, 1);
    if (filter_of(branch) != to)
        return;
    atomic_store_explicit(&branch->join, join_again(to), memory_order_relaxed);
    atomic_fetch_or_explicit(&branch->unheard, unheard, memory_order_relaxed);
}

static void note_refused(struct limef_split_branch *branch, const struct limef_filter *to, int ret,
                         uint32_t unheard)
{
    if (ret == AVERROR_EXIT)
        note_missed(branch, to, unheard);
    else if (ret < 0)
        LIMEF_COUNT(branch->n_refused, 1);
}

/* Gives a new branch what it missed, but not what `bit` stands for: that frame comes behind it.
 * Returns AVERROR_EXIT: it misses it still. */
static int catch_up(struct limef_split_filter *split, struct limef_split_branch *branch,
                    struct limef_filter *to, uint32_t bit)
{
    uint32_t join = atomic_load_explicit(&branch->join, memory_order_relaxed), unheard;
    int ret;

    if (join == LIMEF_SPLIT_FROM_NOW)
        return 0;
    atomic_store_explicit(&branch->join, LIMEF_SPLIT_FROM_NOW, memory_order_relaxed);
    unheard = atomic_exchange_explicit(&branch->unheard, 0, memory_order_relaxed);
    ret = give_missed(split, join, unheard & ~bit, to);
    note_refused(branch, to, ret, unheard | bit);
    return ret;
}

static int catch_up_next(struct limef_split_filter *split, uint32_t bit)
{
    struct limef_filter *next = split->filter.next;
    int ret = 0;

    if (split->next_missed)
        ret = give_missed(split, join_again(next), split->next_unheard & ~bit, next);
    split->next_missed = ret == AVERROR_EXIT;
    split->next_unheard = split->next_missed ? split->next_unheard : 0;
    return ret;
}

static int go_next(struct limef_split_filter *split, const struct limef_frame *in, uint32_t bit)
{
    int ret = catch_up_next(split, bit);

    if (ret != AVERROR_EXIT)
        ret = limef_go(split->filter.next, in);
    split->next_missed = ret == AVERROR_EXIT;
    split->next_unheard |= split->next_missed ? bit : 0;
    return ret;
}

static void go_branches(struct limef_split_filter *split, const struct limef_frame *in,
                        struct answers *answers)
{
    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES; i++) {
        struct limef_split_branch *branch = &split->branches[i];
        struct limef_filter *to = filter_of(branch);
        int ret;

        if (!to)
            continue;
        ret = catch_up(split, branch, to, answers->bit);
        if (ret != AVERROR_EXIT) {
            if (filter_of(branch) != to)
                continue;
            ret = limef_go(to, in);
            note_refused(branch, to, ret, answers->bit);
        }
        note(answers, ret);
    }
}

static int split_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_split_filter *split = split_of(filter);
    struct answers answers = {.bit = split_bit_of(&split->signals, in)};
    int ret;

    split->is_cached = split->cache != NULL;
    enter(split);
    if (filter->next)
        note(&answers, go_next(split, in, answers.bit));
    go_branches(split, in, &answers);
    leave(split);
    ret = limef_codecs_keep(&split->codecs, filter, in);
    if (answers.bit) /* also what nobody heard: who sends it may be none who says it again */
        split_keep(&split->signals, in);
    if (answers.n && answers.n_exits == answers.n)
        return AVERROR_EXIT;
    return answers.first_error ? answers.first_error : ret;
}

int limef_split_serve(void *context)
{
    struct limef_split_filter *split = context;

    if (split->is_cached && !split->cache)
        return limef_fail(AVERROR(EINVAL), split->filter.name,
                          "a gop cache is before it, which serves those behind");
    enter(split);
    if (split->filter.next)
        catch_up_next(split, 0);
    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES; i++) {
        struct limef_filter *to = filter_of(&split->branches[i]);

        if (to)
            catch_up(split, &split->branches[i], to, 0);
    }
    leave(split);
    return 0;
}

static void split_clear(struct limef_filter *filter)
{
    struct limef_split_filter *split = split_of(filter);

    limef_codecs_clear(&split->codecs);
    *split = (struct limef_split_filter){0};
}

static struct limef_filter *split_output(const struct limef_filter *filter, unsigned output)
{
    const struct limef_split_filter *split =
        LIMEF_CONTAINER_OF(filter, const struct limef_split_filter, filter);

    return output ? filter_of(&split->branches[output - 1]) : filter->next;
}

static void split_reroute(struct limef_filter *filter, unsigned output, struct limef_filter *to)
{
    struct limef_split_branch *branch = &split_of(filter)->branches[output ? output - 1 : 0];

    if (!output) {
        filter->next = to;
        return;
    }
    /* whoever is new has missed what the stream is made of; a boundary in between has not */
    if (to && !filter_of(branch)) {
        atomic_store_explicit(&branch->unheard, 0, memory_order_relaxed);
        atomic_store_explicit(&branch->join, LIMEF_SPLIT_BURST_FIRST, memory_order_relaxed);
    }
    /* before `to`, as in take_out(): a static branch becomes claimed, one that is left free */
    atomic_store_explicit(&branch->claimed, to != NULL, memory_order_relaxed);
    atomic_store_explicit(&branch->to, to, memory_order_seq_cst);
}

static unsigned split_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct limef_split_filter *split =
        LIMEF_CONTAINER_OF(filter, const struct limef_split_filter, filter);
    struct limef_filter_count refused = {.name = "refused"};

    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES; i++)
        refused.n += LIMEF_COUNTED(split->branches[i].n_refused);
    return filter_counts(counts, &refused, sizeof(refused));
}

const struct limef_filter_ops limef_split_ops = {.kind = "split",
                                                 .go = split_go,
                                                 .clear = split_clear,
                                                 .n_outputs = 1 + LIMEF_SPLIT_MAX_BRANCHES,
                                                 .output = split_output,
                                                 .reroute = split_reroute,
                                                 .counts = split_counts};

void limef_split_filter_init(struct limef_split_filter *split, const char *name)
{
    limef_filter_init(&split->filter, &limef_split_ops, name);
}

static bool claim(struct limef_split_branch *branch)
{
    uint32_t unclaimed = 0;

    /* `to` first: a static branch is not claimed until it leaves.
     * acquire: pairs with the release in give_back() */
    return !filter_of(branch) &&
           atomic_compare_exchange_strong_explicit(&branch->claimed, &unclaimed, 1,
                                                   memory_order_acquire, memory_order_relaxed);
}

static void give_back(struct limef_split_branch *branch)
{
    atomic_store_explicit(&branch->claimed, 0, memory_order_release);
}

int limef_split_connect(struct limef_split_filter *split, struct limef_filter *to,
                        enum limef_split_join join)
{
    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES; i++) {
        if (filter_of(&split->branches[i]) == to)
            return AVERROR(EEXIST);
    }
    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES; i++) {
        struct limef_split_branch *branch = &split->branches[i];

        if (!claim(branch))
            continue;
        atomic_store_explicit(&branch->n_refused, 0, memory_order_relaxed);
        atomic_store_explicit(&branch->unheard, 0, memory_order_relaxed);
        atomic_store_explicit(&branch->join, (uint32_t)join, memory_order_relaxed);
        atomic_store_explicit(&branch->to, to, memory_order_seq_cst);
        return 0;
    }
    return AVERROR(ENOSPC);
}

/* Whether the go of `epoch`, that of another thread, is still inside. */
static bool is_inside(const struct limef_split_filter *split, uint32_t epoch)
{
    /* acquire: pairs with leave() */
    return (epoch & 1) && atomic_load_explicit(&split->epoch, memory_order_acquire) == epoch &&
           atomic_load_explicit(&split->runner, memory_order_relaxed) != (uintptr_t)pthread_self();
}

static bool wait_until_left(const struct limef_split_filter *split, uint32_t epoch,
                            int64_t deadline_us)
{
    const struct timespec nap = {.tv_nsec = NAP_US * 1000};

    for (unsigned i = 0; is_inside(split, epoch); i++) {
        if (limef_now_us() >= deadline_us)
            return false;
        if (i < N_YIELDS)
            sched_yield();
        else
            nanosleep(&nap, NULL);
    }
    return true;
}

/* Empties the branch, or takes up a disconnect that timed out; whether it was this filter's. */
static bool take_out(struct limef_split_filter *split, struct limef_split_branch *branch,
                     struct limef_filter *to)
{
    struct limef_filter *expected = to;

    if (filter_of(branch) == to) {
        /* before `to` is emptied, so that claim() finds a static branch claimed */
        atomic_store_explicit(&branch->claimed, 1, memory_order_relaxed);
        atomic_store_explicit(&branch->to, NULL, memory_order_seq_cst);
        branch->left_epoch = atomic_load_explicit(&split->epoch, memory_order_seq_cst);
        return true;
    }
    /* acquire: pairs with the release that left it behind */
    return atomic_compare_exchange_strong_explicit(&branch->leaving, &expected, NULL,
                                                   memory_order_acquire, memory_order_relaxed);
}

int limef_split_disconnect(struct limef_split_filter *split, struct limef_filter *to,
                           int64_t timeout_us)
{
    int64_t deadline_us = limef_deadline_us(timeout_us);

    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES; i++) {
        struct limef_split_branch *branch = &split->branches[i];

        if (!take_out(split, branch, to))
            continue;
        if (!wait_until_left(split, branch->left_epoch, deadline_us)) {
            atomic_store_explicit(&branch->leaving, to, memory_order_release);
            return AVERROR(ETIMEDOUT);
        }
        give_back(branch);
        return 0;
    }
    return AVERROR(ENOENT);
}

uint64_t limef_split_n_refused(const struct limef_split_filter *split,
                               const struct limef_filter *to)
{
    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES; i++) {
        if (filter_of(&split->branches[i]) == to)
            return LIMEF_COUNTED(split->branches[i].n_refused);
    }
    return 0;
}
