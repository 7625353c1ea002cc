/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "option_values.h"
#include "trust.h"

#include <limef/filter/file_source.h>

#include <libavutil/error.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_TIMEOUT_US 10000000
/* Longer than a busy machine keeps a thread from its turn, and too short to be felt. */
#define DEFAULT_AUDIO_BUFFER_US 20000
#define MAX_AUDIO_BUFFER_US 1000000

#define MIN_SPEED 0.1
#define MAX_SPEED 10.0

enum option_id {
    OPTION_VO = 256,
    OPTION_AO,
    OPTION_AO_RECORD,
    OPTION_AO_STREAM,
    OPTION_AUDIO_BUFFER,
    OPTION_HWDEC,
    OPTION_VAAPI_DEVICE,
    OPTION_UNTIMED,
    OPTION_UPLOAD,
    OPTION_FRAMES,
    OPTION_DURATION,
    OPTION_START,
    OPTION_SPEED,
    OPTION_LOOP,
    OPTION_SIZE,
    OPTION_KMS_CONNECTOR,
    OPTION_FULLSCREEN,
    OPTION_TRANSPORT,
    OPTION_RECONNECT,
    OPTION_RTSP,
    OPTION_TIMEOUT,
    OPTION_LATENCY,
    OPTION_MAIN,
    OPTION_SHOW_DAMAGE,
    OPTION_PASSWORD_FILE,
    OPTION_PASSWORD_FD,
    OPTION_TLS_CA,
    OPTION_TLS_FINGERPRINT,
    OPTION_SNAPSHOT,
    OPTION_FRAMEMD5,
    OPTION_EXPORT,
    OPTION_REPORT,
    OPTION_EXPLAIN,
    OPTION_DOT,
    OPTION_DUMP_FILE,
    OPTION_METRICS,
    OPTION_DECODE_THREADS,
    OPTION_PLAN,
    OPTION_LOG_LEVEL,
    OPTION_VID,
    OPTION_AUDIO_TRACK,
    OPTION_VERSION,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"vo", required_argument, NULL, OPTION_VO},
    {"ao", required_argument, NULL, OPTION_AO},
    {"ao-record", required_argument, NULL, OPTION_AO_RECORD},
    {"ao-stream", required_argument, NULL, OPTION_AO_STREAM},
    {"audio-buffer", required_argument, NULL, OPTION_AUDIO_BUFFER},
    {"hwdec", required_argument, NULL, OPTION_HWDEC},
    {"vaapi-device", required_argument, NULL, OPTION_VAAPI_DEVICE},
    {"untimed", no_argument, NULL, OPTION_UNTIMED},
    {"upload", required_argument, NULL, OPTION_UPLOAD},
    {"frames", required_argument, NULL, OPTION_FRAMES},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"start", required_argument, NULL, OPTION_START},
    {"speed", required_argument, NULL, OPTION_SPEED},
    {"loop", optional_argument, NULL, OPTION_LOOP},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"kms-connector", required_argument, NULL, OPTION_KMS_CONNECTOR},
    {"fullscreen", no_argument, NULL, OPTION_FULLSCREEN},
    {"rtsp-transport", required_argument, NULL, OPTION_TRANSPORT},
    {"reconnect", required_argument, NULL, OPTION_RECONNECT},
    {"rtsp", required_argument, NULL, OPTION_RTSP},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"latency", required_argument, NULL, OPTION_LATENCY},
    {"main", required_argument, NULL, OPTION_MAIN},
    {"show-damage", no_argument, NULL, OPTION_SHOW_DAMAGE},
    {"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
    {"password-fd", required_argument, NULL, OPTION_PASSWORD_FD},
    {"tls-ca", required_argument, NULL, OPTION_TLS_CA},
    {"tls-fingerprint", required_argument, NULL, OPTION_TLS_FINGERPRINT},
    {"snapshot", required_argument, NULL, OPTION_SNAPSHOT},
    {"framemd5", required_argument, NULL, OPTION_FRAMEMD5},
    {"export", required_argument, NULL, OPTION_EXPORT},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"explain", no_argument, NULL, OPTION_EXPLAIN},
    {"dot", required_argument, NULL, OPTION_DOT},
    {"dump-file", required_argument, NULL, OPTION_DUMP_FILE},
    {"metrics", required_argument, NULL, OPTION_METRICS},
    {"decode-threads", required_argument, NULL, OPTION_DECODE_THREADS},
    {"plan", required_argument, NULL, OPTION_PLAN},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"vid", required_argument, NULL, OPTION_VID},
    {"audio-track", required_argument, NULL, OPTION_AUDIO_TRACK},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char *const vo_words[] = {"auto", "window", "kms", "offscreen", "none", NULL};
static const char *const upload_words[] = {"auto", "direct", "plain", NULL};
static const char *const hwdec_words[] = {"auto", "vaapi", "v4l2m2m", "rkmpp", "no", NULL};
static const char *const plan_words[] = {"auto", "fused", "per-filter", NULL};
static const char *const rtsp_words[] = {"limef", "libavformat", NULL};
static const char *const transport_words[] = {"auto", "tcp", "udp", "multicast", NULL};
static const char *const main_words[] = {"solo", "always", NULL};
static const char *const yes_no_words[] = {"no", "yes", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};
static const char *const report_words[] = {"json", NULL};

static int parse_latency(const struct option_parser *parser, const char *text, int64_t *us)
{
    long long ms;

    if (option_number(parser, text, 20, 60000, &ms) < 0)
        return -1;
    *us = ms * 1000;
    return 0;
}

/* WxH, or WxH@HZ. */
static int parse_size(const struct option_parser *parser, const char *text,
                      struct play_options *options)
{
    int n, size_end = 0, rate_end = 0;

    options->kms.refresh_hz = 0;
    n = sscanf(text, "%5dx%5d%n@%4d%n", &options->width, &options->height, &size_end,
               &options->kms.refresh_hz, &rate_end);
    if (n < 2 || text[n == 3 ? rate_end : size_end] || options->width < 16 ||
        options->height < 16 || options->width > 16384 || options->height > 16384 ||
        (n == 3 && options->kms.refresh_hz < 1))
        return option_complain(
            parser, "--size=%s: not a size such as 1280x720, or a mode such as 1280x720@50", text);
    return 0;
}

static int parse_ao(const struct option_parser *parser, const char *text)
{
    if (!strcmp(text, "auto") || !strcmp(text, "none") || !strcmp(text, "alsa") ||
        !strncmp(text, "alsa:", 5) || (!strncmp(text, "wav:", 4) && text[4]))
        return 0;
    return option_complain(parser, "--ao=%s: not one of auto, alsa[:DEVICE], wav:FILE, none", text);
}

static int parse_audio_buffer(const struct option_parser *parser, const char *text, int64_t *us)
{
    if (option_seconds(parser, text, us) < 0)
        return -1;
    return *us <= MAX_AUDIO_BUFFER_US
               ? 0
               : option_complain(parser, "--audio-buffer=%s: more than a second", text);
}

static int parse_speed(const struct option_parser *parser, const char *text,
                       struct play_options *options)
{
    double speed;

    if (option_real(parser, text, MIN_SPEED, MAX_SPEED, &speed) < 0)
        return -1;
    options->rate = (int32_t)(speed * 1000 + 0.5);
    return 0;
}

static int parse_loops(const struct option_parser *parser, const char *text,
                       struct play_options *options)
{
    long long number;

    options->n_loops = LIMEF_LOOP_FOREVER;
    if (!text)
        return 0;
    if (option_number(parser, text, 0, INT_MAX, &number) < 0)
        return -1;
    options->n_loops = (uint32_t)number;
    return 0;
}

/* Stores a word's number; returns 0, or -1 as it came. */
#define STORE_WORD(member, type, words)                                                            \
    do {                                                                                           \
        int word_ = option_word(parser, text, words);                                              \
        if (word_ < 0)                                                                             \
            return -1;                                                                             \
        (member) = (type)word_;                                                                    \
        return 0;                                                                                  \
    } while (0)

#define STORE_NUMBER(member, type, min, max)                                                       \
    do {                                                                                           \
        long long number_;                                                                         \
        if (option_number(parser, text, min, max, &number_) < 0)                                   \
            return -1;                                                                             \
        (member) = (type)number_;                                                                  \
        return 0;                                                                                  \
    } while (0)

static bool has_picture_suffix(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot && dot > path &&
           (!strcasecmp(dot, ".png") || !strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

/* A word, or kms:DEVICE. */
static int parse_vo(const struct option_parser *parser, const char *text,
                    struct play_options *options)
{
    options->kms.device = NULL;
    if (!strncmp(text, "kms:", 4) && text[4]) {
        options->vo = PLAY_VO_KMS;
        options->kms.device = text + 4;
        return 0;
    }
    STORE_WORD(options->vo, enum play_vo, vo_words);
}

static int parse_output_option(const struct option_parser *parser, struct play_options *options,
                               int id, const char *text)
{
    switch (id) {
    case OPTION_VO:
        return parse_vo(parser, text, options);
    case OPTION_AO:
        options->ao = text;
        return parse_ao(parser, text);
    case OPTION_AO_RECORD:
        options->ao_record = text;
        return *text ? 0 : option_complain(parser, "--ao-record: no file name");
    case OPTION_AO_STREAM:
        options->ao_stream = text;
        return !strncasecmp(text, "icecast", 7)
                   ? 0
                   : option_complain(parser, "--ao-stream: not icecast://");
    case OPTION_AUDIO_BUFFER:
        return parse_audio_buffer(parser, text, &options->audio_buffer_us);
    case OPTION_SIZE:
        return parse_size(parser, text, options);
    case OPTION_KMS_CONNECTOR:
        options->kms.connector = text;
        return *text ? 0 : option_complain(parser, "--kms-connector: no name");
    case OPTION_FULLSCREEN:
        options->fullscreen = true;
        return 0;
    case OPTION_UNTIMED:
        options->untimed = true;
        return 0;
    case OPTION_UPLOAD:
        STORE_WORD(options->upload, enum play_upload, upload_words);
    case OPTION_SNAPSHOT:
        options->snapshot = text;
        return has_picture_suffix(text)
                   ? 0
                   : option_complain(parser, "--snapshot=%s: not a .png, .jpg or .jpeg file", text);
    case OPTION_FRAMEMD5:
        options->framemd5 = text;
        return *text ? 0 : option_complain(parser, "--framemd5: no file name");
    case OPTION_EXPORT:
        options->export_path = text;
        return *text ? 0 : option_complain(parser, "--export: no name of a socket");
    default:
        return 1;
    }
}

static int parse_input_option(const struct option_parser *parser, struct play_options *options,
                              int id, const char *text)
{
    switch (id) {
    case OPTION_TRANSPORT:
        STORE_WORD(options->transport, enum play_transport, transport_words);
    case OPTION_RTSP:
        STORE_WORD(options->rtsp_by_libavformat, bool, rtsp_words);
    case OPTION_RECONNECT:
        options->reconnect_asked = true;
        STORE_WORD(options->reconnect, bool, yes_no_words);
    case OPTION_TIMEOUT:
        return option_seconds(parser, text, &options->timeout_us);
    case OPTION_LATENCY:
        return parse_latency(parser, text, &options->latency_us);
    case OPTION_MAIN:
        STORE_WORD(options->keeps_mains, bool, main_words);
    case OPTION_SHOW_DAMAGE:
        options->shows_damage = true;
        return 0;
    case OPTION_PASSWORD_FILE:
        options->password_file = text;
        return *text ? 0 : option_complain(parser, "--password-file: no file name");
    case OPTION_PASSWORD_FD:
        STORE_NUMBER(options->password_fd, int, 0, INT_MAX);
    case OPTION_TLS_CA:
        options->tls_ca = text;
        return *text ? 0 : option_complain(parser, "--tls-ca: no file name");
    case OPTION_TLS_FINGERPRINT:
        options->tls_fingerprint = text;
        return trust_is_fingerprint(text)
                   ? 0
                   : option_complain(parser, "--tls-fingerprint=%s: not a SHA-256 in hex", text);
    case OPTION_HWDEC:
        STORE_WORD(options->hwdec, enum play_hwdec, hwdec_words);
    case OPTION_VAAPI_DEVICE:
        options->vaapi_device = text;
        return *text ? 0 : option_complain(parser, "--vaapi-device: no file name");
    case OPTION_DECODE_THREADS:
        STORE_NUMBER(options->decode_threads, int, 0, 64);
    case OPTION_VID:
        STORE_NUMBER(options->video_track, int, 0, 64);
    case OPTION_AUDIO_TRACK:
        STORE_NUMBER(options->audio_track, int, 0, 64);
    case OPTION_FRAMES:
        STORE_NUMBER(options->n_frames, int64_t, 1, LLONG_MAX);
    case OPTION_DURATION:
        return option_duration(parser, text, &options->duration_us);
    case OPTION_START:
        return option_seconds(parser, text, &options->start_us);
    case OPTION_SPEED:
        return parse_speed(parser, text, options);
    case OPTION_LOOP:
        return parse_loops(parser, text, options);
    default:
        return 1;
    }
}

/* unix:PATH or a port. */
static int parse_metrics(const struct option_parser *parser, const char *text,
                         struct play_options *options)
{
    bool is_unix = !strncmp(text, "unix:", 5) && text[5];

    options->metrics_socket = is_unix ? text + 5 : NULL;
    options->metrics_port = 0;
    if (is_unix)
        return 0;
    STORE_NUMBER(options->metrics_port, int, 1, 65535);
}

static int parse_telling_option(const struct option_parser *parser, struct play_options *options,
                                int id, const char *text)
{
    switch (id) {
    case OPTION_REPORT:
        options->report_json = true;
        return option_word(parser, text, report_words) < 0 ? -1 : 0;
    case OPTION_EXPLAIN:
        options->explain = true;
        return 0;
    case OPTION_DOT:
        options->dot = text;
        return *text ? 0 : option_complain(parser, "--dot: no file name");
    case OPTION_DUMP_FILE:
        options->dump_file = text;
        return *text ? 0 : option_complain(parser, "--dump-file: no file name");
    case OPTION_METRICS:
        return parse_metrics(parser, text, options);
    case OPTION_PLAN:
        STORE_WORD(options->plan, enum play_plan, plan_words);
    case OPTION_LOG_LEVEL:
        STORE_WORD(options->log_level, enum limef_log_level, level_words);
    case OPTION_VERSION:
        options->version = true;
        return 0;
    default:
        options->help = true;
        return 0;
    }
}

static int take_option(const struct option_parser *parser, void *options, int id, const char *text)
{
    int ret = parse_output_option(parser, options, id, text);

    if (ret > 0)
        ret = parse_input_option(parser, options, id, text);
    if (ret > 0)
        ret = parse_telling_option(parser, options, id, text);
    return ret;
}

static int add_url(const struct option_parser *parser, struct play_options *options,
                   const char *url)
{
    if (!strcmp(url, "-")) {
        options->urls_on_stdin = true;
        return 0;
    }
    if (options->n_urls == PLAY_MAX_URLS)
        return option_complain(parser, "more than %d URLs", PLAY_MAX_URLS);
    options->urls[options->n_urls++] = url;
    return 0;
}

int play_options_parse(struct play_options *options, int argc, char **argv, FILE *errors)
{
    struct option_parser parser = {.program = "limef-play", .errors = errors};
    int ret;

    *options = (struct play_options){
        .reconnect = true,
        .audio_buffer_us = DEFAULT_AUDIO_BUFFER_US,
        .timeout_us = DEFAULT_TIMEOUT_US,
        .n_frames = -1,
        .duration_us = -1,
        .rate = 1000,
        .log_level = LIMEF_LOG_WARNING,
        .password_fd = -1,
    };
    ret = option_read(&parser, argc, argv, ":h", long_options, OPTION_HELP, take_option, options);
    for (int i = optind; !ret && i < argc; i++)
        ret = add_url(&parser, options, argv[i]);
    if (!ret && (options->kms.connector || options->kms.refresh_hz) && options->vo != PLAY_VO_KMS &&
        options->vo != PLAY_VO_AUTO)
        ret = option_complain(&parser, "--kms-connector, --size=WxH@HZ: not with --vo=%s",
                              vo_words[options->vo]);
    if (!ret && options->snapshot && options->vo == PLAY_VO_NONE)
        ret = option_complain(&parser, "--snapshot with --vo=none: there is no picture");
    if (!ret && (options->ao_record || options->ao_stream) &&
        (options->untimed || (options->ao && !strcmp(options->ao, "none"))))
        ret = option_complain(&parser, "--ao-record, --ao-stream: there is no sound");
    if (!ret && options->export_path && options->n_urls > 1 && !strstr(options->export_path, "%d"))
        ret = option_complain(&parser, "--export for several URLs: the name needs %%d");
    if (!ret && options->password_file && options->password_fd >= 0)
        ret = option_complain(&parser, "--password-file and --password-fd");
    if (!ret && options->tls_ca && options->tls_fingerprint)
        ret = option_complain(&parser, "--tls-ca and --tls-fingerprint");
    if (!ret && (options->tls_ca || options->tls_fingerprint) && options->rtsp_by_libavformat)
        ret = option_complain(&parser, "--tls-ca, --tls-fingerprint: not with --rtsp=libavformat");
    if (!ret && options->urls_on_stdin && options->password_file &&
        !strcmp(options->password_file, "-"))
        ret = option_complain(&parser, "--password-file=-: standard input has the URLs");
    if (!ret && !options->help && !options->version && !options->n_urls && !options->urls_on_stdin)
        ret = option_complain(&parser, "no URL to play");
    return ret;
}

int play_options_read_urls(struct play_options *options, FILE *file, char **memory)
{
    struct option_parser parser = {.errors = NULL};
    char *line, *rest = NULL;
    size_t bytes = 0;

    *memory = NULL;
    if (getdelim(memory, &bytes, 0, file) < 0)
        return ferror(file) ? AVERROR(EIO) : 0;
    for (line = strtok_r(*memory, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        line += strspn(line, " \t");
        if (!*line || *line == '#' || !strcmp(line, "-"))
            continue;
        if (add_url(&parser, options, line) < 0)
            return AVERROR(E2BIG);
    }
    return 0;
}
