/* SPDX-License-Identifier: MIT */
/*
 * limef-play: plays files and streams side by side.
 */
#include "options.h"
#include "player.h"
#include "process.h"
#include "report.h"
#include "secrets.h"
#include "signals.h"

#include <limef/base/redact.h>
#include <limef/base/version.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Until main() a process does little but load libraries: its CPU time is its age. */
static int64_t process_begun_us(void)
{
    struct timespec cpu;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return limef_now_us() - ((int64_t)cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000);
}

/* What the caller closed must not become a film's or a socket's descriptor: printing would go
 * there. Here it fails instead. */
static void occupy_closed_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest free: fd */
}

static void set_logs(const struct play_options *options)
{
    limef_log_set_level(options->log_level);
    av_log_set_callback(limef_redact_libav);
    av_log_set_level(options->log_level == LIMEF_LOG_DEBUG ? AV_LOG_VERBOSE : AV_LOG_QUIET);
}

/* A picture that cannot be written is better known before the film than after it. */
static int check_folder(const char *path)
{
    char folder[PATH_MAX];

    if (!path)
        return 0;
    snprintf(folder, sizeof(folder), "%s", path);
    return access(dirname(folder), W_OK) < 0
               ? limef_fail(AVERROR(errno), "limef-play", "cannot write %s", path)
               : 0;
}

/* The player asked for what this version cannot do. Returns an enum play_status. */
static int check_outputs(const struct play_options *options)
{
    return check_folder(options->snapshot) < 0 || check_folder(options->ao_record) < 0
               ? PLAY_SET_UP_FAILED
               : PLAY_OK;
}

/* --help and --version. Returns an enum play_status. */
static int print_about(const struct play_options *options)
{
    if (options->help)
        play_options_print_help(stdout);
    else
        printf("limef-play %s\n", limef_version());
    if (!fflush(stdout) && !ferror(stdout))
        return PLAY_OK;
    limef_fail(AVERROR(EIO), "limef-play", "cannot write to standard output");
    return PLAY_SET_UP_FAILED;
}

/* Prints the report; an output that is full or closed is a failure. */
static int report(struct player *player)
{
    report_print(player, stdout);
    return ferror(stdout) ? limef_fail(AVERROR(EIO), "limef-play", "cannot write the report") : 0;
}

/* 0 of several steps is PLAY_OK still; what failed was logged. */
static int worse(int status, int ret)
{
    return status == PLAY_OK && ret < 0 ? PLAY_SET_UP_FAILED : status;
}

static int play(const struct play_options *options, int64_t begun_us)
{
    static struct player player;
    int status = player_start(&player, options, begun_us);
    int stopped, cleared;

    if (status != PLAY_OK)
        return status;
    player_run(&player);
    status = player_status(&player);
    signals_begin_take_down(status);
    status = worse(status, player_snapshot(&player));
    signals_begin_take_down(status);
    stopped = player_stop(&player);
    status = worse(status, player.plan_lost ? AVERROR(EIO) : 0);
    if (stopped != AVERROR(ETIMEDOUT))
        status = worse(status, player_finish_files(&player));
    status = worse(status, options->report_json ? report(&player) : 0);
    cleared = stopped == AVERROR(ETIMEDOUT) ? stopped : player_clear(&player);
    if (cleared == AVERROR(ETIMEDOUT)) { /* stuck in the kernel or a library; it cannot be freed */
        fflush(NULL);
        _exit(status);
    }
    signals_end_take_down();
    return worse(worse(status, stopped), cleared);
}

int main(int argc, char **argv)
{
    int64_t begun_us = process_begun_us();
    static struct play_options options;
    char *url_memory = NULL;
    int status, dump_fd;

    occupy_closed_descriptors();
    process_raise_descriptors();
    dump_fd = signals_open_dump();
    signal(SIGPIPE, SIG_IGN);
    signals_end_at_once();
    if (play_options_parse(&options, argc, argv, stderr) < 0)
        return PLAY_SET_UP_FAILED;
    if (options.help || options.version)
        return print_about(&options);
    set_logs(&options);
    if (options.urls_on_stdin && play_options_read_urls(&options, stdin, &url_memory) < 0) {
        fputs("limef-play: cannot read URLs from standard input\n", stderr);
        return PLAY_SET_UP_FAILED;
    }
    if (!options.n_urls) {
        fputs("limef-play: no URL on standard input; see limef-play --help\n", stderr);
        return PLAY_SET_UP_FAILED;
    }
    signals_ask();
    options.dump_fd = dump_fd;
    status = secrets_take(&options) < 0 || secrets_read(&options) < 0 ? PLAY_SET_UP_FAILED
                                                                      : check_outputs(&options);
    if (status == PLAY_OK)
        status = play(&options, begun_us);
    secrets_clear(&options);
    free(url_memory);
    return status;
}
