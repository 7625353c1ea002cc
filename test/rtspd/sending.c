/* SPDX-License-Identifier: MIT */
#include "rtspd/rtspd.h"

#include <stdio.h>
#include <string.h>

/* One media that is sent; those who share it see the same. */
struct feed {
    struct sending *sending;
    const struct recording *recording;
    GstAppSrc *sources[MAX_TRACKS]; /* owned */
    GThread *thread;

    /* under the sending's lock */
    bool is_over;
    guint n_dropped; /* as sending.n_to_drop counts */
};

/* Waits until then (g_get_monotonic_time()), and while all is frozen. Returns false: it is over. */
static bool wait_until(struct feed *feed, gint64 due)
{
    struct sending *sending = feed->sending;
    bool goes_on;

    g_mutex_lock(&sending->lock);
    while (!feed->is_over && g_get_monotonic_time() < MAX(due, sending->frozen_until))
        g_cond_wait_until(&sending->changed, &sending->lock, MAX(due, sending->frozen_until));
    goes_on = !feed->is_over;
    g_mutex_unlock(&sending->lock);
    return goes_on;
}

static bool is_dropped(struct feed *feed, const struct recorded_track *track)
{
    bool is_dropped;

    g_mutex_lock(&feed->sending->lock);
    is_dropped = track->is_video && feed->n_dropped < feed->sending->n_to_drop;
    feed->n_dropped += is_dropped;
    g_mutex_unlock(&feed->sending->lock);
    return is_dropped;
}

static bool send_unit(struct feed *feed, const struct recorded_unit *unit, gint64 offset,
                      gint64 begun)
{
    double speed = feed->sending->speed;
    gint64 dts = (gint64)((double)(unit->dts + offset) / speed);
    GstBuffer *buffer;

    if (!wait_until(feed, begun + dts / 1000))
        return false;
    if (is_dropped(feed, &feed->recording->tracks[unit->track]))
        return true;
    buffer = gst_buffer_copy(unit->buffer); /* of its header: the bytes are shared */
    GST_BUFFER_DTS(buffer) = (GstClockTime)dts;
    GST_BUFFER_PTS(buffer) = (GstClockTime)((double)(unit->pts + offset) / speed);
    return gst_app_src_push_buffer(feed->sources[unit->track], buffer) == GST_FLOW_OK;
}

static gpointer run(gpointer context)
{
    struct feed *feed = context;
    const struct recording *recording = feed->recording;
    unsigned n_passes = feed->sending->n_passes;
    gint64 begun = g_get_monotonic_time();
    bool goes_on = true;

    for (unsigned pass = 0; goes_on && (n_passes == 0 || pass < n_passes); pass++)
        for (guint i = 0; goes_on && i < recording->units->len; i++)
            goes_on = send_unit(feed, &g_array_index(recording->units, struct recorded_unit, i),
                                pass * recording->duration, begun);
    for (unsigned i = 0; i < recording->n_tracks; i++)
        gst_app_src_end_of_stream(feed->sources[i]);
    return NULL;
}

static void end(GstRTSPMedia *media, struct feed *feed)
{
    (void)media;
    g_mutex_lock(&feed->sending->lock);
    feed->is_over = true;
    g_cond_broadcast(&feed->sending->changed);
    g_mutex_unlock(&feed->sending->lock);
    g_thread_join(feed->thread);
    for (unsigned i = 0; i < feed->recording->n_tracks; i++)
        gst_object_unref(feed->sources[i]);
    g_free(feed);
}

void sending_begin(struct sending *sending, const struct recording *recording, GstRTSPMedia *media)
{
    struct feed *feed = g_new0(struct feed, 1);
    GstElement *bin = gst_rtsp_media_get_element(media);

    feed->sending = sending;
    feed->recording = recording;
    g_mutex_lock(&sending->lock);
    feed->n_dropped = sending->n_to_drop;
    g_mutex_unlock(&sending->lock);
    for (unsigned i = 0; i < recording->n_tracks; i++) {
        char source[16], payloader[16];
        GstElement *element;

        snprintf(source, sizeof(source), "source%u", i);
        snprintf(payloader, sizeof(payloader), "pay%u", i);
        feed->sources[i] = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(bin), source));
        gst_app_src_set_caps(feed->sources[i], recording->tracks[i].caps);
        element = gst_bin_get_by_name(GST_BIN(bin), payloader);
        packets_watch(sending, element, sending->seed + i);
        gst_object_unref(element);
    }
    gst_object_unref(bin);
    g_signal_connect(media, "unprepared", G_CALLBACK(end), feed);
    feed->thread = g_thread_new("feed", run, feed);
}

bool sending_command(struct sending *sending, const char *line)
{
    char what[16] = "";
    double number = 0;
    bool is_known = true;

    if (sscanf(line, "%15s %lf", what, &number) != 2)
        return false;
    g_mutex_lock(&sending->lock);
    if (!strcmp(what, "freeze"))
        sending->frozen_until = g_get_monotonic_time() + (gint64)(number * 1000);
    else if (!strcmp(what, "drop"))
        sending->n_to_drop += (guint)number;
    else if (!strcmp(what, "jump"))
        sending->jumped_ms += (gint64)number;
    else if (!strcmp(what, "loss"))
        sending->loss = number / 100;
    else
        is_known = false;
    g_cond_broadcast(&sending->changed);
    g_mutex_unlock(&sending->lock);
    return is_known;
}
