/* SPDX-License-Identifier: MIT */
/* Decoding in hardware: how it begins, and which pictures are passed on. */
#include "filter/decode_kept.h"
#include "filter/decode_private.h"

#include "base/memory_private.h"
#include "frame/av_compat.h"
#include "frame/fetch.h"
#include "frame/hardware_private.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>
#include <limef/thread/report.h>

#include <libavutil/hwcontext.h>
#include <libavutil/pixdesc.h>

/* So many good pictures later failures are forgiven. */
#define FORGIVING_FRAMES 250

#define DEFAULT_HELD 32
/* Payloads that the decoder itself has out: the one that it passes, and an empty one. */
#define OWN_PAYLOADS 2
/* Surfaces of a pool that cannot grow, besides those that libavcodec counts; as it does itself. */
#define WORK_SURFACES 3

void decode_hardware_clear(struct limef_decode_filter *decode)
{
    if (decode->hardware.kept)
        decode_kept_clear(decode->hardware.kept);
    decode->hardware.waits_for_key = false;
}

void decode_hardware_reset(struct limef_decode_filter *decode)
{
    struct limef_decode_hardware *hardware = &decode->hardware;

    decode_hardware_clear(decode);
    decode_kept_free(hardware->kept);
    *hardware = (struct limef_decode_hardware){.n_serials = hardware->n_serials};
}

/* What was wished for, else what the graph's plan says, else a guess; no more than a pool has that
 * cannot grow. */
static unsigned n_held(const struct limef_decode_filter *decode)
{
    unsigned n = decode->settings.n_held ? decode->settings.n_held
                 : decode->n_behind      ? decode->n_behind
                                         : DEFAULT_HELD;

    return decode->hardware.n_pool && decode->hardware.n_pool < n ? decode->hardware.n_pool : n;
}

/* A frames context of our own: it remembers what was exported, and where the driver lets it, it
 * grows with what the chain holds. */
static int make_frames(struct limef_decode_filter *decode, AVCodecContext *context,
                       enum AVPixelFormat format)
{
    AVHWFramesContext *frames;
    AVBufferRef *made = NULL;
    int ret = memory_permits()
                  ? avcodec_get_hw_frames_parameters(context, context->hw_device_ctx, format, &made)
                  : AVERROR(ENOMEM);

    if (ret < 0)
        return ret;
    frames = (AVHWFramesContext *)(void *)made->data;
    if (hardware_has_fixed_pool(context->hw_device_ctx)) {
        frames->initial_pool_size += frames->initial_pool_size ? WORK_SURFACES : 0;
        decode->hardware.n_pool = (unsigned)context->extra_hw_frames;
    } else {
        frames->initial_pool_size = 0;
    }
    ret = hardware_frames_prepare(made);
    if (ret >= 0)
        ret = av_hwframe_ctx_init(made);
    if (ret < 0)
        av_buffer_unref(&made);
    context->hw_frames_ctx = made;
    return ret;
}

static enum AVPixelFormat refuse(struct limef_decode_hardware *hardware, int code)
{
    hardware->is_refused = true;
    hardware->is_unsupported =
        code == AVERROR(ENOSYS) || code == AVERROR(EINVAL) || code == AVERROR(ENOENT);
    hardware->error = code;
    return AV_PIX_FMT_NONE;
}

/* AVCodecContext.get_format: once, or again when what was chosen could not be used. Software is
 * never chosen here: it gets a context of its own, with threads. */
static enum AVPixelFormat get_format(AVCodecContext *context, const enum AVPixelFormat *formats)
{
    struct limef_decode_filter *decode = context->opaque;
    struct limef_decode_hardware *hardware = &decode->hardware;
    int ret;

    while (*formats != AV_PIX_FMT_NONE && (int)*formats != hardware->format)
        formats++;
    if (*formats == AV_PIX_FMT_NONE)
        return refuse(hardware, hardware->is_chosen ? AVERROR(EIO) : AVERROR(ENOSYS));
    hardware->is_chosen = true;
    if (hardware->format != AV_PIX_FMT_VAAPI)
        return *formats;
    ret = make_frames(decode, context, *formats);
    return ret < 0 ? refuse(hardware, ret) : *formats;
}

/* AVCodecContext.get_buffer2, which libavcodec does not always tell the failure of. */
static int get_buffer(AVCodecContext *context, AVFrame *picture, int flags)
{
    struct limef_decode_filter *decode = context->opaque;
    int ret = avcodec_default_get_buffer2(context, picture, flags);

    if (ret < 0)
        decode->hardware.error = ret;
    return ret;
}

int decode_hardware_set_up(struct limef_decode_filter *decode)
{
    AVCodecContext *context = decode->context;

    decode->hardware.is_proved = decode->hardware.is_refused = decode->hardware.is_spent = false;
    decode->hardware.n_pool = 0;
    decode->hardware.out_us = LIMEF_NO_TIME;
    context->thread_count = 1; /* hardware works on one picture after the other */
    if (!decode->hardware.kept)
        decode->hardware.kept = decode_kept_create();
    if (!decode->hardware.kept)
        return AVERROR(ENOMEM);
    if (decode_is_wrapper(decode)) {
        decode_wrapper_set_up(decode, n_held(decode));
        return 0;
    }
    decode->hardware.format = decode_hardware_format(decode);
    context->hw_device_ctx = memory_permits() ? av_buffer_ref(decode->settings.hardware) : NULL;
    if (!context->hw_device_ctx)
        return AVERROR(ENOMEM);
    context->opaque = decode;
    context->get_format = get_format;
    context->get_buffer2 = get_buffer;
    compat_let_threads_get_buffers(context); /* there is one; libavcodec warns all the same */
    context->extra_hw_frames = (int)n_held(decode);
    return 0;
}

int decode_hardware_tell(struct limef_decode_filter *decode, enum limef_decode_step step, int code)
{
    static const char *const texts[] = {
        [LIMEF_DECODE_IN_HARDWARE] = "decoded in hardware",
        [LIMEF_DECODE_RESUMED] = "hardware failed: from a key frame",
        [LIMEF_DECODE_NEW_CONTEXT] = "hardware failed: a new context",
        [LIMEF_DECODE_IN_SOFTWARE] = "not in hardware: in software",
    };
    const char *with = decode_hardware_kind(decode);
    struct limef_signal_frame told;
    char why[AV_ERROR_MAX_STRING_SIZE];

    av_strerror(code, why, sizeof(why));
    if (code < 0)
        atomic_store_explicit(&decode->last_error, code, memory_order_relaxed);
    atomic_store_explicit(&decode->with, step == LIMEF_DECODE_IN_SOFTWARE ? NULL : with,
                          memory_order_relaxed);
    LIMEF_COUNT(decode->n_steps[step], 1);
    if (step == LIMEF_DECODE_IN_HARDWARE)
        limef_log(LIMEF_LOG_INFO, decode->filter.name, "decoded by %s",
                  decode_hardware_name(decode));
    else
        limef_log(LIMEF_LOG_WARNING, decode->filter.name, "%s (%s)", texts[step], why);
    limef_signal_frame_set(&told, LIMEF_SIGNAL_DECODER, decode->codec.frame.slot, texts[step]);
    told.frame.track = decode->codec.frame.track;
    told.value = step;
    told.code = code;
    limef_report(&told);
    return limef_pass(&decode->filter, &told.frame) == AVERROR_EXIT ? AVERROR_EXIT : 0;
}

int decode_hardware_opened(struct limef_decode_filter *decode)
{
    struct limef_decode_hardware *hardware = &decode->hardware;
    int code = hardware->error ? hardware->error : AVERROR(ENOSYS);

    if (!decode_has_hardware(decode) || hardware->is_used)
        return 0;
    hardware->is_given_up = true;
    hardware->error = 0;
    return decode_hardware_tell(decode, LIMEF_DECODE_IN_SOFTWARE, code);
}

int decode_hardware_refused(struct limef_decode_filter *decode, int code)
{
    LIMEF_COUNT(decode->n_failures, 1);
    decode->hardware.error = code;
    decode->hardware.is_given_up = true;
    avcodec_free_context(&decode->context);
    return decode_open(decode, &decode->codec);
}

void decode_hardware_begin(struct limef_decode_filter *decode)
{
    struct limef_decode_hardware *hardware = &decode->hardware;

    if (!hardware->is_used)
        return;
    hardware->n_failed_calls = hardware_n_failed_calls();
    hardware->error_before = hardware->error;
    hardware->error = 0;
}

/* What libavcodec says of damaged bytes, or when it is not done, is no failure of hardware. */
static bool is_hardware_code(int code)
{
    return code < 0 && code != AVERROR(EAGAIN) && code != AVERROR_EOF &&
           code != AVERROR_INVALIDDATA && code != AVERROR_EXIT;
}

bool decode_hardware_failed(struct limef_decode_filter *decode, int code)
{
    struct limef_decode_hardware *hardware = &decode->hardware;

    if (!hardware->is_used)
        return false;
    if (!hardware->error && is_hardware_code(code))
        hardware->error = code;
    if (!hardware->error && hardware->n_failed_calls != hardware_n_failed_calls())
        hardware->error = AVERROR(EIO);
    if (hardware->error && !hardware->failed_tag)
        hardware->failed_tag = decode->tag;
    if (hardware->error_before)
        hardware->error = hardware->error_before;
    return hardware->error != 0;
}

/* Whether a packet's picture is still to come. Those that gave none and are shown before what came
 * last are others: fields, pictures that are never shown. */
static bool is_to_come(const struct limef_decode_filter *decode,
                       const struct limef_decode_carried *carried)
{
    if (!carried->is_inside)
        return false;
    return carried->pts_us != LIMEF_NO_TIME
               ? carried->pts_us > decode->hardware.out_us
               : carried->tag >= decode->tag - decode->context->has_b_frames - 1;
}

/* Pictures that are inside and cannot be decoded again. With a packet that fails libavcodec drops
 * the picture that is shown next. */
static unsigned count_last(const struct limef_decode_filter *decode)
{
    const struct limef_decode_hardware *hardware = &decode->hardware;
    unsigned n = 0;

    for (int i = 0; i < LIMEF_DECODE_MAX_INSIDE; i++) {
        const struct limef_decode_carried *carried = &decode->carried[i];

        n += is_to_come(decode, carried) && !decode_kept_has(hardware->kept, carried->serial);
    }
    return n;
}

bool decode_hardware_has_last(const struct limef_decode_filter *decode)
{
    return count_last(decode) > 0;
}

void decode_hardware_count_lost(struct limef_decode_filter *decode)
{
    const struct limef_decode_hardware *hardware = &decode->hardware;

    if (hardware->is_used && hardware->error)
        LIMEF_COUNT(decode->n_skipped, count_last(decode));
}

/*
 * Exports a picture and waits for it, before anybody else has it: here what fails can be decoded
 * again, and what was passed on can be read even when the device is gone.
 */
static bool make_readable(struct limef_decode_filter *decode, const AVFrame *picture, bool is_last)
{
    struct limef_decode_hardware *hardware = &decode->hardware;
    struct limef_hardware_frame mapped;
    /* DRM-PRIME is written, and describes itself: one look says whether such pictures can be had */
    bool asks =
        picture->format == AV_PIX_FMT_VAAPI || (limef_hardware_is(picture) && !hardware->is_proved);
    int ret = asks ? limef_hardware_frame_map(&mapped, picture) : 0;

    if (ret >= 0)
        return true;
    hardware->n_more += hardware->error && is_last;
    hardware->error = ret;
    hardware->is_unread = true;
    hardware->is_unsupported = !hardware->is_proved && ret == AVERROR(EINVAL);
    return false;
}

/* Whether a picture is what it should be; the first one is told of. */
static bool prove(struct limef_decode_filter *decode, const AVFrame *picture)
{
    struct limef_decode_hardware *hardware = &decode->hardware;

    if (!decode_is_true(decode, picture)) {
        limef_log(LIMEF_LOG_ERROR, decode->filter.name, "%s decodes %s wrongly",
                  decode_hardware_name(decode), avcodec_get_name(decode->parameters->codec_id));
        hardware->error = AVERROR_EXTERNAL;
        hardware->is_unsupported = true;
        return false;
    }
    if (hardware->is_proved)
        return true;
    hardware->is_proved = true;
    return decode_hardware_tell(decode, LIMEF_DECODE_IN_HARDWARE, 0) != AVERROR_EXIT;
}

/* What is behind holds so many that surfaces would run out. */
static void copy_out(struct limef_decode_filter *decode, AVFrame *picture)
{
    int64_t bytes = fetch_in_place(picture);

    if (bytes < 0) {
        limef_fail((int)bytes, decode->filter.name, "a picture cannot be fetched from hardware");
        return;
    }
    if (LIMEF_COUNTED(decode->n_copied) == 0)
        limef_log(LIMEF_LOG_WARNING, decode->filter.name,
                  "pictures are copied: more than %u are held behind the decoder", n_held(decode));
    LIMEF_COUNT(decode->n_copied, 1);
    LIMEF_COUNT(decode->out_bytes, (uint64_t)bytes);
    LIMEF_COUNT(decode->filter.copied_bytes, (uint64_t)bytes);
}

/* Whether a picture of hardware can be passed on. is_last: now or never. */
static bool is_sound(struct limef_decode_filter *decode, AVFrame *picture, bool is_last)
{
    struct limef_decode_hardware *hardware = &decode->hardware;

    if ((hardware->is_unread || hardware->is_ending) && !is_last)
        return false; /* it comes again behind the one that comes again */
    if (!hardware->is_proved && hardware->error)
        return false;
    hardware_note_new(picture);
    return make_readable(decode, picture, is_last) && prove(decode, picture);
}

bool decode_hardware_admit(struct limef_decode_filter *decode, AVFrame *picture)
{
    struct limef_decode_hardware *hardware = &decode->hardware;
    const struct limef_decode_carried *carried = decode_carried_of(decode, picture);
    bool has_failed = hardware->failed_tag && carried && carried->tag == hardware->failed_tag;
    bool is_last =
        carried ? !decode_kept_has(hardware->kept, carried->serial) : hardware->kept->n == 0;

    if (carried)
        decode->carried[carried - decode->carried].is_inside = false;
    if (carried && !hardware->error)
        hardware->out_us = carried->pts_us;
    if (has_failed || (hardware->is_used && !is_sound(decode, picture, is_last))) {
        LIMEF_COUNT(decode->n_skipped, is_last);
        return false;
    }
    if (carried && !decode_kept_pass(hardware->kept, carried->serial))
        return false;
    if (!hardware->is_used) {
        if (carried && carried->serial >= hardware->kept->serial + hardware->kept->n)
            decode_kept_clear(hardware->kept); /* all of it was decoded again */
        return true;
    }
    LIMEF_COUNT(decode->n_hardware, 1);
    /* not those that are decoded again: else a picture behind that many is tried without end */
    if (++hardware->n_good >= FORGIVING_FRAMES) {
        hardware->n_recent = 0;
        hardware->was_unreadable = false;
    }
    if (limef_pool_n_out(decode->pictures) > n_held(decode) + OWN_PAYLOADS &&
        (limef_hardware_is(picture) || decode_is_wrapper(decode)))
        copy_out(decode, picture);
    return true;
}
