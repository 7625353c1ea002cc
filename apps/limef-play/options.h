/* SPDX-License-Identifier: MIT */
/*
 * The command line of limef-play.
 */
#ifndef LIMEF_PLAY_OPTIONS_H
#define LIMEF_PLAY_OPTIONS_H

#include <limef/base/log.h>
#include <limef/base/url.h>
#include <limef/filter/presenter.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* URLs that play side by side at most. */
#define PLAY_MAX_URLS 256

enum play_vo { PLAY_VO_AUTO, PLAY_VO_WINDOW, PLAY_VO_KMS, PLAY_VO_OFFSCREEN, PLAY_VO_NONE };
enum play_upload { PLAY_UPLOAD_AUTO, PLAY_UPLOAD_DIRECT, PLAY_UPLOAD_PLAIN };
enum play_hwdec {
    PLAY_HWDEC_AUTO,
    PLAY_HWDEC_VAAPI,
    PLAY_HWDEC_V4L2M2M,
    PLAY_HWDEC_RKMPP,
    PLAY_HWDEC_NO
};
enum play_plan { PLAY_PLAN_AUTO, PLAY_PLAN_FUSED, PLAY_PLAN_PER_FILTER };
enum play_transport {
    PLAY_TRANSPORT_AUTO,
    PLAY_TRANSPORT_TCP,
    PLAY_TRANSPORT_UDP,
    PLAY_TRANSPORT_MULTICAST
};

/* What the user asked for. */
struct play_options {
    /* outputs */
    enum play_vo vo;
    struct limef_presenter_kms kms;
    const char *ao;                    /* as written; NULL: auto */
    const char *ao_record, *ao_stream; /* a file, a URL; NULL: none */
    struct limef_url ao_stream_url;    /* its memory, once secrets_take() was there */
    int64_t audio_buffer_us;
    int width, height;
    bool fullscreen;
    bool untimed;
    enum play_upload upload;
    const char *snapshot;
    const char *framemd5;
    const char *export_path; /* %d is the number of the URL, from 0; NULL: none */

    /* inputs */
    const char *urls[PLAY_MAX_URLS];
    struct limef_url inputs[PLAY_MAX_URLS]; /* what they were copied to: secrets_take() */
    struct limef_url mains[PLAY_MAX_URLS];  /* likewise, of SUB|MAIN; all-zero: it is one URL */
    unsigned n_urls;
    bool urls_on_stdin;
    const char *password_file; /* "-": standard input; NULL: none */
    int password_fd;           /* -1: none */
    enum play_transport transport;
    bool rtsp_by_libavformat;
    const char *tls_ca, *tls_fingerprint; /* of cameras whose URL says nothing else; NULL: none */
    bool reconnect, reconnect_asked;
    int64_t latency_us; /* 0: the library's */
    bool shows_damage;
    bool keeps_mains; /* large streams are always connected */
    int64_t timeout_us;
    enum play_hwdec hwdec;
    const char *vaapi_device; /* NULL: one that is found */
    int decode_threads;       /* 0: the library decides */
    int video_track;          /* from 1; 0: the best one */
    int audio_track;          /* likewise */

    /* what part of them */
    int64_t n_frames;    /* -1: all */
    int64_t duration_us; /* -1: all */
    int64_t start_us;
    int32_t rate;     /* thousandths of the natural one */
    uint32_t n_loops; /* after the first time */

    /* telling */
    bool report_json;
    bool explain;
    const char *dot;
    const char *dump_file;      /* of key d and SIGUSR1; NULL: standard error */
    const char *metrics_socket; /* where metrics are served; NULL: not there */
    int metrics_port;           /* likewise, on 127.0.0.1; 0: not there */
    int dump_fd;                /* says that SIGUSR1 came; negative: nobody does */
    enum play_plan plan;
    enum limef_log_level log_level;
    bool help, version;
};

/*
 * Reads a command line. URLs and file names point into argv.
 *
 * options  written, defaults where nothing is said.
 * errors   where the one line goes that says what is wrong; may be NULL.
 * Returns 0, or -1: wrong usage.
 */
int play_options_parse(struct play_options *options, int argc, char **argv, FILE *errors);

/*
 * Reads URLs, one a line, from a file; empty lines and lines that begin with # are skipped.
 *
 * memory  receives the text that the URLs point into; free() it after the last use.
 * Returns 0, or a negative AVERROR code.
 */
int play_options_read_urls(struct play_options *options, FILE *file, char **memory);

/* Prints the help, one screen. */
void play_options_print_help(FILE *file);

#endif
