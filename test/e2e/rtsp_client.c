/* SPDX-License-Identifier: MIT */
/*
 * rtsp_client URL [key=value...]: plays a camera and says what happens, a line for each change of
 * its state: "state NAME CODE TEXT". At the end "counters NAME=N ..." and "stopped US".
 *
 * transport=auto|tcp|udp|multicast  once=0|1  timeout_ms=N  damage=0|1
 * latency_ms=N  drops what is later; at the end "latency NAME=N ..."
 * stall_ms=N    the consumer does nothing for so long, once, at unit stall_at=N
 * md5=FILE      a line for each decoded picture, as limef_framemd5_filter writes it
 * sound=FILE    its bytes, packet after packet; at the end "sound NAME=N ..."
 * tell=N        a line "pictures N" each time that so many more were decoded
 * until=STATE   stops when that state comes
 * playing=N     stops at its N-th time of "playing"
 * seconds=N     stops at the latest then, and says "deadline"; or at SIGTERM; 30
 */
#include <limef/limef.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* For a signal. */
#define LOOK_EVERY_US 100000

static struct limef_rtsp_source camera;
static struct limef_producer producer;
static struct limef_latency_filter latency;
static struct limef_filter stall, sound, tell;
static long stall_at, stall_ms;
static FILE *sound_file;
static long n_sound, n_backward, n_pictures, tell_each;
static int64_t longest_step_us;
static volatile sig_atomic_t is_told_to_stop;
static struct limef_decode_filter decode;
static struct limef_framemd5_filter framemd5;
static struct limef_reports reports;

/* The value of an argument; NULL: it is not there. */
static const char *argument(char **arguments, const char *key)
{
    size_t length = strlen(key);

    for (; *arguments; arguments++)
        if (!strncmp(*arguments, key, length) && (*arguments)[length] == '=')
            return *arguments + length + 1;
    return NULL;
}

static long number(char **arguments, const char *key, long missing)
{
    const char *value = argument(arguments, key);

    return value ? atol(value) : missing;
}

static enum limef_rtsp_transport transport_of(char **arguments)
{
    const char *value = argument(arguments, "transport");

    if (!value || !strcmp(value, "auto"))
        return LIMEF_RTSP_AUTO;
    if (!strcmp(value, "multicast"))
        return LIMEF_RTSP_MULTICAST;
    return !strcmp(value, "tcp") ? LIMEF_RTSP_TCP : LIMEF_RTSP_UDP;
}

/* Whether it was the last one that is waited for. */
static bool say(const struct limef_signal_frame *report, char **arguments)
{
    static long n_playing;
    const char *name = limef_rtsp_state_name((enum limef_rtsp_state)report->value);
    const char *until = argument(arguments, "until");

    printf("state %s %d %s\n", name, (int)report->code, report->text);
    fflush(stdout);
    n_playing += report->value == LIMEF_RTSP_PLAYING;
    return report->value == LIMEF_RTSP_ENDED || (until && !strcmp(until, name)) ||
           n_playing == number(arguments, "playing", -1);
}

static int stall_go(struct limef_filter *filter, const struct limef_frame *in)
{
    if (in->frame_class == LIMEF_FRAME_PACKET && stall_ms && stall_at-- == 0)
        nanosleep(
            &(struct timespec){.tv_sec = stall_ms / 1000, .tv_nsec = stall_ms % 1000 * 1000000},
            NULL);
    return limef_pass(filter, in);
}

static const struct limef_filter_ops stall_ops = {.kind = "stall", .go = stall_go};

/* Sound goes no further: only pictures are decoded. */
static int sound_go(struct limef_filter *filter, const struct limef_frame *in)
{
    static int64_t last_us = INT64_MIN;
    const struct limef_packet_frame *packet = limef_packet_frame_from(in);

    if (in->media != LIMEF_MEDIA_AUDIO)
        return limef_pass(filter, in);
    if (packet) {
        fwrite(packet->data, 1, packet->size_bytes, sound_file);
        if (n_sound++ && in->pts_us - last_us > longest_step_us)
            longest_step_us = in->pts_us - last_us;
        n_backward += in->pts_us < last_us;
        last_us = in->pts_us;
    }
    return 0;
}

static const struct limef_filter_ops sound_ops = {.kind = "sound", .go = sound_go};

static int tell_go(struct limef_filter *filter, const struct limef_frame *in)
{
    if (in->frame_class == LIMEF_FRAME_DECODED && ++n_pictures % tell_each == 0) {
        printf("pictures %ld\n", n_pictures);
        fflush(stdout);
    }
    return limef_pass(filter, in);
}

static const struct limef_filter_ops tell_ops = {.kind = "tell", .go = tell_go};

static void print_latency(void)
{
    struct limef_latency_counters counters;

    limef_latency_get_counters(&latency, &counters);
    printf("latency late=%llu dropped=%llu slower=%llu max_us=%lld\n",
           (unsigned long long)counters.n_late, (unsigned long long)counters.n_dropped,
           (unsigned long long)counters.n_slower, (long long)counters.max_late_us);
}

static void print_counters(void)
{
    struct limef_rtsp_source_counters counters;

    limef_rtsp_source_get_counters(&camera, &counters);
    printf("counters status=%d udp=%d connects=%llu reconnects=%llu packets=%llu lost=%llu "
           "duplicates=%llu late=%llu malformed=%llu units=%llu dropped=%llu jumps=%llu "
           "formats=%llu\n",
           (int)counters.status, counters.is_udp, (unsigned long long)counters.n_connects,
           (unsigned long long)counters.n_reconnects, (unsigned long long)counters.n_packets,
           (unsigned long long)counters.n_lost, (unsigned long long)counters.n_duplicates,
           (unsigned long long)counters.n_late, (unsigned long long)counters.n_malformed,
           (unsigned long long)counters.n_units, (unsigned long long)counters.n_dropped_units,
           (unsigned long long)counters.n_jumps, (unsigned long long)counters.n_formats);
}

static void print_sound(void)
{
    printf("sound units=%ld backward=%ld longest_step_us=%lld\n", n_sound, n_backward,
           (long long)longest_step_us);
}

/* Connects the next filter; returns it. */
static struct limef_filter *follow(struct limef_filter *filter, struct limef_filter *next)
{
    limef_connect(filter, next);
    return next;
}

static void connect_all(char **arguments, FILE *file)
{
    struct limef_filter *last = &camera.source.filter;

    if (sound_file) {
        limef_filter_init(&sound, &sound_ops, NULL);
        last = follow(last, &sound);
    }
    if (argument(arguments, "latency_ms")) {
        limef_latency_filter_init(&latency, "latency", number(arguments, "latency_ms", 0) * 1000);
        last = follow(last, &latency.filter);
    }
    limef_filter_init(&stall, &stall_ops, NULL);
    last = follow(follow(last, &stall), &decode.filter);
    limef_framemd5_filter_init(&framemd5, "framemd5", NULL, NULL, file);
    if (file)
        last = follow(last, &framemd5.filter);
    limef_filter_init(&tell, &tell_ops, NULL);
    if (tell_each)
        follow(last, &tell);
}

static int set_up(char **arguments, FILE *file)
{
    struct limef_rtsp_tls_settings tls = {.ca_file = argument(arguments, "ca"),
                                          .fingerprint = argument(arguments, "fingerprint"),
                                          .unverified = number(arguments, "unverified", 0)};
    static struct limef_rtsp_tls_settings kept;
    struct limef_rtsp_login login = {argument(arguments, "user"), argument(arguments, "password")};
    struct limef_rtsp_source_settings settings = {
        .url = arguments[1],
        .media = sound_file ? LIMEF_MEDIA_NONE : LIMEF_MEDIA_VIDEO,
        .transport = transport_of(arguments),
        .timeout_us = number(arguments, "timeout_ms", 0) * 1000,
        .once = number(arguments, "once", 0),
        .shows_damage = number(arguments, "damage", 0),
        .login = &login,
        .tls = &kept,
    };

    kept = tls;
    if (limef_reports_init(&reports) < 0 ||
        limef_rtsp_source_init(&camera, "camera", &settings) < 0 ||
        limef_decode_filter_init(&decode, "decode", NULL) < 0)
        return 1;
    stall_at = number(arguments, "stall_at", 0);
    stall_ms = number(arguments, "stall_ms", 0);
    tell_each = number(arguments, "tell", 0);
    connect_all(arguments, file);
    return 0;
}

static void take_signal(int number)
{
    (void)number;
    is_told_to_stop = 1;
}

int main(int n_arguments, char **arguments)
{
    const char *md5 = n_arguments > 1 ? argument(arguments, "md5") : NULL;
    const char *sound_path = n_arguments > 1 ? argument(arguments, "sound") : NULL;
    FILE *file = md5 ? fopen(md5, "w") : NULL;
    int64_t end_us, begun_us;
    bool over = false;

    sound_file = sound_path ? fopen(sound_path, "w") : NULL;
    if (n_arguments < 2 || (md5 && !file) || (sound_path && !sound_file) || set_up(arguments, file))
        return 1;
    limef_producer_init(&producer, &camera.source,
                        &(struct limef_thread_settings){.name = "camera", .reports = &reports});
    if (limef_thread_start(&producer.thread) < 0)
        return 1;
    signal(SIGTERM, take_signal);
    end_us = limef_now_us() + number(arguments, "seconds", 30) * 1000000;
    while (!over && !is_told_to_stop && limef_now_us() < end_us) {
        struct limef_signal_frame report;

        if (limef_reports_read(&reports, &report, LOOK_EVERY_US) == 0 &&
            report.signal == LIMEF_SIGNAL_STATE)
            over = say(&report, arguments);
    }
    if (!over && !is_told_to_stop)
        puts("deadline");
    begun_us = limef_now_us();
    if (limef_thread_stop(&producer.thread, 2000000) < 0) { /* which says so; it is in use */
        print_counters();
        fflush(NULL);
        _exit(1);
    }
    print_counters();
    print_latency();
    if (sound_file)
        print_sound();
    limef_producer_clear(&producer);
    limef_filter_clear(&camera.source.filter);
    printf("stopped %lld\n", (long long)(limef_now_us() - begun_us));
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&framemd5.filter);
    limef_reports_clear(&reports);
    if (file)
        fclose(file);
    if (sound_file)
        fclose(sound_file);
    return 0;
}
