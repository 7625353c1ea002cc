/* SPDX-License-Identifier: MIT */
#include "thread/team_private.h"

#include "fifo/futex.h"
#include "thread/priority.h"

#include <limef/base/log.h>
#include <limef/thread/machine.h>

#include <assert.h>
#include <libavutil/error.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A worker looks so often for the next run before it sleeps: about 20 us of pauses. */
#define WORKER_LOOKS 512
/* The caller waits for parts that are being done: about 40 us, then it sleeps. */
#define CALLER_LOOKS 1024
/* A sharing must save so many times what handing out costs. */
#define GAIN_PER_COST 2
#define DISPATCH_FIRST_NS 5000
#define DISPATCH_MAX_NS 50000

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* run in the upper half; then end, and next in the lowest bits. */
static uint64_t make_block(uint32_t run, unsigned next, unsigned end)
{
    return (uint64_t)run << 32 | (uint64_t)end << 16 | next;
}

/* Takes the next part of a block if it is of that run. */
static bool take(LIMEF_ATOMIC(uint64_t) * block, uint32_t run, unsigned *part)
{
    uint64_t now = atomic_load_explicit(block, memory_order_relaxed);

    do {
        if ((uint32_t)(now >> 32) != run || (now & 0xffff) >= (now >> 16 & 0xffff))
            return false;
        /* acquire: what is to be done; pairs with the release in hand_out(). Who has a part keeps
         * the run from ending */
    } while (!atomic_compare_exchange_weak_explicit(block, &now, now + 1, memory_order_acquire,
                                                    memory_order_relaxed));
    *part = (unsigned)(now & 0xffff);
    return true;
}

/* Block 0 is the caller's. */
static LIMEF_ATOMIC(uint64_t) * block_of(struct limef_team *team, unsigned n)
{
    return n ? &team->workers[n - 1].block : &team->block;
}

/* Back to what a thread is born as, then to the class. */
static void follow_priority(struct limef_team_worker *worker)
{
    struct sched_param param = {0};

    if (worker->priority == worker->team->priority)
        return;
    worker->priority = worker->team->priority;
    sched_setscheduler(0, SCHED_OTHER, &param);
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), 0) < 0)
        limef_log(LIMEF_LOG_DEBUG, worker->team->name, "keeps its nice value");
    priority_apply(worker->priority, worker->team->name);
}

/* Who is woken after a while is often put on the processor of who wakes it, although another one is
 * idle; the two then take turns there for a millisecond and more. A worker goes to where the caller
 * is not: its affinity is what it was born with, but for that processor. */
static void step_aside(struct limef_team_worker *worker)
{
    int cpu = worker->team->cpu;
    cpu_set_t cpus;

    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getcpu() != cpu)
        return;
    if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
        return;
    if (worker->keeps_off)
        CPU_SET(worker->keeps_off - 1, &cpus);
    CPU_CLR(cpu, &cpus);
    if (CPU_COUNT(&cpus) && sched_setaffinity(0, sizeof(cpus), &cpus) == 0)
        worker->keeps_off = (unsigned)cpu + 1;
}

/* Does parts of a run, of its own block first. Returns how many. */
static unsigned do_parts(struct limef_team *team, uint32_t run, unsigned own,
                         struct limef_team_worker *worker)
{
    unsigned n_blocks = team->n_workers + 1, n_done = 0, part;

    for (unsigned i = 0; i < n_blocks; i++) {
        while (take(block_of(team, (own + i) % n_blocks), run, &part)) {
            if (worker && !n_done) {
                step_aside(worker);
                follow_priority(worker);
            }
            team->fn(team->context, part);
            n_done++;
            /* release: what was done; pairs with the caller's acquire. seq_cst, before the look at
             * the caller */
            if (atomic_fetch_sub_explicit(&team->n_left, 1, memory_order_seq_cst) == 1 && worker &&
                atomic_load_explicit(&team->caller_sleeps, memory_order_seq_cst))
                futex_wake(&team->n_left);
        }
    }
    return n_done;
}

static void sleep_until_run(struct limef_team *team, uint32_t seen)
{
    for (unsigned i = 0; i < WORKER_LOOKS; i++) {
        if (atomic_load_explicit(&team->run, memory_order_acquire) != seen)
            return;
        cpu_relax();
    }
    /* seq_cst: before the system looks at run; pairs with the fence in hand_out() */
    atomic_fetch_add_explicit(&team->n_sleeping, 1, memory_order_seq_cst);
    futex_wait(&team->run, seen, LIMEF_FOREVER);
    atomic_fetch_sub_explicit(&team->n_sleeping, 1, memory_order_relaxed);
}

static void *worker_main(void *argument)
{
    struct limef_team_worker *worker = argument;
    struct limef_team *team = worker->team;
    unsigned own = (unsigned)(worker - team->workers) + 1;

    for (;;) {
        /* acquire, before the look at stopping: a run that stop has counted is not slept on; pairs
         * with stop_workers() */
        uint32_t run = atomic_load_explicit(&team->run, memory_order_acquire);

        if (atomic_load_explicit(&team->stopping, memory_order_relaxed))
            break;
        do_parts(team, run, own, worker);
        sleep_until_run(team, run);
    }
    /* release: pairs with the acquire of stop */
    atomic_store_explicit(&worker->alive, 0, memory_order_release);
    futex_wake(&worker->alive);
    return NULL;
}

static void hand_out(struct limef_team *team, uint32_t run, unsigned n_parts)
{
    unsigned n_blocks = team->n_workers + 1;

    atomic_store_explicit(&team->n_left, n_parts, memory_order_relaxed);
    for (unsigned i = 0; i < n_blocks; i++)
        /* release: fn, context, n_left; pairs with take() */
        atomic_store_explicit(block_of(team, i),
                              make_block(run, n_parts * i / n_blocks, n_parts * (i + 1) / n_blocks),
                              memory_order_release);
    atomic_store_explicit(&team->run, run, memory_order_release);
    /* run, before the look at who sleeps */
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&team->n_sleeping, memory_order_seq_cst))
        futex_wake(&team->run);
}

/* Waits for the parts that others are doing. */
static void join(struct limef_team *team)
{
    uint32_t n_left;

    for (unsigned i = 0; i < CALLER_LOOKS; i++) {
        /* acquire: what was done */
        if (!atomic_load_explicit(&team->n_left, memory_order_acquire))
            return;
        cpu_relax();
    }
    /* seq_cst: before the look at what is left; pairs with do_parts() */
    atomic_store_explicit(&team->caller_sleeps, 1, memory_order_seq_cst);
    while ((n_left = atomic_load_explicit(&team->n_left, memory_order_seq_cst)) != 0)
        futex_wait(&team->n_left, n_left, LIMEF_FOREVER);
    atomic_store_explicit(&team->caller_sleeps, 0, memory_order_relaxed);
}

static void run_here(unsigned n_parts, limef_team_fn *fn, void *context)
{
    for (unsigned i = 0; i < n_parts; i++)
        fn(context, i);
}

/* What is known of a work; what had its place before is forgotten. */
static struct limef_team_learned *learned_of(struct limef_team *team, limef_team_fn *fn,
                                             void *context)
{
    uintptr_t key = (uintptr_t)context ^ (uintptr_t)fn >> 4;
    struct limef_team_learned *learned =
        &team->learned[(key ^ key >> 6 ^ key >> 12) % LIMEF_TEAM_N_LEARNED];

    if (learned->fn != fn || learned->context != context)
        *learned = (struct limef_team_learned){fn, context, 0};
    return learned;
}

static void learn(int64_t *mean_ns, int64_t ns)
{
    *mean_ns = *mean_ns ? (3 * *mean_ns + ns) / 4 : ns;
    if (*mean_ns < 1)
        *mean_ns = 1; /* 0 would be unknown */
}

/* What is not known is done once by the caller, to learn. */
static bool is_worth_sharing(const struct limef_team *team,
                             const struct limef_team_learned *learned, unsigned n_parts)
{
    int64_t work_ns = learned->part_ns * n_parts;

    if (!team->dispatch_ns)
        return true;
    return work_ns - work_ns / (team->n_workers + 1) > GAIN_PER_COST * team->dispatch_ns;
}

static void share(struct limef_team *team, unsigned n_parts, struct limef_team_learned *learned)
{
    struct limef_thread *thread = limef_thread_current();
    uint32_t run = atomic_load_explicit(&team->run, memory_order_relaxed) + 1;
    int64_t began_ns = now_ns(), handed_ns, dispatch_ns;
    unsigned n_done;

    team->fn = learned->fn;
    team->context = learned->context;
    team->priority = thread ? thread->settings.priority : LIMEF_PRIORITY_PROCESSING;
    team->cpu = sched_getcpu();
    hand_out(team, run, n_parts);
    handed_ns = now_ns();
    n_done = do_parts(team, run, 0, NULL);
    if (n_done)
        learn(&learned->part_ns, (now_ns() - handed_ns) / n_done);
    join(team);
    LIMEF_COUNT(team->n_shared, 1);
    if (team->dispatch_is_fixed)
        return;
    dispatch_ns = handed_ns - began_ns;
    learn(&team->dispatch_ns, dispatch_ns < DISPATCH_MAX_NS ? dispatch_ns : DISPATCH_MAX_NS);
}

void limef_team_run(struct limef_team *team, unsigned n_parts, limef_team_fn *fn, void *context)
{
    struct limef_team_learned *learned;
    int64_t began_ns;

    assert(n_parts <= LIMEF_TEAM_MAX_PARTS);
    if (!team || !team->n_workers || n_parts < 2) {
        run_here(n_parts, fn, context);
        return;
    }
    if (atomic_exchange_explicit(&team->busy, 1, memory_order_acquire)) {
        atomic_fetch_add_explicit(&team->n_busy, 1, memory_order_relaxed);
        run_here(n_parts, fn, context);
        return;
    }
    learned = learned_of(team, fn, context);
    if (is_worth_sharing(team, learned, n_parts)) {
        share(team, n_parts, learned);
    } else {
        began_ns = now_ns();
        run_here(n_parts, fn, context);
        learn(&learned->part_ns, (now_ns() - began_ns) / n_parts);
        LIMEF_COUNT(team->n_sequential, 1);
        /* what one odd run taught is forgotten: else nothing would be handed out to learn anew */
        if (!team->dispatch_is_fixed && team->dispatch_ns > DISPATCH_FIRST_NS)
            team->dispatch_ns -= team->dispatch_ns / 64;
    }
    /* release: pairs with the acquire of who runs something next */
    atomic_store_explicit(&team->busy, 0, memory_order_release);
}

unsigned limef_team_n_threads(const struct limef_team *team)
{
    return team ? team->n_workers + 1 : 1;
}

void team_fix_dispatch(struct limef_team *team, int64_t dispatch_ns)
{
    team->dispatch_ns = dispatch_ns;
    team->dispatch_is_fixed = true;
}

/* Asks the first n workers to end, and waits. */
static int stop_workers(struct limef_team *team, unsigned n, int64_t timeout_us)
{
    int64_t deadline_us = limef_deadline_us(timeout_us);

    atomic_store_explicit(&team->stopping, 1, memory_order_relaxed);
    /* release: stopping; pairs with worker_main() */
    atomic_fetch_add_explicit(&team->run, 1, memory_order_seq_cst);
    futex_wake(&team->run);
    for (unsigned i = 0; i < n; i++)
        while (atomic_load_explicit(&team->workers[i].alive, memory_order_acquire)) {
            if (deadline_us != LIMEF_FOREVER && limef_now_us() >= deadline_us)
                return limef_fail(AVERROR(ETIMEDOUT), team->name, "a worker does not come back");
            futex_wait(&team->workers[i].alive, 1, deadline_us);
        }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(team->workers[i].handle, NULL);
        team->workers[i] = (struct limef_team_worker){0};
    }
    return 0;
}

static int start_worker(struct limef_team *team, struct limef_team_worker *worker)
{
    char system_name[16];
    int error;

    worker->team = team;
    atomic_store_explicit(&worker->alive, 1, memory_order_relaxed);
    error = pthread_create(&worker->handle, NULL, worker_main, worker);
    if (error) {
        /* not the block: those who were started look at it */
        atomic_store_explicit(&worker->alive, 0, memory_order_relaxed);
        worker->team = NULL;
        return AVERROR(error);
    }
    snprintf(system_name, sizeof(system_name), "%s", team->name);
    pthread_setname_np(worker->handle, system_name);
    return 0;
}

int team_start(struct limef_team *team, struct limef_team_worker *workers, unsigned n_workers,
               const char *name)
{
    team->workers = workers;
    team->n_workers = n_workers;
    team->name = name ? name : "team";
    team->dispatch_ns = DISPATCH_FIRST_NS;
    for (unsigned i = 0; i < n_workers; i++) {
        int ret = start_worker(team, &workers[i]);

        if (ret < 0) {
            limef_fail(ret, team->name, "cannot start worker %u", i);
            stop_workers(team, i, LIMEF_FOREVER); /* they have nothing to do but to end */
            *team = (struct limef_team){0};
            return ret;
        }
    }
    return 0;
}

int limef_team_start(struct limef_team *team, struct limef_team_worker *workers, unsigned n_workers,
                     const char *name)
{
    double n_others = limef_machine_n_cpus() - 1;

    /* half a core is enough for a worker: it is faster than none */
    if (n_others < n_workers)
        n_workers = n_others >= 0.5 ? (unsigned)(n_others + 0.5) : 0;
    return team_start(team, workers, n_workers, name);
}

int limef_team_stop(struct limef_team *team, int64_t timeout_us)
{
    int ret = 0;

    if (team->n_workers)
        ret = stop_workers(team, team->n_workers, timeout_us);
    if (ret == 0)
        *team = (struct limef_team){0};
    return ret;
}
