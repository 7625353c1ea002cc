/* SPDX-License-Identifier: MIT */
/*
 * limef-graph: builds a graph from a description, says how it would run, or runs it.
 */
#include "against.h"
#include "assembly.h"
#include "options.h"
#include "passwords.h"
#include "process.h"
#include "run.h"

#include <limef/base/redact.h>
#include <limef/base/version.h>
#include <limef/thread/plan_print.h>

#include <errno.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long taking everything down may take: some drivers and servers do not answer. */
#define TAKE_DOWN_S 10

static volatile sig_atomic_t status_if_stuck;

static void end_stuck(int number)
{
    static const char line[] = "limef-graph: something does not come back, ending without it\n";

    (void)number;
    _exit(write(STDERR_FILENO, line, sizeof(line) - 1) < 0 ? GRAPH_SET_UP_FAILED : status_if_stuck);
}

static int print_dot(struct assembly *assembly, const char *path)
{
    FILE *file = path ? fopen(path, "w") : stdout;
    int ret;

    if (!file)
        return limef_fail(AVERROR(errno), "limef-graph", "cannot write %s", path);
    ret = limef_graph_print(&assembly->graph, limef_plan_print_dot, file);
    if (path && fclose(file) != 0)
        ret = limef_fail(AVERROR(EIO), "limef-graph", "cannot write %s", path);
    return ret;
}

/* Prints the plan as was asked. Returns an enum graph_status. */
static int print_plan(struct assembly *assembly, const struct graph_options *options)
{
    int ret = 0;

    if (options->explain)
        ret = limef_graph_print(&assembly->graph, limef_plan_print_text, stdout);
    if (options->json && ret >= 0)
        ret = limef_graph_print(&assembly->graph, limef_plan_print_json, stdout);
    if (options->dot && ret >= 0)
        ret = print_dot(assembly, options->dot_file);
    if (options->compare && ret >= 0)
        ret = against_print(&assembly->graph, options->against, stdout);
    return ret < 0 || fflush(stdout) != 0 ? GRAPH_SET_UP_FAILED : GRAPH_OK;
}

static int go(const struct graph_options *options, const struct passwords *passwords)
{
    static struct description description;
    static struct assembly assembly;
    struct limef_graph_settings settings = {
        .name = "graph",
        .mode = options->plan,
        .n_cpus = options->n_cpus,
        .window_us = options->window_us,
        .cache_file = options->cache,
    };
    struct description_error error;
    int status = GRAPH_SET_UP_FAILED;
    bool stuck = false;
    bool is_read = description_read(&description, options->description, &error) >= 0;

    graph_options_hide_logins(options->description); /* it is shown where it is wrong */
    if (!is_read) {
        description_print_error(stderr, options->description, &error);
        return status;
    }
    assembly.passwords = passwords;
    assembly.is_only_planned =
        options->explain || options->json || options->dot || options->compare;
    if (assembly_build(&assembly, &description, &settings, &error) < 0) {
        if (*error.text)
            description_print_error(stderr, options->description, &error);
    } else if (assembly.is_only_planned) {
        status = print_plan(&assembly, options);
    } else {
        status = run_graph(&assembly, options, &stuck);
    }
    status_if_stuck = status;
    signal(SIGALRM, end_stuck);
    alarm(TAKE_DOWN_S);
    if (stuck) {
        fflush(NULL);
        _exit(status);
    }
    if (!assembly_clear(&assembly) && status == GRAPH_OK)
        status = GRAPH_SET_UP_FAILED;
    alarm(0);
    return fflush(stdout) != 0 || ferror(stdout) ? GRAPH_SET_UP_FAILED : status;
}

int main(int argc, char **argv)
{
    struct graph_options options;
    struct passwords passwords = {.text = NULL};
    int status = GRAPH_SET_UP_FAILED;

    process_raise_descriptors();
    if (graph_options_parse(&options, argc, argv, stderr) < 0)
        return status;
    if (options.help || options.version || options.elements) {
        if (options.help)
            graph_options_print_help(stdout);
        else if (options.elements)
            element_kind_print(stdout);
        else
            printf("limef-graph %s\n", limef_version());
        return GRAPH_OK;
    }
    limef_log_set_level(options.log_level);
    av_log_set_callback(limef_redact_libav);
    av_log_set_level(options.log_level == LIMEF_LOG_DEBUG ? AV_LOG_VERBOSE : AV_LOG_QUIET);
    signal(SIGPIPE, SIG_IGN);
    if (passwords_read(&passwords, "limef-graph", options.password_file, options.password_fd) >= 0)
        status = go(&options, &passwords);
    passwords_clear(&passwords);
    graph_options_clear(&options);
    return status;
}
