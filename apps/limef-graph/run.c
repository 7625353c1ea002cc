/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "journal.h"
#include "report.h"
#include "view.h"

#include <limef/filter/presenter.h>
#include <limef/filter/rtsp_source.h>

#include <libavutil/error.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define STOP_TIMEOUT_US 3000000
#define LOOK_US 100000 /* how often it is looked whether all is over */
#define TERMINAL_PERIOD_US 500000
#define LINES_PERIOD_US 2000000
#define N_SIGNALS_OF_A_SOURCE 2 /* START and END, of one that gives nothing else */

/* A run. */
struct run {
    struct assembly *assembly;
    const struct graph_options *options;
    struct watch watch;
    struct view view;
    int signals; /* descriptor */
    int64_t end_us, period_us, draw_us;
    bool by_signal, quit;
};

static void fill_signals(sigset_t *signals, bool live)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGWINCH);
    if (live)
        sigaddset(signals, SIGTSTP);
}

static void take_signal(struct run *run)
{
    struct signalfd_siginfo info;

    if (read(run->signals, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGTSTP)
        view_suspend(&run->view);
    if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH)
        run->draw_us = 0;
    else
        run->by_signal = true;
}

static void take_keys(struct run *run)
{
    char keys[16];
    ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

    for (ssize_t i = 0; i < n; i++)
        if (!view_take_key(&run->view, keys[i]))
            run->quit = true;
    if (n <= 0) /* the terminal is gone */
        run->view.reads_keys = false;
    run->draw_us = 0;
}

/* What the threads report: a key of a screen's window may end it. */
static void take_reports(struct run *run)
{
    struct limef_signal_frame signal;

    while (limef_reports_read(&run->assembly->reports, &signal, 0) == 0)
        if (signal.signal == LIMEF_SIGNAL_KEY &&
            (signal.value == 'q' || signal.value == LIMEF_KEY_CLOSE))
            run->quit = true;
}

static void draw_if_due(struct run *run, int64_t now_us)
{
    if (!run->options->live || now_us < run->draw_us)
        return;
    watch_look(&run->watch);
    view_draw(&run->view, &run->watch);
    run->draw_us = limef_now_us() + run->period_us;
}

static bool is_over(const struct run *run, int64_t now_us)
{
    return run->by_signal || run->quit || now_us >= run->end_us ||
           assembly_has_ended(run->assembly);
}

static void loop(struct run *run)
{
    for (int64_t now_us = limef_now_us(); !is_over(run, now_us); now_us = limef_now_us()) {
        struct pollfd polled[] = {
            {.fd = run->signals, .events = POLLIN},
            {.fd = run->view.reads_keys ? STDIN_FILENO : -1, .events = POLLIN},
        };
        int64_t until_us = now_us + LOOK_US;

        draw_if_due(run, now_us);
        if (run->options->live && run->draw_us < until_us)
            until_us = run->draw_us;
        if (run->end_us < until_us)
            until_us = run->end_us;
        now_us = limef_now_us();
        poll(polled, 2, until_us > now_us ? (int)((until_us - now_us) / 1000 + 1) : 0);
        if (polled[0].revents)
            take_signal(run);
        if (polled[1].revents)
            take_keys(run);
        take_reports(run);
    }
}

static bool has_given(const struct element *source)
{
    struct limef_rtsp_source_counters camera;

    if (source->kind->traits & ELEMENT_CAMERA) { /* tells its state as often as it changes */
        limef_rtsp_source_get_counters(
            (const struct limef_rtsp_source *)(const void *)source->filter, &camera);
        return camera.n_units > 0;
    }
    return LIMEF_COUNTED(source->filter->next->n_frames) > N_SIGNALS_OF_A_SOURCE;
}

/* Which sources failed. Returns an enum graph_status. */
static int judge(const struct assembly *assembly)
{
    unsigned n_failed = 0, n_given = 0;

    for (uint32_t i = 0; i < assembly->n_elements; i++) {
        const struct element *element = &assembly->elements[i];

        if (!(element->kind->traits & ELEMENT_SOURCE))
            continue;
        n_given += has_given(element);
        /* relaxed: the threads have ended */
        n_failed +=
            atomic_load_explicit(&assembly->end_codes[element->slot], memory_order_relaxed) < 0;
    }
    if (n_failed && n_failed == assembly->n_sources && !n_given)
        return GRAPH_NOTHING_RAN;
    return n_failed ? GRAPH_SOME_FAILED : GRAPH_OK;
}

static int open_run(struct run *run)
{
    sigset_t signals;
    int ret;

    fill_signals(&signals, run->options->live);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* before there are threads, which inherit it */
    run->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->signals < 0)
        return limef_fail(AVERROR(EMFILE), "limef-graph", "no descriptor for signals");
    ret = watch_init(&run->watch, run->assembly);
    if (ret < 0)
        return ret;
    if (run->options->live)
        journal_open(); /* before there are threads, which log */
    ret = assembly_start(run->assembly);
    if (ret < 0)
        return ret;
    run->end_us = run->options->duration_us < 0 ? LIMEF_FOREVER
                                                : limef_deadline_us(run->options->duration_us);
    if (run->options->live)
        view_open(&run->view, stdout);
    run->period_us = run->options->period_us;
    if (!run->period_us)
        run->period_us = run->view.is_terminal ? TERMINAL_PERIOD_US : LINES_PERIOD_US;
    run->draw_us = limef_now_us() + (run->view.is_terminal ? 0 : run->period_us);
    return 0;
}

int run_graph(struct assembly *assembly, const struct graph_options *options, bool *stuck)
{
    struct run run = {.assembly = assembly, .options = options, .signals = -1};
    int status = GRAPH_SET_UP_FAILED;

    if (open_run(&run) >= 0) {
        loop(&run);
        watch_look(&run.watch);
        status = GRAPH_OK;
    }
    view_close(&run.view);
    if (options->report == GRAPH_REPORT_TEXT && status == GRAPH_OK)
        report_print_text(&run.watch, stdout);
    *stuck = assembly_stop(assembly, STOP_TIMEOUT_US) == AVERROR(ETIMEDOUT);
    if (status == GRAPH_OK)
        status = run.by_signal ? GRAPH_BY_SIGNAL : judge(assembly);
    if (options->report == GRAPH_REPORT_JSON && run.watch.filters)
        report_print_json(&run.watch, stdout);
    watch_clear(&run.watch);
    if (run.signals >= 0)
        close(run.signals);
    return status;
}
