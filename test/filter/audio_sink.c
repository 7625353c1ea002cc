/* SPDX-License-Identifier: MIT */
#include "audio_sink.h"

#include "support/kept_log.h"

static int offer(int64_t pts_us, uint32_t flags)
{
    block.frame.frame.pts_us = pts_us;
    block.frame.frame.flags = flags;
    return limef_go(&sink.filter, &block.frame.frame);
}

TestSuite(audio_sink, .init = open_sink, .fini = close_sink, .timeout = 30);

Test(audio_sink, refuses_what_does_not_fit_and_takes_the_rest_of_it_later)
{
    for (int i = 0; i < 2; i++)
        cr_assert(zero(int, offer(i * 21333, 0)));
    mix_period();
    cr_assert(zero(int, offer(2 * 21333, 0)));
    cr_assert(eq(int, offer(3 * 21333, 0), AVERROR(EAGAIN)));
    cr_assert(eq(uint, fill(), N_RING / 4 * 3)); /* a change of the rate takes the rest */
    cr_assert(eq(int, offer(3 * 21333, 0), AVERROR(EAGAIN)));
    for (int i = 0; i < 4; i++)
        mix_period();
    cr_assert(zero(int, offer(3 * 21333, 0)));
    cr_assert(eq(uint, fill(), 4 * 1024 - 5 * PERIOD));
    cr_assert(eq(ulong, LIMEF_COUNTED(slots[0].n_blocks), 4));
    /* and nothing of it was lost */
    cr_assert(zero(ulong, LIMEF_COUNTED(input.ring.n_dropped)));
}

Test(audio_sink, never_refuses_what_is_live)
{
    for (int i = 0; i < 10; i++)
        cr_assert(zero(int, offer(i * 21333, LIMEF_FRAME_LIVE)));
    cr_assert(eq(uint, fill(), N_RING));
    cr_assert(eq(ulong, LIMEF_COUNTED(input.ring.n_dropped), 6 * 1024));
}

static struct kept_log lines = {.level = LIMEF_LOG_DEBUG};

Test(audio_sink, refuses_what_the_mixer_does_not_take_and_says_so_once)
{
    limef_log_set_sink(keep_log, &lines);
    block.av->sample_rate = 44100;
    cr_assert(eq(int, offer(0, 0), AVERROR(EINVAL)));
    block.av->sample_rate = 48000;
    block.frame.frame.slot = 2;
    cr_assert(eq(int, offer(0, 0), AVERROR(EINVAL)));
    cr_assert(eq(ulong, LIMEF_COUNTED(sink.n_refused), 2));
    cr_assert(eq(uint, lines.n, 1));
    block.frame.frame.slot = 1; /* a slot without an input is silent */
    cr_assert(zero(int, offer(0, 0)));
}

Test(audio_sink, has_sound_wait_for_a_place_in_the_mixer_for_a_moment)
{
    offer(0, 0);
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, 0)));
    cr_assert(eq(int, offer(21333, 0), AVERROR(EAGAIN)));
    cr_assert(LIMEF_COUNTED(slots[0].wants_place));
    limef_mixer_connect(&mixer, &input);
    cr_assert(zero(int, offer(21333, 0)));
    cr_assert(not(LIMEF_COUNTED(slots[0].wants_place)));
    mix_period();
    cr_assert(eq(long, limef_mixer_input_heard_us(&input, heard_us - 5000), 21333));
    cr_assert(zero(ulong, LIMEF_COUNTED(slots[0].n_dropped)));
}

Test(audio_sink, drops_sound_that_got_no_place_and_goes_on_with_what_comes_then)
{
    offer(0, 0);
    mix_period();
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, 0)));
    cr_assert(eq(long, limef_mixer_input_heard_us(&input, heard_us), LIMEF_NO_TIME));
    cr_assert(eq(int, offer(21333, 0), AVERROR(EAGAIN)));
    slots[0].place_until_us = 0; /* the moment is over */
    cr_assert(zero(int, offer(21333, 0)));
    cr_assert(zero(int, offer(42666, LIMEF_FRAME_LIVE)));
    cr_assert(eq(ulong, LIMEF_COUNTED(slots[0].n_dropped), 2));
    limef_mixer_connect(&mixer, &input);
    cr_assert(zero(int, offer(9000000, 0)));
    mix_period();
    cr_assert(eq(long, limef_mixer_input_heard_us(&input, heard_us - 5000), 9000000));
}

Test(audio_sink, has_nothing_heard_of_what_was_live_when_it_lost_its_place)
{
    offer(0, LIMEF_FRAME_LIVE);
    offer(21333, LIMEF_FRAME_LIVE);
    cr_assert(eq(int, (int)heard().state, LIMEF_INPUT_SOUNDING));
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, 0)));
    offer(42666, LIMEF_FRAME_LIVE);
    limef_mixer_connect(&mixer, &input);
    cr_assert(eq(int, (int)heard().state, LIMEF_INPUT_WAITING));
}

Test(audio_sink, waits_for_no_end_of_what_has_no_place)
{
    offer(0, 0);
    mix_period();
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, 0)));
    offer(21333, LIMEF_FRAME_LIVE);
    send(LIMEF_SIGNAL_END, 0, 0);
    limef_audio_sink_tick(&sink, limef_now_us());
    cr_assert(not(slots[0].ending));
    cr_assert(not(LIMEF_COUNTED(slots[0].wants_place)));
}

Test(audio_sink, drops_sound_between_a_seek_and_its_flush)
{
    offer(0, 0);
    mix_period();
    send(LIMEF_SIGNAL_SEEK, 9000000, 7);
    cr_assert(zero(int, offer(21333, 0)));
    send(LIMEF_SIGNAL_FLUSH, 0, 6); /* an older seek's */
    cr_assert(zero(int, offer(42666, 0)));
    cr_assert(eq(ulong, LIMEF_COUNTED(slots[0].n_dropped), 2));
    send(LIMEF_SIGNAL_FLUSH, 9000000, 7);
    cr_assert(zero(int, offer(9000000, 0)));
    mix_period();
    cr_assert(eq(long, limef_mixer_input_heard_us(&input, heard_us - 5000), 9000000));
}

Test(audio_sink, pauses_and_goes_on)
{
    offer(0, 0);
    mix_period();
    send(LIMEF_SIGNAL_PAUSE, 0, 0);
    for (int i = 0; i < 5; i++)
        mix_period();
    cr_assert(eq(uint, fill(), 1024 - 2 * PERIOD));
    send(LIMEF_SIGNAL_PLAY, 0, 0);
    mix_period();
    cr_assert(eq(uint, fill(), 1024 - 3 * PERIOD));
}

Test(audio_sink, is_silent_at_rates_that_sound_cannot_have)
{
    offer(0, 0);
    send(LIMEF_SIGNAL_RATE, 4000, 0);
    cr_assert(zero(int, offer(21333, 0)));
    mix_period();
    cr_assert(zero(uint, fill()));
    for (int i = 2; i < 20; i++)
        cr_assert(zero(int, offer(i * 21333, 0)));
    cr_assert(zero(uint, fill()));
    send(LIMEF_SIGNAL_RATE, 1000, 0);
    cr_assert(zero(int, offer(500000, 0)));
    cr_assert(eq(uint, fill(), 1024));
}

Test(audio_sink, is_silent_at_other_rates_than_the_natural_one_where_it_is_live)
{
    offer(0, LIMEF_FRAME_LIVE);
    send(LIMEF_SIGNAL_RATE, 1500, 0);
    cr_assert(zero(int, offer(21333, LIMEF_FRAME_LIVE)));
    mix_period();
    cr_assert(zero(uint, fill()));
    cr_assert(eq(ulong, LIMEF_COUNTED(slots[0].n_dropped), 1));
}

static bool picture_is_ready;
static uint32_t asked_serial;

static bool is_ready(void *context, uint32_t serial)
{
    (void)context;
    asked_serial = serial;
    return picture_is_ready;
}

static void begin(int32_t media)
{
    struct limef_signal_frame start;

    limef_signal_frame_set(&start, LIMEF_SIGNAL_START, 0, NULL);
    start.code = media;
    start.value = LIMEF_NO_TIME;
    cr_assert(zero(int, limef_go(&sink.filter, &start.frame)));
}

static void begin_with_pictures(void)
{
    slots[0].pictures = is_ready;
    begin(1 << LIMEF_MEDIA_VIDEO | 1 << LIMEF_MEDIA_AUDIO);
}

Test(audio_sink, begins_when_its_picture_can_be_shown)
{
    int64_t now_us = limef_now_us();

    begin_with_pictures();
    offer(0, 0);
    offer(21333, 0);
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_WAITING));
    cr_assert(le(i64, limef_audio_sink_tick(&sink, now_us), now_us + 5000));
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_WAITING));
    picture_is_ready = true;
    limef_audio_sink_tick(&sink, now_us);
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_SOUNDING));
    cr_assert(zero(u32, asked_serial));
    /* and again after a seek */
    picture_is_ready = false;
    send(LIMEF_SIGNAL_SEEK, 9000000, 7);
    send(LIMEF_SIGNAL_FLUSH, 9000000, 7);
    cr_assert(zero(int, offer(9000000, 0)));
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_WAITING));
    picture_is_ready = true;
    limef_audio_sink_tick(&sink, now_us);
    cr_assert(eq(i64, heard().media_us, 9000000));
    cr_assert(eq(u32, asked_serial, 7));
}

Test(audio_sink, waits_for_a_picture_in_vain_once)
{
    int64_t now_us = limef_now_us();

    begin_with_pictures();
    offer(0, 0);
    limef_audio_sink_tick(&sink, now_us + 500000);
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_WAITING));
    limef_audio_sink_tick(&sink, now_us + 30000000);
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_SOUNDING));
    send(LIMEF_SIGNAL_SEEK, 9000000, 1);
    send(LIMEF_SIGNAL_FLUSH, 9000000, 1);
    offer(9000000, 0);
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_SOUNDING));
}

Test(audio_sink, waits_for_no_picture_where_none_follows_or_it_is_live)
{
    slots[0].pictures = is_ready;
    begin(1 << LIMEF_MEDIA_AUDIO);
    offer(0, 0);
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_SOUNDING));
    send(LIMEF_SIGNAL_FLUSH, 0, 0);
    begin_with_pictures();
    offer(0, LIMEF_FRAME_LIVE);
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_SOUNDING));
}

Test(audio_sink, reports_the_end_when_the_last_of_it_was_heard)
{
    int64_t now_us = limef_now_us();

    limef_mixer_set_running(&mixer, true);
    offer(0, 0);
    send(LIMEF_SIGNAL_END, 0, 0);
    mix_period();
    cr_assert(slots[0].ending);
    cr_assert(le(long, limef_audio_sink_tick(&sink, now_us), now_us + 100000));
    cr_assert(slots[0].ending);
    for (int i = 0; i < 5; i++)
        mix_period();
    cr_assert(eq(long, limef_audio_sink_tick(&sink, now_us), LIMEF_FOREVER));
    cr_assert(not(slots[0].ending));
    cr_assert(zero(ulong, LIMEF_COUNTED(input.ring.n_underruns)));
}

Test(audio_sink, reports_the_end_no_sooner_than_it_is_heard)
{
    int64_t now_us = limef_now_us();

    limef_mixer_set_running(&mixer, true);
    heard_us = now_us + 200000; /* so much waits in the device */
    offer(0, 0);
    send(LIMEF_SIGNAL_END, 0, 0);
    for (int i = 0; i < 10; i++)
        mix_period();
    limef_audio_sink_tick(&sink, now_us + 50000);
    cr_assert(slots[0].ending);
    limef_audio_sink_tick(&sink, now_us + 200000);
    cr_assert(slots[0].ending);
    limef_audio_sink_tick(&sink, now_us + 300000);
    cr_assert(not(slots[0].ending));
}

Test(audio_sink, reports_no_end_before_the_output_had_time_to_open)
{
    offer(0, 0);
    send(LIMEF_SIGNAL_END, 0, 0);
    limef_audio_sink_tick(&sink, slots[0].ending_since_us + 1000000);
    cr_assert(slots[0].ending);
    limef_audio_sink_tick(&sink, slots[0].ending_since_us + 6000000); /* nobody wants to hear it */
    cr_assert(not(slots[0].ending));
    send(LIMEF_SIGNAL_END, 0, 0);
    limef_mixer_set_running(&mixer, true);
    mix_period();
    limef_mixer_set_running(&mixer, false); /* nobody does any more */
    limef_audio_sink_tick(&sink, limef_now_us());
    cr_assert(not(slots[0].ending));
}

Test(audio_sink, does_not_wait_for_an_end_to_be_heard_of_what_gave_no_sound_or_has_no_input)
{
    struct limef_signal_frame end;

    for (int running = 0; running < 2; running++) {
        limef_mixer_set_running(&mixer, running);
        for (uint32_t slot = 0; slot < 2; slot++) { /* the second one has no input */
            limef_signal_frame_set(&end, LIMEF_SIGNAL_END, slot, NULL);
            cr_assert(zero(int, limef_go(&sink.filter, &end.frame)));
            cr_assert(slots[slot].ending);
            cr_assert(eq(long, limef_audio_sink_tick(&sink, limef_now_us()), LIMEF_FOREVER));
            cr_assert(not(slots[slot].ending));
        }
    }
}

Test(audio_sink, pauses_also_when_too_many_commands_wait)
{
    int64_t now_us = limef_now_us();

    offer(0, 0);
    mix_period();
    while (limef_mixer_set(&mixer, NULL, LIMEF_MIXER_GAIN, 1) == 0)
        continue;
    send(LIMEF_SIGNAL_PAUSE, 0, 0);
    cr_assert(le(long, limef_audio_sink_tick(&sink, now_us), now_us + 100000));
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_SOUNDING));
    cr_assert(eq(long, limef_audio_sink_tick(&sink, now_us), LIMEF_FOREVER));
    heard(); /* it fades out */
    cr_assert(eq(u32, heard().state, LIMEF_INPUT_PAUSED));
}

Test(audio_sink, leaves_nothing_of_a_file_out_behind_what_was_live)
{
    static float large[32768 * 2];

    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, 0)));
    input = (struct limef_mixer_input){0};
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, large, 32768, NULL)));
    limef_mixer_connect(&mixer, &input);
    offer(0, LIMEF_FRAME_LIVE);
    send(LIMEF_SIGNAL_FLUSH, 0, 0);
    for (int i = 0; i < 20; i++)
        cr_assert(zero(int, offer(i * 21333, 0)));
    mix_period();
    cr_assert(eq(uint, fill(), 20 * 1024 - PERIOD));
}

/* Until it is taken, while a mixer plays. */
static void offer_until_taken(int64_t pts_us)
{
    for (int i = 0; offer(pts_us, 0) == AVERROR(EAGAIN); i++) {
        cr_assert(lt(int, i, 1000));
        mix_period();
    }
}

Test(audio_sink, puts_silence_where_a_file_has_no_sound)
{
    cr_assert(zero(int, offer(0, 0)));
    mix_period();
    offer_until_taken(200000);
    cr_assert(eq(ulong, limef_sample_ring_head(&input.ring), 9600 + 1024));
    cr_assert(eq(ulong, LIMEF_COUNTED(slots[0].n_gaps), 1));
    cr_assert(zero(ulong, LIMEF_COUNTED(input.ring.n_underruns)));
    offer_until_taken(200000 + 21333 + 30000); /* so little is no gap */
    cr_assert(eq(ulong, limef_sample_ring_head(&input.ring), 9600 + 2048));
    offer_until_taken(60000000); /* time jumped */
    cr_assert(eq(ulong, limef_sample_ring_head(&input.ring), 9600 + 3072));
}

Test(audio_sink, knows_how_long_blocks_without_a_time_are)
{
    cr_assert(zero(int, offer(0, 0)));
    for (int i = 1; i < 10; i++)
        offer_until_taken(LIMEF_NO_TIME);
    offer_until_taken(10 * 21333);
    cr_assert(zero(ulong, LIMEF_COUNTED(slots[0].n_gaps)));
    cr_assert(eq(ulong, limef_sample_ring_head(&input.ring), 11 * 1024));
}

Test(audio_sink, takes_times_that_are_put_right_for_no_gap)
{
    int64_t us = 0;

    for (int i = 0; i < 32;
         i++) /* as of a demuxer that takes blocks for half as long as they are */
        offer_until_taken(us = i % 8 ? us + 10667 : i * 21333);
    cr_assert(zero(ulong, LIMEF_COUNTED(slots[0].n_gaps)));
    cr_assert(eq(ulong, limef_sample_ring_head(&input.ring), 32 * 1024));
}

Test(audio_sink, is_silent_until_a_file_s_sound_begins)
{
    send(LIMEF_SIGNAL_START, 1000000, 0);
    offer_until_taken(1100000);
    cr_assert(eq(ulong, limef_sample_ring_head(&input.ring), 4800 + 1024));
    send(LIMEF_SIGNAL_FLUSH, 5000000, 0);
    offer_until_taken(5100000);
    cr_assert(eq(ulong, limef_sample_ring_head(&input.ring), 2 * (4800 + 1024)));
    cr_assert(eq(ulong, LIMEF_COUNTED(slots[0].n_gaps), 2));
}

static int64_t seen_us, seen_since_us;

static int64_t tell_seen(void *context, int64_t *since_us)
{
    (void)context;
    *since_us = seen_since_us;
    return seen_us;
}

Test(audio_sink, begins_with_the_picture_that_is_seen)
{
    slots[0].seen = tell_seen;
    seen_us = 2000000;
    seen_since_us = limef_now_us() + 1000000; /* behind the FLUSH */
    send(LIMEF_SIGNAL_FLUSH, LIMEF_NO_TIME, 0);
    send(LIMEF_SIGNAL_PAUSE, 0, 0); /* it stands still */
    cr_assert(eq(int, offer(2100000, 0), AVERROR(EAGAIN)));
    cr_assert(eq(ulong, limef_sample_ring_head(&input.ring), N_RING));
    cr_assert(eq(uint, slots[0].n_silent, 4800 - N_RING));
}

Test(audio_sink, takes_an_underrun_for_no_gap_where_pictures_are_late)
{
    slots[0].seen = tell_seen;
    send(LIMEF_SIGNAL_FLUSH, LIMEF_NO_TIME, 0);
    cr_assert(zero(int, offer(1000000, 0)));
    for (int i = 0; i < 10; i++)
        mix_period();
    seen_us = 700000;
    seen_since_us = limef_now_us() + 1000000;
    cr_assert(zero(int, offer(1021333, 0)));
    cr_assert(eq(uint, fill(), 1024));
    cr_assert(zero(ulong, LIMEF_COUNTED(slots[0].n_gaps)));
}

Test(audio_sink, does_not_wait_for_a_picture_of_before_a_seek)
{
    slots[0].seen = tell_seen;
    seen_us = 2000000;
    seen_since_us = limef_now_us() - 1000000;
    send(LIMEF_SIGNAL_FLUSH, LIMEF_NO_TIME, 0);
    cr_assert(zero(int, offer(2100000, 0)));
    cr_assert(eq(uint, fill(), 1024));
}

Test(audio_sink, does_not_stop_single_pictures_and_goes_on_with_the_one_that_is_seen)
{
    slots[0].seen = tell_seen;
    send(LIMEF_SIGNAL_STEP, 0, 0);
    for (int i = 0; i < 30; i++)
        cr_assert(zero(int, offer(i * 21333, 0)));
    mix_period();
    cr_assert(eq(uint, fill(), N_RING));
    seen_us = 600000;
    seen_since_us = limef_now_us();
    send(LIMEF_SIGNAL_PLAY, 0, 0);
    mix_period();
    /* to a sample, and to a microsecond of each block's time */
    cr_assert(ge(long, limef_mixer_input_heard_us(&input, heard_us - 5000), 600000 - 60));
    cr_assert(le(long, limef_mixer_input_heard_us(&input, heard_us - 5000), 600000 + 60));
}

static uint64_t count_of(const char *name)
{
    struct limef_filter_count counts[LIMEF_FILTER_MAX_COUNTS];
    unsigned n = sink.filter.ops->counts(&sink.filter, counts);

    for (unsigned i = 0; i < n; i++)
        if (!strcmp(counts[i].name, name))
            return counts[i].n;
    cr_fatal("%s is not counted", name);
    return 0;
}

Test(audio_sink, counts_what_its_inputs_lose_too)
{
    for (int i = 0; i < N_RING / 1024 + 1; i++)
        cr_assert(zero(int, offer(i * 21333, LIMEF_FRAME_LIVE)));
    cr_assert(eq(ulong, count_of("lost"), 1024));
    cr_assert(zero(ulong, count_of("underruns")));
    for (int i = 0; i < 20; i++)
        mix_period();
    cr_assert(eq(ulong, count_of("underruns"), 1));
    input.settings.n_ahead = 1024;
    limef_mixer_input_set_most(&input, 1024);
    for (int i = 0; i < 2; i++)
        cr_assert(zero(int, offer(200000 + i * 21333, LIMEF_FRAME_LIVE)));
    mix_period();
    cr_assert(eq(ulong, count_of("skipped"), 1024));
}
