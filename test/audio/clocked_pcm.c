/* SPDX-License-Identifier: MIT */
/*
 * A plugin of alsa-lib: a card that takes samples of one format, one rate and one number of
 * channels alone, has a clock of its own, and may be unplugged or suspended, as the configuration
 * says:
 *
 *     pcm.NAME { type limef_clocked  format S16_LE  rate 48000  channels 2  unplugged_after_ms 100
 *                suspended_after_ms 100  takes_most 100  absent_for 2  access RW_INTERLEAVED }
 *
 * takes_most: frames that it takes at once, and every other time none. absent_for: times that it
 * cannot be opened. Suspended: once, until it was asked to go on for the third time.
 *
 * What it was given is in limef_test_card.
 */

#include "clocked_pcm.h"

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* What becomes positive without having been lower is no tone. */
#define LOW (-4096)

struct limef_test_card limef_test_card;

struct clocked {
    snd_pcm_ioplug_t io;
    int64_t began_us;             /* when frame 0 was heard; 0: it stands still */
    int64_t unplugged_us;         /* 0: never */
    int64_t suspended_us;         /* likewise */
    bool is_low;                  /* the first channel is about to rise */
    snd_pcm_uframes_t takes_most; /* 0: what there is room for */
    bool refuses;
};

/* What the configuration says. */
struct wishes {
    long rate, channels, unplugged_after_ms, suspended_after_ms, takes_most, absent_for;
    const char *format, *access;
};

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool is_gone(const struct clocked *card)
{
    return card->unplugged_us && now_us() >= card->unplugged_us;
}

static void tick_every(struct clocked *card, int64_t us)
{
    struct timespec step = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    timerfd_settime(card->io.poll_fd, 0,
                    &(struct itimerspec){.it_interval = step, .it_value = step}, NULL);
}

static snd_pcm_uframes_t n_heard(const struct clocked *card)
{
    return card->began_us ? (snd_pcm_uframes_t)(now_us() - card->began_us) * card->io.rate / 1000000
                          : 0;
}

static int clocked_start(snd_pcm_ioplug_t *io)
{
    struct clocked *card = io->private_data;

    card->began_us = now_us();
    tick_every(card, (int64_t)io->period_size * 1000000 / io->rate);
    return 0;
}

static int clocked_stop(snd_pcm_ioplug_t *io)
{
    struct clocked *card = io->private_data;

    card->began_us = 0;
    tick_every(card, 0);
    return 0;
}

static int clocked_prepare(snd_pcm_ioplug_t *io)
{
    struct clocked *card = io->private_data;

    card->began_us = 0;
    return is_gone(card) ? -ENODEV : 0;
}

/* alsa-lib says that it goes on, whatever is returned here. */
static int clocked_resume(snd_pcm_ioplug_t *io)
{
    if (++limef_test_card.n_resumed == 3)
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_XRUN); /* it has to begin anew */
    return -EAGAIN;
}

static snd_pcm_sframes_t clocked_pointer(snd_pcm_ioplug_t *io)
{
    struct clocked *card = io->private_data;
    snd_pcm_uframes_t n = n_heard(card);

    if (is_gone(card))
        return -ENODEV;
    if (card->suspended_us && card->began_us && now_us() >= card->suspended_us) {
        card->suspended_us = card->began_us = 0;
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_SUSPENDED);
        return (snd_pcm_sframes_t)((n < io->appl_ptr ? n : io->appl_ptr) % io->buffer_size);
    }
    if (n > io->appl_ptr) {
        limef_test_card.n_dry++;
        return -EPIPE;
    }
    return (snd_pcm_sframes_t)(n % io->buffer_size);
}

/* Of 32767, of a format with the lowest byte first. */
static int32_t sample_at(const snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *area,
                         snd_pcm_uframes_t frame)
{
    const uint8_t *at = (const uint8_t *)area->addr + (area->first + frame * area->step) / 8;
    unsigned bytes = (unsigned)snd_pcm_format_physical_width(io->format) / 8;
    unsigned bits = (unsigned)snd_pcm_format_width(io->format);
    uint32_t word = 0;

    for (unsigned i = 0; i < bytes; i++)
        word |= (uint32_t)at[i] << 8 * i;
    word <<= 32 - bits; /* what counts are the lower ones */
    if (snd_pcm_format_unsigned(io->format))
        word ^= UINT32_C(1) << 31;
    return (int32_t)word >> 16;
}

static void look_at(struct clocked *card, const snd_pcm_channel_area_t *areas,
                    snd_pcm_uframes_t frame, unsigned number)
{
    int32_t first = sample_at(&card->io, areas, frame);

    for (unsigned c = 0; c < card->io.channels; c++) {
        atomic_int *loudest = c < 2 ? &limef_test_card.loudest : &limef_test_card.loudest_of_others;
        int32_t sample = sample_at(&card->io, areas + c, frame);

        if (sample > *loudest)
            *loudest = sample;
    }
    if (first < LOW)
        card->is_low = true;
    if (!card->is_low || first < 0)
        return;
    card->is_low = false;
    if (!limef_test_card.n_rises++)
        limef_test_card.first_rise = number;
    limef_test_card.last_rise = number;
}

static snd_pcm_sframes_t clocked_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                          snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
    struct clocked *card = io->private_data;
    snd_pcm_uframes_t n_after, n = n_heard(card);

    if (card->takes_most && (card->refuses = !card->refuses))
        return -EAGAIN;
    if (card->takes_most && size > card->takes_most)
        size = card->takes_most;
    n_after = io->appl_ptr + size;
    for (snd_pcm_uframes_t i = 0; i < size; i++)
        look_at(card, areas, offset + i, limef_test_card.n_frames + (unsigned)i);
    if (n < n_after && n_after - n > limef_test_card.most_waiting)
        limef_test_card.most_waiting = (unsigned)(n_after - n);
    limef_test_card.n_frames += (unsigned)size;
    return (snd_pcm_sframes_t)size;
}

static int clocked_poll_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned n_fds,
                                unsigned short *events)
{
    uint64_t n_ticks;

    (void)n_fds;
    if (fds->revents & POLLIN && read(io->poll_fd, &n_ticks, sizeof(n_ticks)) < 0)
        n_ticks = 0;
    *events = fds->revents & POLLIN ? POLLOUT : 0;
    if (io->state == SND_PCM_STATE_SUSPENDED)
        *events |= POLLERR; /* as of the kernel's cards */
    return 0;
}

static int clocked_close(snd_pcm_ioplug_t *io)
{
    close(io->poll_fd);
    free(io->private_data);
    return 0;
}

static const snd_pcm_ioplug_callback_t callback = {.start = clocked_start,
                                                   .stop = clocked_stop,
                                                   .pointer = clocked_pointer,
                                                   .transfer = clocked_transfer,
                                                   .close = clocked_close,
                                                   .prepare = clocked_prepare,
                                                   .resume = clocked_resume,
                                                   .poll_revents = clocked_poll_revents};

static unsigned access_of(const char *name)
{
    for (snd_pcm_access_t access = 0; access <= SND_PCM_ACCESS_LAST; access++)
        if (!strcmp(snd_pcm_access_name(access), name))
            return access;
    return SND_PCM_ACCESS_RW_INTERLEAVED;
}

static int choose_what_it_takes(struct clocked *card, const struct wishes *wishes)
{
    unsigned access[] = {access_of(wishes->access)};
    unsigned format[] = {(unsigned)snd_pcm_format_value(wishes->format)};
    unsigned rate = (unsigned)wishes->rate, n = (unsigned)wishes->channels;
    int ret = snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_ACCESS, 1, access);

    if (ret >= 0)
        ret = snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_FORMAT, 1, format);
    if (ret >= 0)
        ret = snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_RATE, 1, &rate);
    if (ret >= 0)
        ret = snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_CHANNELS, n, n);
    if (ret >= 0)
        ret = snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 65536);
    return ret;
}

static int open_card(snd_pcm_t **pcm, const char *name, snd_pcm_stream_t stream, int mode,
                     const struct wishes *wishes)
{
    long n_before = limef_test_card.n_opened++;
    struct clocked *card;
    int ret;

    if (n_before < wishes->absent_for)
        return -ENODEV;
    card = calloc(1, sizeof(*card));
    if (!card)
        return -ENOMEM;
    if (wishes->unplugged_after_ms && n_before == 0)
        card->unplugged_us = now_us() + wishes->unplugged_after_ms * 1000;
    if (wishes->suspended_after_ms && n_before == 0)
        card->suspended_us = now_us() + wishes->suspended_after_ms * 1000;
    card->takes_most = (snd_pcm_uframes_t)wishes->takes_most;
    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "a card with a clock";
    card->io.callback = &callback;
    card->io.private_data = card;
    card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    card->io.poll_events = POLLIN;
    ret = snd_pcm_ioplug_create(&card->io, name, stream, mode);
    if (ret < 0) {
        close(card->io.poll_fd);
        free(card);
        return ret;
    }
    ret = choose_what_it_takes(card, wishes);
    if (ret < 0)
        snd_pcm_ioplug_delete(&card->io);
    else
        *pcm = card->io.pcm;
    return ret;
}

SND_PCM_PLUGIN_DEFINE_FUNC(limef_clocked);
SND_PCM_PLUGIN_DEFINE_FUNC(limef_clocked)
{
    snd_config_iterator_t i, next;
    struct wishes wishes = {
        .rate = 48000, .channels = 2, .format = "S16_LE", .access = "RW_INTERLEAVED"};
    const struct {
        const char *id;
        long *value;
    } numbers[] = {{"rate", &wishes.rate},
                   {"channels", &wishes.channels},
                   {"unplugged_after_ms", &wishes.unplugged_after_ms},
                   {"suspended_after_ms", &wishes.suspended_after_ms},
                   {"takes_most", &wishes.takes_most},
                   {"absent_for", &wishes.absent_for}};

    (void)root;
    snd_config_for_each(i, next, conf)
    {
        snd_config_t *entry = snd_config_iterator_entry(i);
        const char *id;

        if (snd_config_get_id(entry, &id) < 0)
            continue;
        for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
            if (!strcmp(id, numbers[k].id))
                snd_config_get_integer(entry, numbers[k].value);
        if (!strcmp(id, "format"))
            snd_config_get_string(entry, &wishes.format);
        if (!strcmp(id, "access"))
            snd_config_get_string(entry, &wishes.access);
    }
    return open_card(pcmp, name, stream, mode, &wishes);
}

SND_PCM_PLUGIN_SYMBOL(limef_clocked)
