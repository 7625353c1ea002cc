/* SPDX-License-Identifier: MIT */
#include "ends.h"

#include "mains.h"
#include "sound.h"

#include <limef/base/log.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <stdio.h>

/* Packets that a decoder may hold before its first picture: reordering and threads. */
#define MAX_DECODER_DELAY 128
/* How much of a film may be missing at its end before it is said. */
#define CUT_SHORT_US 1000000
/* Where nothing was damaged, also this part of it: tracks that are not played may be longer. */
#define CUT_SHORT_PART 10

/* A stream that ended well, and yet gave no picture: nobody has said why so far. */
static void say_if_nothing_was_shown(const struct player *player, struct play_stream *stream)
{
    int64_t duration_us = play_stream_duration_us(stream);
    struct limef_presenter_slot_counters slot;
    struct limef_decode_counters decode;
    const char *why = "no picture could be decoded";

    limef_presenter_get_counters(&player->presenter, stream->slot, &slot);
    limef_decode_get_counters(&stream->decode, &decode);
    if (slot.n_shown || slot.n_failed || stream->end_code < 0 || decode.n_errors ||
        play_sound_is_heard(&player->sound, stream->slot))
        return;
    if (duration_us != LIMEF_NO_TIME && player->options->start_us >= duration_us)
        why = "--start is behind the end";
    stream->end_code = AVERROR_INVALIDDATA;
    snprintf(stream->end_text, sizeof(stream->end_text), "%s", why);
    limef_log(LIMEF_LOG_ERROR, stream->name, "%s: %s", stream->url, why);
}

/* How much of a film did not come, by the length that its header says; 0: nobody can tell. */
static int64_t missing_us(const struct player *player, const struct play_stream *stream)
{
    int64_t duration_us = play_stream_duration_us(stream);
    int64_t at_us = play_stream_position_us(stream, &player->presenter);
    int64_t read_us;

    if (duration_us == LIMEF_NO_TIME || at_us == LIMEF_NO_TIME)
        return 0;
    read_us = limef_file_source_position_us(&stream->source);
    if (read_us != LIMEF_NO_TIME)
        at_us = FFMAX(at_us, read_us - play_stream_start_us(stream)); /* sound may be longer */
    return duration_us - at_us;
}

/* A file that broke off where its demuxer found no fault: what was damaged and is missing tells, or
 * that much is missing. */
static void say_if_cut_short(const struct player *player, const struct play_stream *stream)
{
    int64_t missed_us = missing_us(player, stream);
    struct limef_decode_counters decode;

    limef_decode_get_counters(&stream->decode, &decode);
    if (stream->end_code < 0 || stream->limit.reached || stream->sound_limit.reached ||
        player->options->n_loops || missed_us < CUT_SHORT_US ||
        (!decode.n_corrupt && missed_us < play_stream_duration_us(stream) / CUT_SHORT_PART))
        return;
    limef_log(LIMEF_LOG_WARNING, stream->name, "%s: %s ends %.1f s too early", stream->url,
              decode.n_corrupt ? "damaged, and it" : "it", (double)missed_us / 1e6);
}

/* What has no pictures need not be read to its end to know that there are none. */
static bool is_sound_alone(const struct play_stream *stream)
{
    struct limef_decode_counters decode;

    limef_decode_get_counters(&stream->decode, &decode);
    return stream->sound_limit.reached && !decode.n_packets;
}

static void note_end(struct play_stream *stream, const struct limef_signal_frame *report)
{
    stream->end_code = report->code;
    snprintf(stream->end_text, sizeof(stream->end_text), "%s", report->text);
}

static void end_stream(struct player *player, struct play_stream *stream)
{
    struct limef_signal_frame pause; /* what is behind the end was not asked for */

    stream->ended = true;
    say_if_nothing_was_shown(player, stream);
    say_if_cut_short(player, stream);
    limef_signal_frame_set(&pause, LIMEF_SIGNAL_PAUSE, stream->slot, NULL);
    limef_graph_send(&player->graph, &stream->from->filter, &pause);
    mains_end(player, stream);
}

/* Whether anything came of it; if not by its small stream, the large one may be there. */
static bool has_come(const struct play_stream *stream)
{
    struct limef_rtsp_source_counters counters;

    if (!play_stream_is_camera(stream))
        return true;
    limef_rtsp_source_get_counters(&stream->camera, &counters);
    return counters.n_units > 0 || stream->main_connected;
}

/* Of a camera that never came: whether a person has to mend what is wrong, there or here. */
static bool is_refused(const struct play_stream *stream)
{
    struct limef_rtsp_source_counters counters;

    limef_rtsp_source_get_counters(&stream->camera, &counters);
    return counters.state == LIMEF_RTSP_REFUSED_USER || counters.state == LIMEF_RTSP_NOT_FOUND ||
           counters.state == LIMEF_RTSP_UNSUPPORTED;
}

/*
 * Whether cameras that never came are waited for: while something else plays, or begins to; and on
 * a wall, which is several cameras, as long as one of them may come by itself.
 */
static bool waits_for_cameras(const struct player *player)
{
    bool is_wall, begins = false, has_ended = false, may_come = false;
    unsigned n_cameras = 0;

    for (uint32_t i = 0; i < player->n_streams; i++) {
        const struct play_stream *stream = &player->streams[i];

        n_cameras += play_stream_is_camera(stream);
        has_ended |= stream->ended;
        begins |= !stream->ended && (has_come(stream) || stream->end_code == 0);
        may_come |= !stream->ended && stream->end_code < 0 && !is_refused(stream);
    }
    is_wall = n_cameras > 1 && !has_ended;
    return begins || (is_wall && may_come);
}

/* What failed and never came is given up, once it is not waited for. */
static void give_up(struct player *player)
{
    if (player->options->reconnect_asked || waits_for_cameras(player))
        return;
    for (uint32_t i = 0; i < player->n_streams; i++) {
        struct play_stream *stream = &player->streams[i];

        if (stream->ended || has_come(stream) || stream->end_code == 0)
            continue;
        stream->sound_ended = stream->pictures_ended = true;
        end_stream(player, stream);
    }
}

void ends_note(struct player *player, const struct limef_signal_frame *report)
{
    struct play_stream *stream;

    if (report->frame.slot >= player->n_streams)
        return;
    stream = &player->streams[report->frame.slot];
    if (report->frame.media == LIMEF_MEDIA_AUDIO) {
        stream->sound_ended = true;
        stream->pictures_ended |= is_sound_alone(stream);
    } else {
        stream->pictures_ended = true;
        note_end(stream, report);
    }
    /* sound may be longer than the pictures, unless only a part is played */
    if (stream->ended || !stream->pictures_ended ||
        (stream->sound && !stream->sound_ended && !stream->limit.reached))
        return;
    end_stream(player, stream);
    give_up(player);
}

/* Whether the decoder took more than a whole turn of a repeated file, and gave nothing. */
static bool repeats_in_vain(const struct play_stream *stream)
{
    struct limef_file_source_counters source;
    struct limef_decode_counters decode;

    if (play_stream_is_camera(stream))
        return false;
    limef_file_source_get_counters(&stream->source, &source);
    limef_decode_get_counters(&stream->decode, &decode);
    /* in n_loops whole turns there was not more than n_video */
    return source.n_loops && !decode.n_frames &&
           decode.n_packets > source.n_video / source.n_loops + MAX_DECODER_DELAY;
}

void ends_vain_repetition(struct player *player)
{
    struct limef_signal_frame report;

    for (uint32_t i = 0; i < player->n_streams; i++) {
        if (player->streams[i].ended || play_sound_is_heard(&player->sound, i) ||
            !repeats_in_vain(&player->streams[i]))
            continue;
        player->streams[i].sound_ended = true; /* it has none */
        limef_signal_frame_set(&report, LIMEF_SIGNAL_END, i, "no picture could be decoded");
        report.code = limef_fail(AVERROR_INVALIDDATA, player->streams[i].name, "%s: %s",
                                 player->streams[i].url, report.text);
        ends_note(player, &report);
    }
}

void ends_note_state(struct player *player, const struct limef_signal_frame *report)
{
    struct play_stream *stream;

    if (report->frame.slot >= player->n_streams)
        return;
    stream = &player->streams[report->frame.slot];
    if (stream->ended || !play_stream_is_camera(stream))
        return;
    if (report->value == LIMEF_RTSP_PLAYING)
        stream->end_code = 0;
    if (report->code >= 0 || report->value == LIMEF_RTSP_STALLED)
        return;
    note_end(stream, report);
    give_up(player);
}
