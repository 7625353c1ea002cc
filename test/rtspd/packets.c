/* SPDX-License-Identifier: MIT */
#include "rtspd/rtspd.h"

#include <gst/rtp/gstrtpbuffer.h>

/* What becomes of the packets of one stream; the thread that sends it. */
struct watch {
    struct sending *sending; /* borrowed */
    GRand *random;           /* owned */
    gint clock_rate;         /* Hz */

    /* of what is sent at once */
    double loss;
    guint32 jumped_ticks;
};

/* As gst_buffer_list_foreach() calls it: what is NULL afterwards is gone. */
static gboolean look_at(GstBuffer **buffer, guint number, gpointer context)
{
    const struct watch *watch = context;
    GstRTPBuffer packet = GST_RTP_BUFFER_INIT;

    (void)number;
    if (watch->loss > 0 && g_rand_double(watch->random) < watch->loss) {
        gst_clear_buffer(buffer);
        return TRUE;
    }
    if (watch->jumped_ticks == 0)
        return TRUE;
    *buffer = gst_buffer_make_writable(*buffer);
    if (gst_rtp_buffer_map(*buffer, GST_MAP_READWRITE, &packet)) {
        gst_rtp_buffer_set_timestamp(&packet,
                                     gst_rtp_buffer_get_timestamp(&packet) + watch->jumped_ticks);
        gst_rtp_buffer_unmap(&packet);
    }
    return TRUE;
}

static void find_clock_rate(struct watch *watch, GstPad *pad)
{
    GstCaps *caps = watch->clock_rate ? NULL : gst_pad_get_current_caps(pad);

    if (!caps)
        return;
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "clock-rate", &watch->clock_rate);
    gst_caps_unref(caps);
}

static GstPadProbeReturn came(GstPad *pad, GstPadProbeInfo *info, gpointer context)
{
    struct watch *watch = context;
    struct sending *sending = watch->sending;

    find_clock_rate(watch, pad);
    g_mutex_lock(&sending->lock);
    watch->loss = sending->loss;
    watch->jumped_ticks = (guint32)(sending->jumped_ms * watch->clock_rate / 1000);
    g_mutex_unlock(&sending->lock);
    if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
        GstBufferList *list = gst_buffer_list_make_writable(GST_PAD_PROBE_INFO_BUFFER_LIST(info));

        gst_buffer_list_foreach(list, look_at, watch);
        info->data = list;
        return gst_buffer_list_length(list) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
    }
    look_at((GstBuffer **)&info->data, 0, watch);
    return info->data ? GST_PAD_PROBE_OK : GST_PAD_PROBE_HANDLED;
}

static void forget(gpointer context)
{
    struct watch *watch = context;

    g_rand_free(watch->random);
    g_free(watch);
}

void packets_watch(struct sending *sending, GstElement *element, guint32 seed)
{
    struct watch *watch = g_new0(struct watch, 1);
    GstPad *pad = gst_element_get_static_pad(element, "src");

    watch->sending = sending;
    watch->random = g_rand_new_with_seed(seed);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, came, watch,
                      forget);
    gst_object_unref(pad);
}
