/* SPDX-License-Identifier: MIT */
/*
 * limef-play: plays files and streams side by side.
 */
#include "options.h"
#include "player.h"
#include "report.h"

#include <limef/base/version.h>

#include <libavutil/log.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Until main() a process does little but load libraries: its CPU time is its age. */
static int64_t process_begun_us(void)
{
    struct timespec cpu;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return limef_now_us() - ((int64_t)cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000);
}

/* Signals are for signalfd in player_run(), in every thread. */
static void block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* The player asked for what this version cannot do. Returns an enum play_status. */
static int check_outputs(const struct play_options *options)
{
    const char *ao = options->ao;

    if (options->vo == PLAY_VO_KMS) {
        fputs("limef-play: --vo=kms is not part of this version; use --vo=window or offscreen\n",
              stderr);
        return PLAY_NO_OUTPUT;
    }
    if (ao && strcmp(ao, "auto") && strcmp(ao, "none")) {
        fprintf(stderr, "limef-play: --ao=%s: this version plays no sound; use --ao=none\n", ao);
        return PLAY_NO_OUTPUT;
    }
    if (options->hwdec == PLAY_HWDEC_VAAPI)
        limef_log(LIMEF_LOG_WARNING, "limef-play",
                  "--hwdec=vaapi is not part of this version: decoding in software");
    return PLAY_OK;
}

static int play(const struct play_options *options, int64_t begun_us)
{
    static struct player player;
    int status = player_start(&player, options, begun_us);

    if (status != PLAY_OK)
        return status;
    player_run(&player);
    player_stop(&player);
    status = player_status(&player);
    if (options->report_json)
        report_print(&player, stdout);
    player_clear(&player);
    return status;
}

int main(int argc, char **argv)
{
    int64_t begun_us = process_begun_us();
    static struct play_options options;
    char *url_memory = NULL;
    int status;

    if (play_options_parse(&options, argc, argv, stderr) < 0)
        return PLAY_SET_UP_FAILED;
    if (options.help || options.version) {
        if (options.help)
            play_options_print_help(stdout);
        else
            printf("limef-play %s\n", limef_version());
        return PLAY_OK;
    }
    limef_log_set_level(options.log_level);
    /* libavformat logs URLs as they are, with passwords */
    av_log_set_level(options.log_level == LIMEF_LOG_DEBUG ? AV_LOG_VERBOSE : AV_LOG_QUIET);
    if (options.urls_on_stdin && play_options_read_urls(&options, stdin, &url_memory) < 0) {
        fputs("limef-play: cannot read URLs from standard input\n", stderr);
        return PLAY_SET_UP_FAILED;
    }
    if (!options.n_urls) {
        fputs("limef-play: no URL on standard input; see limef-play --help\n", stderr);
        return PLAY_SET_UP_FAILED;
    }
    block_signals();
    status = check_outputs(&options);
    if (status == PLAY_OK)
        status = play(&options, begun_us);
    free(url_memory);
    return status;
}
