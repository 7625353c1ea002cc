/* SPDX-License-Identifier: MIT */
#include "stalls.h"

#include "bench.h"

#include <stdatomic.h>
#include <stdbool.h>

#define TICK_NS 500000
#define STALL_NS 1000000
#define BEFORE_NS 20000000
#define MAX_PROCESSORS 64
#define PRIORITY 90

struct ticker {
    pthread_t thread;
    int number;
    atomic_llong due_ns;     /* the tick that comes next, or does not */
    atomic_llong stalled_ns; /* until when it stood still last; 0: never */
    long n_stalls;
    int64_t worst_ns;
};

static struct ticker tickers[MAX_PROCESSORS];
static int n_tickers;
static atomic_bool over;
static uint64_t (*count_troubles)(void);
static struct stalls seen;

static bool is_explained(int64_t now_ns)
{
    for (int i = 0; i < n_tickers; i++) {
        int64_t stalled_ns = atomic_load(&tickers[i].stalled_ns);

        if (now_ns > atomic_load(&tickers[i].due_ns) + STALL_NS ||
            (stalled_ns && now_ns - stalled_ns < BEFORE_NS))
            return true;
    }
    return false;
}

static void look_for_trouble(uint64_t *n_before, int64_t now_ns)
{
    uint64_t n = count_troubles();

    if (n == *n_before)
        return;
    *n_before = n;
    seen.n_troubles++;
    seen.n_unexplained += !is_explained(now_ns);
}

static void *tick(void *context)
{
    struct ticker *ticker = context;
    int64_t due_ns = bench_now_ns();
    uint64_t n_troubles = count_troubles();

    bench_pin(ticker->number);
    pthread_setschedparam(pthread_self(), SCHED_FIFO,
                          &(struct sched_param){.sched_priority = PRIORITY});
    while (!atomic_load(&over)) {
        int64_t now_ns, late_ns;

        atomic_store(&ticker->due_ns, due_ns += TICK_NS);
        bench_sleep_until_ns(due_ns);
        now_ns = bench_now_ns();
        late_ns = now_ns - due_ns;
        if (late_ns > STALL_NS) {
            ticker->n_stalls++;
            atomic_store(&ticker->stalled_ns, now_ns);
            due_ns = now_ns;
        }
        ticker->worst_ns = late_ns > ticker->worst_ns ? late_ns : ticker->worst_ns;
        if (!ticker->number)
            look_for_trouble(&n_troubles, now_ns);
    }
    return NULL;
}

void stalls_start(uint64_t (*count)(void))
{
    int n = (int)sysconf(_SC_NPROCESSORS_ONLN);

    count_troubles = count;
    n_tickers = n < MAX_PROCESSORS ? n : MAX_PROCESSORS;
    for (int i = 0; i < n_tickers; i++) {
        tickers[i].number = i;
        atomic_store(&tickers[i].due_ns, bench_now_ns());
    }
    for (int i = 0; i < n_tickers; i++)
        if (pthread_create(&tickers[i].thread, NULL, tick, &tickers[i]))
            abort();
}

void stalls_stop(struct stalls *stalls)
{
    atomic_store(&over, true);
    for (int i = 0; i < n_tickers; i++) {
        pthread_join(tickers[i].thread, NULL);
        seen.n += tickers[i].n_stalls;
        seen.worst_ns = tickers[i].worst_ns > seen.worst_ns ? tickers[i].worst_ns : seen.worst_ns;
    }
    *stalls = seen;
}
