/* SPDX-License-Identifier: MIT */
/*
 * Sound from a source with a clock through a mixer to a device with a clock, 48 kHz stereo, periods
 * of 128 frames, the source's pieces of 64, while another thread hammers the mixer with commands.
 *
 *   audio_drift simulated               ten minutes, by an imagined clock
 *   audio_drift mixer SECONDS [LOAD [PATIENCE]]
 *                                       by real ones; LOAD: threads that use so many percent of
 *                                       every processor; PATIENCE: of the output, ms
 *   audio_drift deque SECONDS [LOAD]    the same, with the same threads, priorities and device,
 *                                       through a list behind a mutex, which the commands take as
 *                                       well
 *   audio_drift bare SECONDS [LOAD]     the same threads and clocks, and nothing but a counter of
 *                                       frames between them: what the machine itself lets run dry
 *
 * Prints one JSON object: how much later the same input is heard at the end than at the beginning,
 * how long it takes from the source to the mixer (latency_us) and until it is heard, how many
 * periods waited for the source, how often its sound and the device ran dry, and how often a
 * processor stood still meanwhile: "unexplained" are the troubles before which none did so for as
 * long as what waits in the device lasts.
 */
#include "audio/pace.h"
#include "audio_peers.h"
#include "bench.h"
#include "stalls.h"

#include <limef/audio/output.h>

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define RATE 48000
#define BLOCK 128
#define PIECE 64
#define N_AHEAD (BLOCK + PIECE)
#define RING_FRAMES 4096
#define HAMMER_NS 20000
#define BURN_NS 10000000
#define MAX_BURNERS 64

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[RING_FRAMES * 2], sound[BLOCK * 2], out[BLOCK * 2];
static atomic_bool over;
static int load_percent, patience_ms;
static int64_t source_began_ns; /* when frame 0 began */

static void open_mixer(void)
{
    struct limef_mixer_input_settings settings = {.n_ahead = N_AHEAD, .keeps_time = true};

    if (limef_mixer_init(&mixer, NULL, NULL) < 0 ||
        limef_mixer_input_init(&input, &mixer, NULL, memory, RING_FRAMES, &settings) < 0 ||
        limef_mixer_connect(&mixer, &input) < 0)
        abort();
}

static void simulate(void)
{
    double first_us = NAN, worst_us = 0, late_us = 0;
    int64_t written = 0;

    open_mixer();
    for (int64_t n = 0; n < 600LL * RATE; n += BLOCK) {
        int64_t now_us = n * 1000000 / RATE, heard_us;

        for (; written + PIECE <= n; written += PIECE)
            limef_mixer_input_write(&input, sound, PIECE, written * 1000000 / RATE, 1000);
        limef_mixer_set(&mixer, &input, LIMEF_MIXER_GAIN, (float)(n % 7) / 7);
        limef_mixer_mix(&mixer, out, BLOCK, now_us);
        heard_us = limef_mixer_input_heard_us(&input, now_us);
        if (heard_us == LIMEF_NO_TIME)
            continue;
        late_us = (double)n * 1e6 / RATE - (double)heard_us;
        if (isnan(first_us))
            first_us = late_us;
        worst_us = fmax(worst_us, fabs(late_us - first_us));
    }
    printf("{\"drift_us\": %.1f, \"worst_us\": %.1f, \"latency_us\": %.0f, \"underruns\": %llu}\n",
           late_us - first_us, worst_us, late_us,
           (unsigned long long)LIMEF_COUNTED(input.ring.n_underruns));
}

/* What goes through, either way. */
struct path {
    void (*write)(int64_t n);    /* a piece; it begins with frame n */
    void (*command)(unsigned i); /* as fast as somebody could turn knobs */
    uint64_t (*count_troubles)(void);
    int64_t (*heard_us)(int64_t now_us); /* the source's time; LIMEF_NO_TIME: nothing is heard */
    int64_t (*delay_us)(void);           /* from mixing the latest period until it is heard */
};

static const struct path *path;

static void *write_by_the_clock(void *context)
{
    (void)context;
    bench_real_time();
    for (int64_t n = 0; !atomic_load(&over); n += PIECE) {
        bench_sleep_until_ns(source_began_ns + (n + PIECE) * NS_PER_S / RATE);
        path->write(n);
    }
    return NULL;
}

static void *hammer(void *context)
{
    (void)context;
    for (unsigned i = 0; !atomic_load(&over); i++) {
        path->command(i);
        bench_sleep_until_ns(bench_now_ns() + HAMMER_NS);
    }
    return NULL;
}

static void *burn(void *context)
{
    bench_pin((int)(intptr_t)context);
    for (int64_t begins_ns = bench_now_ns(); !atomic_load(&over); begins_ns += BURN_NS) {
        while (bench_now_ns() < begins_ns + BURN_NS * load_percent / 100)
            ;
        bench_sleep_until_ns(begins_ns + BURN_NS);
        if (bench_now_ns() > begins_ns + 2 * BURN_NS) /* others had it: nothing is made up for */
            begins_ns = bench_now_ns() - BURN_NS;
    }
    return NULL;
}

static struct stalls stalls;
static pthread_t threads[3 + MAX_BURNERS];
static int n_threads;

static void begin(void *(*run)(void *), int number)
{
    if (pthread_create(&threads[n_threads++], NULL, run, (void *)(intptr_t)number))
        abort();
}

static void begin_all(const struct path *through)
{
    path = through;
    source_began_ns = bench_now_ns();
    begin(write_by_the_clock, 0);
    begin(hammer, 0);
    /* all that waits in the device has to be played, and half a period more */
    stalls_start(path->count_troubles,
                 patience_ms * INT64_C(1000000) + BLOCK / 2 * NS_PER_S / RATE);
    for (int i = 0; load_percent && i < sysconf(_SC_NPROCESSORS_ONLN) && i < MAX_BURNERS; i++)
        begin(burn, i);
}

static void end_all(void)
{
    atomic_store(&over, true);
    stalls_stop(&stalls);
    while (n_threads)
        pthread_join(threads[--n_threads], NULL);
}

static void print_stalls(void)
{
    printf("\"stalls\": %ld, \"stall_worst_us\": %lld, \"troubles\": %ld, \"unexplained\": %ld, "
           "\"by_chance\": %.2f, \"stalls_seen\": \"%s\"}\n",
           stalls.n, (long long)stalls.worst_ns / 1000, stalls.n_troubles, stalls.n_unexplained,
           stalls.looked_ns ? 100 * (double)stalls.explaining_ns / (double)stalls.looked_ns : 0,
           stalls.real_time ? "real time" : "ordinary");
}

static void write_to_mixer(int64_t n)
{
    limef_mixer_input_write(&input, sound, PIECE, n * 1000000 / RATE, 1000);
}

static void command_mixer(unsigned i)
{
    limef_mixer_set(&mixer, &input, LIMEF_MIXER_GAIN, (float)(i % 100) / 100);
}

/* Of some looks the medians: the input may be between two sounds, a period may be mixed late. */
struct latency {
    int64_t heard_us, mixed_us; /* after the source had it */
};

static struct latency latency_now(void)
{
    int64_t heard_us[21], mixed_us[21];

    for (int i = 0; i < 21; i++) {
        int64_t now_us, media_us;

        do {
            bench_sleep_until_ns(bench_now_ns() + 10000000);
            now_us = limef_now_us();
            media_us = path->heard_us(now_us);
        } while (media_us == LIMEF_NO_TIME);
        heard_us[i] = now_us - media_us - source_began_ns / 1000;
        mixed_us[i] = heard_us[i] - path->delay_us();
    }
    return (struct latency){bench_percentile(heard_us, 21, 0.5),
                            bench_percentile(mixed_us, 21, 0.5)};
}

static void print_latency(int seconds)
{
    struct latency first = latency_now(), last;

    bench_sleep_until_ns(bench_now_ns() + seconds * NS_PER_S);
    last = latency_now();
    printf("{\"drift_us\": %lld, \"heard_after_us\": %lld, \"latency_us\": %lld, ",
           (long long)(last.heard_us - first.heard_us), (long long)last.heard_us,
           (long long)last.mixed_us);
}

static struct limef_audio_output output;

static uint64_t mixer_troubles(void)
{
    struct limef_sample_ring_counters ring;
    struct limef_audio_output_counters counters;

    limef_sample_ring_get_counters(&input.ring, &ring);
    limef_audio_output_get_counters(&output, &counters);
    return ring.n_underruns + counters.n_underruns;
}

static int64_t mixer_heard_us(int64_t now_us)
{
    return limef_mixer_input_heard_us(&input, now_us);
}

static int64_t mixer_delay_us(void)
{
    struct limef_audio_output_counters counters;

    limef_audio_output_get_counters(&output, &counters);
    return counters.delay_us;
}

static void run_mixer(int seconds)
{
    static const struct path through = {write_to_mixer, command_mixer, mixer_troubles,
                                        mixer_heard_us, mixer_delay_us};
    struct limef_audio_output_settings settings = {
        .kind = LIMEF_AUDIO_NULL, .period_frames = BLOCK, .patience_us = patience_ms * 1000};
    struct limef_audio_output_counters counters;
    struct limef_sample_ring_counters ring;

    open_mixer();
    if (limef_audio_output_start(&output, NULL, &mixer, &settings) < 0)
        abort();
    begin_all(&through);
    print_latency(seconds);
    limef_sample_ring_get_counters(&input.ring, &ring);
    limef_audio_output_get_counters(&output, &counters);
    end_all();
    printf("\"late\": %llu, \"underruns\": %llu, \"device_underruns\": %llu, "
           "\"periods\": %llu, \"mix_p99_us\": %lld, \"commands\": %llu, \"real_time\": %d, ",
           (unsigned long long)counters.n_late, (unsigned long long)ring.n_underruns,
           (unsigned long long)counters.n_underruns, (unsigned long long)counters.n_periods,
           (long long)counters.mix_p99_us, (unsigned long long)LIMEF_COUNTED(mixer.n_commands),
           counters.scheduled_as >= LIMEF_SCHEDULED_RR);
    print_stalls();
    limef_audio_output_stop(&output, 1000000);
}

/* The list takes blocks of 64 frames, as in audio_peers.c, whose first sample says which; the gain
 * and what is heard are under a lock of their own kind: the same one. What the list does not have
 * is silence, and what follows is heard so much later. */
static const struct audio_peer *list;
static void *deque;
static pthread_mutex_t gain_lock = PTHREAD_MUTEX_INITIALIZER;
static float gain = 1;
static long n_waiting;      /* blocks */
static int64_t heard_at_us; /* when media_us was heard, or will be */
static int64_t heard_media_us = LIMEF_NO_TIME, delay_us;
static bool is_real_time;
static atomic_llong n_commands;
static atomic_long n_underruns, n_dry, n_periods;

static uint64_t deque_troubles(void)
{
    return (uint64_t)(atomic_load(&n_underruns) + atomic_load(&n_dry));
}

static void write_to_deque(int64_t n)
{
    pthread_mutex_lock(&gain_lock);
    sound[0] = (float)(n / PIECE);
    list->write(deque, sound);
    n_waiting++;
    pthread_mutex_unlock(&gain_lock);
}

static void command_deque(unsigned i)
{
    pthread_mutex_lock(&gain_lock);
    gain = (float)(i % 100) / 100;
    pthread_mutex_unlock(&gain_lock);
    atomic_fetch_add(&n_commands, 1);
}

static int64_t deque_heard_us(int64_t now_us)
{
    int64_t media_us;

    pthread_mutex_lock(&gain_lock);
    media_us =
        heard_media_us == LIMEF_NO_TIME ? LIMEF_NO_TIME : heard_media_us + now_us - heard_at_us;
    pthread_mutex_unlock(&gain_lock);
    return media_us;
}

static int64_t deque_delay_us(void)
{
    int64_t us;

    pthread_mutex_lock(&gain_lock);
    us = delay_us;
    pthread_mutex_unlock(&gain_lock);
    return us;
}

/* Under the lock: a block of a period, which is heard at at_us. Returns whether there was one. */
static bool mix_block(float *mixed, int64_t at_us)
{
    float block[AUDIO_BLOCK_FLOATS] = {0};
    bool there = list->read(deque, block);

    if (there) {
        n_waiting--;
        heard_media_us = (int64_t)block[0] * PIECE * 1000000 / RATE;
        heard_at_us = at_us;
    }
    for (int i = 0; i < AUDIO_BLOCK_FLOATS; i++)
        mixed[i] = block[i] * gain;
    return there;
}

/* Sound begins with as many frames as the mixer's input waits for. */
static void mix_from_deque(int64_t at_us)
{
    bool there = true;

    pthread_mutex_lock(&gain_lock);
    delay_us = at_us - limef_now_us();
    if (heard_media_us != LIMEF_NO_TIME || n_waiting * PIECE >= N_AHEAD)
        for (int part = 0; part < BLOCK / PIECE; part++)
            there &= mix_block(out + (ptrdiff_t)part * AUDIO_BLOCK_FLOATS,
                               at_us + part * PIECE * 1000000LL / RATE);
    pthread_mutex_unlock(&gain_lock);
    atomic_fetch_add(&n_underruns, !there);
}

/* Nothing but how many frames the source had, and how many of them were taken. */
static atomic_llong n_given;
static int64_t n_taken;
static bool has_begun;

static void give(int64_t n)
{
    atomic_store(&n_given, n + PIECE);
}

static void command_nothing(unsigned i)
{
    (void)i;
    atomic_fetch_add(&n_commands, 1);
}

static void take(int64_t at_us)
{
    int64_t waiting = atomic_load(&n_given) - n_taken;

    (void)at_us;
    has_begun |= waiting >= N_AHEAD;
    if (has_begun && waiting < BLOCK)
        atomic_fetch_add(&n_underruns, 1);
    else if (has_begun)
        n_taken += BLOCK;
}

static void (*mix)(int64_t at_us); /* a period, which is heard then */

/* The audio thread: the null device's own clock. */
static void *play(void *context)
{
    struct sched_param param;
    struct pace pace;
    int policy;

    (void)context;
    bench_real_time();
    is_real_time = !pthread_getschedparam(pthread_self(), &policy, &param) && policy == SCHED_FIFO;
    pace_init(&pace, RATE, BLOCK, (uint32_t)(patience_ms * RATE / 1000));
    while (!atomic_load(&over)) {
        int64_t mixed_us, at_us;

        atomic_fetch_add(&n_dry, pace_next(&pace, limef_now_us(), &mixed_us, &at_us));
        bench_sleep_until_ns(mixed_us * 1000);
        mix(at_us);
        pace_write(&pace, BLOCK);
        atomic_fetch_add(&n_periods, 1);
    }
    return NULL;
}

static void begin_playing(void (*mixes)(int64_t at_us), const struct path *through)
{
    mix = mixes;
    begin(play, 0);
    begin_all(through);
}

static void print_played(void)
{
    printf("\"underruns\": %ld, \"device_underruns\": %ld, \"periods\": %ld, "
           "\"commands\": %lld, \"real_time\": %d, ",
           (long)n_underruns, (long)n_dry, (long)n_periods, (long long)n_commands, is_real_time);
    print_stalls();
}

static void run_deque(int seconds)
{
    static const struct path through = {write_to_deque, command_deque, deque_troubles,
                                        deque_heard_us, deque_delay_us};

    list = audio_peer_find("deque");
    deque = list->make();
    begin_playing(mix_from_deque, &through);
    print_latency(seconds);
    end_all();
    print_played();
}

static void run_bare(int seconds)
{
    static const struct path through = {
        .write = give, .command = command_nothing, .count_troubles = deque_troubles};

    begin_playing(take, &through);
    bench_sleep_until_ns(bench_now_ns() + seconds * NS_PER_S);
    end_all();
    printf("{");
    print_played();
}

int main(int n_arguments, char **arguments)
{
    const char *what = n_arguments > 1 ? arguments[1] : "";
    int seconds = n_arguments > 2 ? atoi(arguments[2]) : 0;

    load_percent = n_arguments > 3 ? atoi(arguments[3]) : 0;
    patience_ms = n_arguments > 4 ? atoi(arguments[4]) : 0;
    bench_pin(-1);
    if (!strcmp(what, "simulated"))
        simulate();
    else if (!strcmp(what, "mixer") && seconds > 0)
        run_mixer(seconds);
    else if (!strcmp(what, "deque") && seconds > 0)
        run_deque(seconds);
    else if (!strcmp(what, "bare") && seconds > 0)
        run_bare(seconds);
    else
        return 1;
    return 0;
}
