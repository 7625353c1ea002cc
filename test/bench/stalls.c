/* SPDX-License-Identifier: MIT */
#include "stalls.h"

#include "bench.h"

#include <stdatomic.h>
#include <stdbool.h>

#define TICK_NS 500000
#define STALL_NS 1000000
#define BEFORE_NS 20000000
#define MAX_PROCESSORS 64
#define MAX_STALLS 16384 /* of the last ones when and how long is known */
#define PRIORITY 90

struct ticker {
    pthread_t thread;
    int number;
    bool real_time;
    atomic_llong due_ns; /* the tick that comes next, or does not */
    struct {
        int64_t from_ns, to_ns;
    } stalls[MAX_STALLS];
    atomic_long n_stalls; /* release: what the last one is; pairs with stood_still_ns() */
    int64_t worst_ns;
};

static struct ticker tickers[MAX_PROCESSORS];
static int n_tickers;
static atomic_bool over;
static uint64_t (*count_troubles)(void);
static int64_t explains_ns;
static struct stalls seen;

/* How long a processor stood still in that time. */
static int64_t stood_still_ns(struct ticker *ticker, int64_t from_ns, int64_t to_ns)
{
    long n = atomic_load_explicit(&ticker->n_stalls, memory_order_acquire);
    int64_t due_ns = atomic_load(&ticker->due_ns), sum_ns = 0;

    for (long i = n - 1; i >= 0 && i >= n - MAX_STALLS; i--) {
        int64_t began_ns = ticker->stalls[i % MAX_STALLS].from_ns;
        int64_t ended_ns = ticker->stalls[i % MAX_STALLS].to_ns;

        if (ended_ns <= from_ns) /* and so are all before it */
            break;
        began_ns = began_ns > from_ns ? began_ns : from_ns;
        ended_ns = ended_ns < to_ns ? ended_ns : to_ns;
        sum_ns += ended_ns > began_ns ? ended_ns - began_ns : 0;
    }
    if (!atomic_load(&over) && to_ns > due_ns + STALL_NS) /* it still does */
        sum_ns += to_ns - (due_ns > from_ns ? due_ns : from_ns);
    return sum_ns;
}

int64_t stalls_between_ns(int64_t from_ns, int64_t to_ns)
{
    int64_t most_ns = 0;

    for (int i = 0; i < n_tickers; i++) {
        int64_t ns = stood_still_ns(&tickers[i], from_ns, to_ns);

        most_ns = ns > most_ns ? ns : most_ns;
    }
    return most_ns;
}

static void look_for_trouble(uint64_t *n_before, int64_t since_ns, int64_t now_ns)
{
    uint64_t n = count_troubles();
    bool explained = stalls_between_ns(now_ns - explains_ns - BEFORE_NS, now_ns) >= explains_ns;

    seen.looked_ns += now_ns - since_ns;
    seen.explaining_ns += explained ? now_ns - since_ns : 0;
    if (n == *n_before)
        return;
    *n_before = n;
    seen.n_troubles++;
    seen.n_unexplained += !explained;
}

static void note_stall(struct ticker *ticker, int64_t from_ns, int64_t to_ns)
{
    long n = atomic_load(&ticker->n_stalls);

    ticker->stalls[n % MAX_STALLS].from_ns = from_ns;
    ticker->stalls[n % MAX_STALLS].to_ns = to_ns;
    atomic_store_explicit(&ticker->n_stalls, n + 1, memory_order_release);
}

static void *tick(void *context)
{
    struct ticker *ticker = context;
    int64_t due_ns = bench_now_ns(), looked_ns = due_ns;
    uint64_t n_troubles = count_troubles ? count_troubles() : 0;

    bench_pin(ticker->number);
    ticker->real_time =
        pthread_setschedparam(pthread_self(), SCHED_FIFO,
                              &(struct sched_param){.sched_priority = PRIORITY}) == 0;
    while (!atomic_load(&over)) {
        int64_t now_ns, late_ns;

        atomic_store(&ticker->due_ns, due_ns += TICK_NS);
        bench_sleep_until_ns(due_ns);
        now_ns = bench_now_ns();
        late_ns = now_ns - due_ns;
        if (late_ns > STALL_NS) {
            note_stall(ticker, due_ns, now_ns);
            due_ns = now_ns;
        }
        ticker->worst_ns = late_ns > ticker->worst_ns ? late_ns : ticker->worst_ns;
        if (!ticker->number && count_troubles)
            look_for_trouble(&n_troubles, looked_ns, now_ns);
        looked_ns = now_ns;
    }
    return NULL;
}

void stalls_start(uint64_t (*count)(void), int64_t enough_ns)
{
    int n = (int)sysconf(_SC_NPROCESSORS_ONLN);

    count_troubles = count;
    explains_ns = enough_ns > STALL_NS ? enough_ns : STALL_NS;
    seen.real_time = true;
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
        seen.n += atomic_load(&tickers[i].n_stalls);
        seen.real_time &= tickers[i].real_time;
        seen.worst_ns = tickers[i].worst_ns > seen.worst_ns ? tickers[i].worst_ns : seen.worst_ns;
    }
    *stalls = seen;
}
