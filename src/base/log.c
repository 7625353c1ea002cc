/* SPDX-License-Identifier: MIT */
#include <limef/base/log.h>

#include <limef/base/redact.h>

#include <errno.h>
#include <libavutil/error.h>
#include <stdarg.h>
#include <stdio.h>

/* What the sink gets; a line that is longer is cut after it was redacted. */
#define LINE_BYTES 512
#define WHOLE_BYTES 4096
#define NAME_BYTES 128

static void write_to_stderr(void *context, enum limef_log_level level, const char *name,
                            const char *line)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};

    (void)context;
    fprintf(stderr, "%s: %s: %s\n", name, words[level], line);
}

static limef_log_fn *log_sink = write_to_stderr;
static void *log_context;
/* relaxed: a level that is seen a line late harms nobody */
static _Atomic(int) log_level = LIMEF_LOG_WARNING;

void limef_log_set_sink(limef_log_fn *sink, void *context)
{
    log_sink = sink ? sink : write_to_stderr;
    log_context = context;
}

void limef_log_set_level(enum limef_log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

static bool is_logged(enum limef_log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

static void pass(enum limef_log_level level, const char *name, const char *whole)
{
    char shown[NAME_BYTES], line[LINE_BYTES];

    log_sink(log_context, level, limef_redact(shown, sizeof(shown), name ? name : "limef"),
             limef_redact(line, sizeof(line), whole));
}

void limef_log(enum limef_log_level level, const char *name, const char *format, ...)
{
    char whole[WHOLE_BYTES];
    va_list arguments;

    if (!is_logged(level))
        return;
    va_start(arguments, format);
    vsnprintf(whole, sizeof(whole), format, arguments);
    va_end(arguments);
    pass(level, name, whole);
}

int limef_fail(int code, const char *name, const char *format, ...)
{
    char whole[WHOLE_BYTES], reason[AV_ERROR_MAX_STRING_SIZE] = "";
    va_list arguments;
    int length;

    if (!is_logged(LIMEF_LOG_ERROR))
        return code;
    va_start(arguments, format);
    length = vsnprintf(whole, sizeof(whole), format, arguments);
    va_end(arguments);
    av_strerror(code, reason, sizeof(reason));
    /* the system's text for ELOOP is of symbolic links; here filters lead in a circle */
    if (code != AVERROR(ELOOP) && length >= 0 && (size_t)length < sizeof(whole))
        snprintf(whole + length, sizeof(whole) - (size_t)length, ": %s", reason);
    pass(LIMEF_LOG_ERROR, name, whole);
    return code;
}
