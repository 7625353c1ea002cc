/* SPDX-License-Identifier: MIT */
/*
 * The ladder down from hardware that fails: on from a key frame, a new context, software.
 */
#include "filter/decode_kept.h"
#include "filter/decode_private.h"

#include "frame/pool_private.h"

#include <libavcodec/avcodec.h>

/* Of failures that are not forgiven yet: after how many a key frame does not help, nor a new
 * context. */
#define MAX_RESUMED 2
#define MAX_FAILURES 4

static enum limef_decode_step choose_step(const struct limef_decode_filter *decode)
{
    const struct limef_decode_hardware *hardware = &decode->hardware;

    if (hardware->is_unsupported || hardware->n_recent > MAX_FAILURES)
        return LIMEF_DECODE_IN_SOFTWARE;
    return hardware->is_refused || hardware->n_recent > MAX_RESUMED || decode_is_wrapper(decode)
               ? LIMEF_DECODE_NEW_CONTEXT
               : LIMEF_DECODE_RESUMED;
}

/* A new context; if there is none in hardware, one in software. Returns what there is, or a
 * negative AVERROR code. */
static int reopen(struct limef_decode_filter *decode, enum limef_decode_step step)
{
    int ret = AVERROR(EIO);

    avcodec_free_context(&decode->context);
    decode->hardware.is_spent = false;
    if (step == LIMEF_DECODE_NEW_CONTEXT)
        ret = decode_open(decode, &decode->codec);
    if (ret < 0) {
        avcodec_free_context(&decode->context);
        decode->hardware.is_given_up = true;
        step = LIMEF_DECODE_IN_SOFTWARE;
        ret = decode_open(decode, &decode->codec);
    }
    return ret < 0 ? ret : (int)step;
}

/* One step down. Returns 0, AVERROR_EXIT, or a negative AVERROR code: nothing can decode this. */
static int step_down(struct limef_decode_filter *decode)
{
    struct limef_decode_hardware *hardware = &decode->hardware;
    int code = hardware->error, ret = 0, step;
    unsigned n_failures;

    if (hardware->kept->n == 0 || decode_hardware_has_last(decode)) {
        hardware->is_ending = true;
        ret = decode_drain(decode); /* more of which may fail */
        hardware->is_ending = false;
    } else { /* all of it comes again, in order */
        decode_flush(decode);
    }
    n_failures = 1 + hardware->n_more;
    hardware->n_more = 0;
    hardware->n_recent += n_failures;
    hardware->n_good = 0;
    LIMEF_COUNT(decode->n_failures, n_failures);
    if (ret == AVERROR_EXIT)
        return ret;
    step = choose_step(decode);
    hardware->error = 0;
    hardware->failed_tag = 0;
    hardware->is_unread = false;
    pool_begin_anew(decode->pictures);
    if (step != LIMEF_DECODE_RESUMED) {
        step = reopen(decode, (enum limef_decode_step)step);
        if (step < 0)
            return decode_cannot_open(decode, &decode->codec, step);
    }
    return decode_hardware_tell(decode, (enum limef_decode_step)step, code);
}

/* After a step: from the key frame whose packets are kept, or nothing until the next one. */
static int redo(struct limef_decode_filter *decode)
{
    struct limef_decode_hardware *hardware = &decode->hardware;
    struct limef_decode_kept *kept = hardware->kept;
    uint64_t serial, end = kept->serial + kept->n;
    int ret = 0;

    if (kept->n == 0) {
        hardware->waits_for_key = true;
        return 0;
    }
    decode_kept_begin_again(kept);
    /* what is passed on may make what is kept shorter, at its beginning */
    for (serial = kept->serial; serial < end && !hardware->error && ret != AVERROR_EXIT; serial++) {
        hardware->is_chosen = false;
        hardware->serial = serial;
        ret = decode_packet(decode, decode_kept_packet(kept, serial));
    }
    return ret;
}

/* Steps down until it goes on. */
static int go_down(struct limef_decode_filter *decode, int ret)
{
    struct limef_decode_hardware *hardware = &decode->hardware;

    while (hardware->error && ret != AVERROR_EXIT) {
        ret = step_down(decode);
        if (ret < 0)
            return ret;
        ret = redo(decode);
    }
    return ret;
}

/* Another context behind an end, for what cannot go on. */
static int renew(struct limef_decode_filter *decode)
{
    int step = reopen(decode, LIMEF_DECODE_NEW_CONTEXT);

    if (step < 0)
        return decode_cannot_open(decode, &decode->codec, step);
    return step == LIMEF_DECODE_IN_SOFTWARE
               ? decode_hardware_tell(decode, LIMEF_DECODE_IN_SOFTWARE, AVERROR(EIO))
               : 0;
}

/* Somebody behind could not read a picture in any way. That seldom gets better by itself: the
 * second that is not forgiven leads to software. */
static void hear_readers(struct limef_decode_filter *decode)
{
    struct limef_decode_hardware *hardware = &decode->hardware;
    int error = pool_take_error(decode->pictures);

    if (!error || !hardware->is_used || hardware->error)
        return;
    hardware->error = error;
    hardware->is_unsupported = hardware->was_unreadable;
    hardware->was_unreadable = true;
}

/* Before another packet: a new context behind an end, steps for what a reader met or was left. */
static int go_on(struct limef_decode_filter *decode)
{
    int ret = decode->hardware.is_spent ? renew(decode) : 0;

    if (ret < 0)
        return ret;
    decode->hardware.is_chosen = false;
    hear_readers(decode);
    return go_down(decode, 0);
}

int decode_hardware_take(struct limef_decode_filter *decode,
                         const struct limef_packet_frame *packet)
{
    struct limef_decode_hardware *hardware = &decode->hardware;
    int before = go_on(decode), ret;

    if (before == AVERROR_EXIT)
        return before;
    if (!decode->context) {
        LIMEF_COUNT(decode->n_ignored, 1);
        return before;
    }
    if (hardware->waits_for_key && !(packet->frame.flags & LIMEF_FRAME_KEY)) {
        LIMEF_COUNT(decode->n_skipped, 1);
        return before;
    }
    hardware->waits_for_key = false;
    hardware->serial = ++hardware->n_serials;
    if (hardware->is_used)
        decode_kept_add(hardware->kept, packet, hardware->serial);
    ret = decode_packet(decode, packet);
    ret = go_down(decode, ret);
    return ret < 0 ? ret : before;
}

int decode_hardware_end(struct limef_decode_filter *decode)
{
    struct limef_decode_hardware *hardware = &decode->hardware;
    int ret = decode_drain(decode);

    while (hardware->error && ret != AVERROR_EXIT) {
        ret = go_down(decode, ret);
        if (ret != AVERROR_EXIT && !hardware->error)
            ret = decode_drain(decode);
    }
    return ret;
}
