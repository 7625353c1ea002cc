/* SPDX-License-Identifier: MIT */
/*
 * The same questions put to GStreamer: a pad pushed directly, elements behind
 * it, a pad with a chain function at the end; no pipeline clock, no preroll.
 *
 *   gst_pads hop N                  nanoseconds per `identity`, slope of ten
 *   gst_pads saturated N            a `queue` of 64 between two pinned threads
 *   gst_pads paced RATE SECONDS     its wake-up, one way
 */
#include "bench.h"
#include "calls.h"

#include <gst/gst.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEPTH 64
#define N_PAYLOADS 256
#define MAX_ELEMENTS 10

struct end {
    long n_expected, n_warm, n_got;
    bool moves_to_other_cpu;
    int64_t *delays_ns;
    int64_t ended_ns;
    sem_t done;
};

static struct end end;
static GstBuffer *payloads[N_PAYLOADS];

static GstFlowReturn end_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    (void)pad, (void)parent;
    if (!end.n_got && end.moves_to_other_cpu)
        bench_pin(1);
    if (end.delays_ns && end.n_got >= end.n_warm)
        end.delays_ns[end.n_got - end.n_warm] = bench_now_ns() - (int64_t)GST_BUFFER_OFFSET(buffer);
    gst_buffer_unref(buffer);
    if (++end.n_got == end.n_expected + end.n_warm) {
        end.ended_ns = bench_now_ns();
        sem_post(&end.done);
    }
    return GST_FLOW_OK;
}

static gboolean end_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    (void)pad, (void)parent;
    gst_event_unref(event);
    return TRUE;
}

static void send_preamble(GstPad *source)
{
    GstCaps *caps = gst_caps_new_empty_simple("application/x-bench");
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(source, gst_event_new_stream_start("bench"));
    gst_pad_push_event(source, gst_event_new_caps(caps));
    gst_pad_push_event(source, gst_event_new_segment(&segment));
    gst_caps_unref(caps);
}

/* source pad -> n elements of a kind -> end */
static GstPad *build(const char *kind, int n_elements, bool handoffs)
{
    GstElement *bin = gst_pipeline_new(NULL), *element;
    GstPad *source = gst_pad_new("src", GST_PAD_SRC), *sink = gst_pad_new("sink", GST_PAD_SINK);
    GstPad *last = source;

    gst_pad_set_chain_function(sink, end_chain);
    gst_pad_set_event_function(sink, end_event);
    gst_pad_set_active(sink, TRUE);
    for (int i = 0; i < n_elements; i++) {
        element = gst_element_factory_make(kind, NULL);
        if (!element)
            exit(77);
        if (!strcmp(kind, "queue"))
            g_object_set(element, "max-size-buffers", DEPTH, "max-size-bytes", 0, "max-size-time",
                         (guint64)0, NULL);
        else
            g_object_set(element, "signal-handoffs", (gboolean)handoffs, NULL);
        gst_bin_add(GST_BIN(bin), element);
        if (gst_pad_link_full(last, gst_element_get_static_pad(element, "sink"),
                              GST_PAD_LINK_CHECK_NOTHING) != GST_PAD_LINK_OK)
            abort();
        last = gst_element_get_static_pad(element, "src");
    }
    if (gst_pad_link_full(last, sink, GST_PAD_LINK_CHECK_NOTHING) != GST_PAD_LINK_OK)
        abort();
    gst_element_set_state(bin, GST_STATE_PLAYING);
    gst_pad_set_active(source, TRUE);
    send_preamble(source);
    return source;
}

static void push(GstPad *source, long i, int64_t sent_ns)
{
    GstBuffer *buffer = gst_buffer_ref(payloads[i % N_PAYLOADS]);

    /* Only the paced run stamps, and there a payload is at rest when its turn comes again. */
    if (sent_ns)
        GST_BUFFER_OFFSET(buffer) = (guint64)sent_ns;
    if (gst_pad_push(source, buffer) != GST_FLOW_OK)
        abort();
}

static double hops_ns(int n_elements, bool handoffs, long n)
{
    GstPad *source = build("identity", n_elements, handoffs);
    int64_t began_ns;

    end = (struct end){.n_expected = -1};
    for (long i = 0; i < n / 20; i++)
        push(source, i, 0);
    began_ns = bench_now_ns();
    for (long i = 0; i < n; i++)
        push(source, i, 0);
    return (double)(bench_now_ns() - began_ns) / (double)n;
}

static void run_hop(long n)
{
    double none, ten, quiet;

    bench_pin(0);
    none = hops_ns(0, true, n);
    ten = hops_ns(MAX_ELEMENTS, true, n);
    quiet = hops_ns(MAX_ELEMENTS, false, n);
    printf("{\"identity\": %.2f, \"identity_no_signal\": %.2f, \"pad\": %.2f}\n",
           (ten - none) / MAX_ELEMENTS, (quiet - none) / MAX_ELEMENTS, none);
}

static void run_queue(long n, double rate)
{
    GstPad *source = build("queue", 1, false);
    int64_t period_ns = rate > 0 ? (int64_t)(1e9 / rate) : 0, due_ns = bench_now_ns();
    int64_t began_ns = 0, cpu_ns = 0, n_switches = 0;
    struct bench_calls before = {0, 0}, after;

    end = (struct end){.n_expected = n, .n_warm = n / 20, .moves_to_other_cpu = true};
    sem_init(&end.done, 0, 0);
    if (rate > 0)
        end.delays_ns = calloc((size_t)n, sizeof(*end.delays_ns));
    bench_pin(0);
    for (long i = 0; i < n + end.n_warm; i++) {
        if (i == end.n_warm) {
            before = bench_count_calls();
            n_switches = bench_n_switches();
            cpu_ns = bench_cpu_ns();
            began_ns = bench_now_ns();
        }
        if (period_ns)
            bench_sleep_until_ns(due_ns += period_ns);
        push(source, i, period_ns ? bench_now_ns() : 0);
    }
    sem_wait(&end.done);
    cpu_ns = bench_cpu_ns() - cpu_ns;
    n_switches = bench_n_switches() - n_switches;
    after = bench_count_calls();
    if (rate > 0)
        printf("{\"p50_us\": %.2f, \"p99_us\": %.2f, \"cpu_us\": %.3f}\n",
               (double)bench_percentile(end.delays_ns, (size_t)n, .5) / 1e3,
               (double)bench_percentile(end.delays_ns, (size_t)n, .99) / 1e3,
               (double)cpu_ns / 1e3 / (double)n);
    else
        printf("{\"ns\": %.2f, \"cpu_ns\": %.2f, \"switches\": %.5f, \"syscalls\": %.5f, "
               "\"allocations\": %.5f}\n",
               (double)(end.ended_ns - began_ns) / (double)n, (double)cpu_ns / (double)n,
               (double)n_switches / (double)n,
               (double)(after.n_syscalls - before.n_syscalls) / (double)n,
               (double)(after.n_allocations - before.n_allocations) / (double)n);
}

int main(int n_arguments, char **arguments)
{
    const char *what = n_arguments > 2 ? arguments[1] : "";

    gst_init(NULL, NULL);
    for (int i = 0; i < N_PAYLOADS; i++)
        payloads[i] = gst_buffer_new_allocate(NULL, 16, NULL);
    if (!strcmp(what, "hop"))
        run_hop(atol(arguments[2]));
    else if (!strcmp(what, "saturated"))
        run_queue(atol(arguments[2]), 0);
    else if (!strcmp(what, "paced") && n_arguments > 3)
        run_queue((long)(atof(arguments[2]) * atof(arguments[3])), atof(arguments[2]));
    else
        return fputs("gst_pads hop N | saturated N | paced RATE SECONDS\n", stderr), 1;
    fflush(stdout);
    _exit(0); /* the queue's task still waits */
}
