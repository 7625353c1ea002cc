/* SPDX-License-Identifier: MIT */
/*
 * faults [key=value...]: cameras that break in every way, again and again, and what comes of it.
 *
 * faults=N      how many; 100
 * cameras=N     at once; 8
 * seed=N        1
 * seconds=N     goes on for so long instead, faults or not; for the soak
 * pause_ms=N    between two faults of a camera; 0
 * report_s=N    a line with memory every so often; 0: none
 * allow_ms=N    until pictures come again, the longest time left out that one thread waited for a
 *               processor: from the end of the backoff that was under way when all was right with
 *               the camera, or was next; and from when all was right, beside the longest; 2000
 * kind=NAME     only that one; variant=N: of it, that one
 * backoff_ms=N  the backoff that users have, 0.5 s doubling to 30 s, of which none longer than that
 *               may be met; without it 50 ms doubling to 400 ms
 * timeout_ms=N  that cameras are asked with; 1000
 *
 * Fails if a picture is decoded that the camera did not send, if times go back, if a camera does
 * not come back in time, or if descriptors are left open. 77: there is no encoder for a clip.
 */
#include "camera/arguments.h"
#include "camera/camera.h"
#include "camera/waits.h"
#include "rtsp/camera.h"

#include <limef/limef.h>

#include <inttypes.h>
#include <libavutil/log.h>
#include <malloc.h>

#define MAX_CAMERAS 64
#define RATE_HZ 25
#define GOP 10
/* So many pictures in a row are a camera that plays. */
#define STEADY_PICTURES (GOP + 2)
#define TIMEOUT_US 1000000
#define FIRST_BACKOFF_US 50000
#define LONGEST_BACKOFF_US 400000
/* A fault that does not show is taken back. */
#define NEVER_US 15000000
#define LOST_US 60000000

enum phase { SETTLING, BROKEN, RESUMING };

struct slot {
    struct limef_rtsp_source camera;
    struct limef_decode_filter decode;
    struct limef_framemd5_filter sums;
    char url[128];

    /* the thread that sums */
    int64_t last_pts_us;

    /* written by it, read by main; relaxed: counters */
    LIMEF_ATOMIC(uint64_t) n_good, n_bad, n_backward;

    /* main */
    enum phase phase;
    struct fault fault;
    uint64_t mark;
    int64_t since_us, well_us;
    int64_t base_us;     /* when its backoff was over; when it was well if there was none */
    uint64_t n_connects; /* when it was well */
    struct waits waits;  /* when it was well */
    bool is_udp, is_secure;
    struct limef_rtsp_tls_settings tls;
};

struct record {
    unsigned n;
    int64_t sum_us, longest_us, longest_all_us, longest_own_us;
};

static struct clip clips[2];
static struct cameras *cameras;
static struct slot *slots;
static void *graph_memory;
static struct limef_reports reports;
static struct limef_graph graph;
static struct record records[N_FAULTS];
static unsigned n_begun, n_over, n_late, n_lost;
static int64_t most_backoff_us = LONGEST_BACKOFF_US;
static uint32_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % below;
}

static void take_sum(void *context, const struct limef_frame *frame, size_t size_bytes,
                     const char *md5)
{
    struct slot *slot = context;
    bool is_good = clip_has(&clips[0], md5) || clip_has(&clips[1], md5);

    (void)size_bytes;
    if (frame->pts_us < slot->last_pts_us) {
        atomic_fetch_add_explicit(&slot->n_backward, 1, memory_order_relaxed);
        fprintf(stderr, "camera %u: time goes back after \"%s\" us %" PRId64 "\n",
                (unsigned)frame->slot, fault_name(slot->fault.kind), slot->fault.us);
    }
    slot->last_pts_us = frame->pts_us;
    atomic_fetch_add_explicit(is_good ? &slot->n_good : &slot->n_bad, 1, memory_order_relaxed);
    if (!is_good)
        fprintf(stderr, "camera %u: a picture that was never sent, after \"%s\" n %u variant %u\n",
                (unsigned)frame->slot, fault_name(slot->fault.kind), slot->fault.n,
                slot->fault.variant);
}

static void pick(struct slot *slot, enum fault_kind only, int64_t variant)
{
    static const int64_t jumps_s[] = {60, -60, 3600, -3600, 1, -1, 23860, 31536000};
    struct fault *fault = &slot->fault;
    enum fault_kind kind = only ? only : (enum fault_kind)(1 + n_begun % (N_FAULTS - 1));

    if (kind == FAULT_NO_UDP && slot->is_udp)
        kind = FAULT_SCATTER;
    if (kind == FAULT_NO_TCP && slot->is_secure && !slot->is_udp) /* which goes no other way */
        kind = FAULT_STATUS;
    if (slot->is_secure && !only && next_random(2))
        kind = next_random(2) ? FAULT_TLS : FAULT_RECORD;
    else if (!slot->is_secure && (kind == FAULT_TLS || kind == FAULT_RECORD))
        kind = kind == FAULT_TLS ? FAULT_HOSTILE : FAULT_GARBAGE;
    *fault = (struct fault){
        .kind = kind, .n = 1, .variant = variant < 0 ? next_random(1000) : (unsigned)variant};
    switch (kind) {
    case FAULT_JUMP:
        fault->us = jumps_s[next_random(sizeof(jumps_s) / sizeof(jumps_s[0]))] * 1000000;
        break;
    case FAULT_FREEZE:
    case FAULT_RESTART:
        fault->us = 50000 + next_random(5 * TIMEOUT_US / 2);
        break;
    case FAULT_LATE:
        fault->us = 20000 + next_random(TIMEOUT_US / 4);
        break;
    case FAULT_QUESTIONS:
    case FAULT_DROP:
    case FAULT_DAMAGE:
    case FAULT_INSERT:
    case FAULT_GARBAGE:
        fault->n = 1 + next_random(5);
        break;
    case FAULT_LOSE:
    case FAULT_SCATTER:
    case FAULT_DUPLICATE:
    case FAULT_SWAP:
        fault->n = 1 + next_random(40);
        break;
    default:
        if (kind >= FAULT_CLOSE_AT_ONCE && kind < FAULT_STALE_NONCE)
            fault->n = 1 + next_random(2);
        break;
    }
}

/* The try that finds it well is the first one after that: what comes later is late. */
static void note_backoff(struct slot *slot)
{
    struct limef_rtsp_source_counters counters;

    limef_rtsp_source_get_counters(&slot->camera, &counters);
    if (slot->phase != RESUMING)
        slot->n_connects = counters.n_connects;
    if (counters.n_connects == slot->n_connects && slot->base_us < counters.retry_us)
        slot->base_us = counters.retry_us;
}

static void note(struct slot *slot, int64_t now_us, int64_t allow_us)
{
    struct record *record = &records[slot->fault.kind];
    int64_t played_us = (STEADY_PICTURES - 1) * (INT64_C(1000000) / RATE_HZ);
    int64_t took_us = now_us - slot->base_us - played_us;
    int64_t all_us = now_us - slot->well_us - played_us;
    int64_t own_us = waits_leave_out(&slot->waits, all_us);

    took_us = waits_leave_out(&slot->waits, took_us > 0 ? took_us : 0);
    record->n++;
    record->sum_us += took_us;
    if (took_us > record->longest_us)
        record->longest_us = took_us;
    if (all_us > record->longest_all_us)
        record->longest_all_us = all_us;
    if (own_us > record->longest_own_us)
        record->longest_own_us = own_us;
    n_over++;
    if (took_us > allow_us || own_us > most_backoff_us + allow_us) {
        n_late++;
        printf("late: \"%s\" n %u variant %u us %" PRId64 ": %" PRId64
               " ms after its backoff, %" PRId64 " ms of %" PRId64 " since it was well\n",
               fault_name(slot->fault.kind), slot->fault.n, slot->fault.variant, slot->fault.us,
               took_us / 1000, own_us / 1000, all_us / 1000);
    }
}

/* What is next for a camera. */
static void look_at(struct slot *slot, char **arguments, enum fault_kind only)
{
    unsigned i = (unsigned)(slot - slots);
    uint64_t n_good = atomic_load_explicit(&slot->n_good, memory_order_relaxed);
    int64_t now_us = limef_now_us();

    note_backoff(slot);
    switch (slot->phase) {
    case SETTLING:
        if (n_good < slot->mark + STEADY_PICTURES ||
            now_us - slot->since_us < number(arguments, "pause_ms", 0) * 1000)
            break;
        pick(slot, only, number(arguments, "variant", -1));
        n_begun++;
        slot->phase = BROKEN;
        slot->since_us = now_us;
        cameras_break(cameras, i, &slot->fault);
        break;
    case BROKEN:
        if (now_us - slot->since_us > NEVER_US)
            cameras_mend(cameras, i);
        if (!cameras_is_well(cameras, i))
            break;
        slot->phase = RESUMING;
        slot->well_us = slot->base_us = now_us;
        note_backoff(slot); /* that is under way */
        waits_read(&slot->waits);
        slot->mark = n_good;
        break;
    case RESUMING:
        if (n_good >= slot->mark + STEADY_PICTURES) {
            note(slot, now_us, number(arguments, "allow_ms", 2000) * 1000);
        } else if (now_us - slot->well_us > LOST_US) {
            n_lost++;
            printf("lost: \"%s\" n %u variant %u\n", fault_name(slot->fault.kind), slot->fault.n,
                   slot->fault.variant);
        } else {
            break;
        }
        slot->phase = SETTLING;
        slot->since_us = now_us;
        slot->mark = n_good;
        break;
    }
}

static void set_up(unsigned n, uint32_t seed, bool has_short_backoff, int64_t timeout_us)
{
    size_t graph_bytes = LIMEF_GRAPH_BYTES(4 * (size_t)n + 8);

    slots = zeroed(n * sizeof(*slots));
    graph_memory = zeroed(graph_bytes);
    cameras = cameras_start(&(struct cameras_settings){.n_cameras = n,
                                                       .rate_hz = RATE_HZ,
                                                       .seed = seed,
                                                       .wants_password = true,
                                                       .is_secure = true},
                            clips);
    if (limef_reports_init(&reports) < 0 ||
        limef_graph_init(&graph, graph_memory, graph_bytes,
                         &(struct limef_graph_settings){.name = "faults", .reports = &reports}) < 0)
        abort();
    for (unsigned i = 0; i < n; i++) {
        struct slot *slot = &slots[i];

        slot->is_udp = i % 3 == 2;
        slot->tls.fingerprint = cameras_fingerprint(cameras, i);
        slot->is_secure = slot->tls.fingerprint != NULL;
        snprintf(slot->url, sizeof(slot->url),
                 "rtsp%s://" CAMERA_USER ":" CAMERA_PASSWORD "@127.0.0.1:%u/stream",
                 slot->is_secure ? "s" : "", cameras_port(cameras, i));
        if (limef_rtsp_source_init(&slot->camera, "camera",
                                   &(struct limef_rtsp_source_settings){
                                       .url = slot->url,
                                       .slot = i,
                                       .transport = slot->is_udp ? LIMEF_RTSP_UDP : LIMEF_RTSP_AUTO,
                                       .timeout_us = timeout_us,
                                       .tls = &slot->tls}) < 0 ||
            limef_decode_filter_init(&slot->decode, "decode", NULL) < 0)
            abort();
        if (has_short_backoff) {
            slot->camera.camera->first_backoff_us = FIRST_BACKOFF_US;
            slot->camera.camera->longest_backoff_us = LONGEST_BACKOFF_US;
        }
        limef_framemd5_filter_init(&slot->sums, "sums", take_sum, slot, NULL);
        limef_connect(&slot->camera.source.filter, &slot->decode.filter);
        limef_connect(&slot->decode.filter, &slot->sums.filter);
        if (limef_graph_add(&graph, &slot->camera.source) < 0)
            abort();
    }
    if (limef_graph_start(&graph) < 0)
        abort();
}

static void tear_down(unsigned n)
{
    limef_graph_stop(&graph, 10000000);
    limef_graph_clear(&graph);
    for (unsigned i = 0; i < n; i++) {
        limef_filter_clear(&slots[i].camera.source.filter);
        limef_filter_clear(&slots[i].decode.filter);
        limef_filter_clear(&slots[i].sums.filter);
    }
    cameras_stop(cameras);
    limef_reports_clear(&reports);
    free(graph_memory);
}

static void report_memory(int64_t begun_us)
{
    struct mallinfo2 heap = mallinfo2();

    printf("memory %.1f s %" PRId64 " bytes %d descriptors %u faults %zu in use\n",
           (double)(limef_now_us() - begun_us) * 1e-6, read_memory_bytes(),
           count_entries("/proc/self/fd"), n_over, heap.uordblks + heap.hblkhd);
    fflush(stdout);
}

static void run(char **arguments, unsigned n, unsigned n_faults, enum fault_kind only)
{
    int64_t begun_us = limef_now_us(), report_us = number(arguments, "report_s", 0) * 1000000;
    int64_t next_us = report_us ? begun_us : LIMEF_FOREVER;
    int64_t end_us = argument(arguments, "seconds")
                         ? begun_us + number(arguments, "seconds", 0) * 1000000
                         : LIMEF_FOREVER;

    while (limef_now_us() < end_us && (end_us != LIMEF_FOREVER || n_over + n_lost < n_faults)) {
        struct limef_signal_frame report;

        limef_reports_read(&reports, &report, 2000);
        for (unsigned i = 0; i < n; i++)
            look_at(&slots[i], arguments, only);
        if (limef_now_us() >= next_us) {
            report_memory(begun_us);
            next_us += report_us;
        }
    }
    printf("%u faults, %u cameras, %.1f s\n", n_over, n,
           (double)(limef_now_us() - begun_us) * 1e-6);
}

static int conclude(unsigned n, int n_left_open)
{
    uint64_t n_good = 0, n_bad = 0, n_backward = 0;

    printf("%-14s %6s %10s %10s %16s %10s\n", "fault", "times", "mean ms", "most ms",
           "with waits, ms", "judged ms");
    for (unsigned i = 1; i < N_FAULTS; i++)
        if (records[i].n)
            printf("%-14s %6u %10" PRId64 " %10" PRId64 " %16" PRId64 " %10" PRId64 "\n",
                   fault_name(i), records[i].n, records[i].sum_us / records[i].n / 1000,
                   records[i].longest_us / 1000, records[i].longest_all_us / 1000,
                   records[i].longest_own_us / 1000);
    for (unsigned i = 0; i < n; i++) {
        n_good += slots[i].n_good;
        n_bad += slots[i].n_bad;
        n_backward += slots[i].n_backward;
    }
    printf("pictures %" PRIu64 " good %" PRIu64 " damaged, times back %" PRIu64
           ", late %u, lost %u, left open %d\n",
           n_good, n_bad, n_backward, n_late, n_lost, n_left_open);
    return n_bad || n_backward || n_late || n_lost || n_left_open > 0;
}

int main(int n_arguments, char **arguments)
{
    long n = number(arguments, "cameras", 8);
    const char *name = argument(arguments, "kind");
    enum fault_kind only = FAULT_NONE;
    int n_before, ret;

    (void)n_arguments;
    if (n < 1 || n > MAX_CAMERAS)
        return 1;
    while (name && only < N_FAULTS && strcmp(fault_name(only), name) != 0)
        only++;
    if (only == N_FAULTS)
        return 1;
    av_log_set_level(AV_LOG_FATAL);
    random_state = (uint32_t)number(arguments, "seed", 1) * 2654435761u + 1;
    if (!clip_make(&clips[0], &(struct clip_settings){320, 180, 100, GOP, 2}) ||
        !clip_make(&clips[1], &(struct clip_settings){256, 144, 100, GOP, 1}))
        return 77;
    limef_log_set_level(LIMEF_LOG_ERROR);
    n_before = count_entries("/proc/self/fd");
    most_backoff_us = number(arguments, "backoff_ms", LONGEST_BACKOFF_US / 1000) * 1000;
    set_up((unsigned)n, random_state, !argument(arguments, "backoff_ms"),
           number(arguments, "timeout_ms", TIMEOUT_US / 1000) * 1000);
    run(arguments, (unsigned)n, (unsigned)number(arguments, "faults", 100), only);
    tear_down((unsigned)n);
    ret = conclude((unsigned)n, count_entries("/proc/self/fd") - n_before);
    clip_clear(&clips[0]);
    clip_clear(&clips[1]);
    free(slots);
    return ret;
}
