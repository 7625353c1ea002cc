/* SPDX-License-Identifier: MIT */
#include "way.h"

#include "player.h"

#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

/* How often a way that may change to and fro is looked at. */
#define LOOK_US 1000000

static void add(char words[WAY_BYTES], const char *what, const char *why)
{
    size_t n = strlen(words);

    snprintf(words + n, WAY_BYTES - n, "%s%s%s%s%s", n ? "; " : "", what, why ? " (" : "",
             why ? why : "", why ? ")" : "");
}

struct way_copies way_copies_of(const struct limef_decode_filter *decode)
{
    struct limef_decode_hardware_counters hardware;
    struct way_copies copies;

    /* in this order: what it copies of pictures is counted there first */
    limef_decode_get_hardware_counters(decode, &hardware);
    copies.picture_bytes = hardware.copied_bytes;
    copies.packet_bytes = LIMEF_COUNTED(decode->filter.copied_bytes) - copies.picture_bytes;
    return copies;
}

uint64_t way_copied_bytes(const struct limef_presenter_slot_counters *slot,
                          const struct way_copies *copies)
{
    return slot->copied_bytes + copies->picture_bytes;
}

static void add_copies(char words[WAY_BYTES], const struct limef_presenter_slot_counters *before,
                       const struct limef_presenter_slot_counters *now,
                       const struct way_copies *copies)
{
    if (copies->packet_bytes)
        add(words, "packets copied", "nobody counts references to them");
    if (copies->picture_bytes)
        add(words, "copied", WAY_TOO_MANY_HELD);
    if (now->memory_bytes > before->memory_bytes)
        add(words, "copied in memory", now->copied_why);
    if (now->uploaded_bytes > before->uploaded_bytes)
        add(words, "copied by upload", now->uploaded_why);
    if (now->direct_bytes > before->direct_bytes)
        add(words, "copied by the GL", "out of its mapped memory, which the decoder wrote");
    if (now->n_failed > before->n_failed)
        add(words, "not shown", now->failed_why ? now->failed_why : "the log says why");
}

bool way_words(char words[WAY_BYTES], const struct limef_presenter_slot_counters *before,
               const struct limef_presenter_slot_counters *now, const struct way_copies *copies)
{
    static const struct limef_presenter_slot_counters nothing;
    bool on_planes, imported;

    if (!before)
        before = &nothing;
    words[0] = '\0';
    if (now->n_shown == before->n_shown && now->n_failed == before->n_failed)
        return false;
    on_planes = now->n_planes > before->n_planes;
    imported = now->n_imported > before->n_imported;
    add_copies(words, before, now, copies);
    if (words[0]) {
        if (on_planes || imported)
            add(words, "others zero-copy", NULL);
        return true;
    }
    if (on_planes)
        add(words, "zero-copy", "the display reads the decoder's buffers");
    if (imported)
        add(words, "zero-copy", "the decoder's buffers are the textures");
    if (!words[0])
        add(words, "nothing is moved", "the pictures are shown to nobody");
    return true;
}

static void look(struct player *player, uint32_t slot, int64_t now_us)
{
    struct play_stream *stream = &player->streams[slot];
    struct way *way = &stream->way;
    struct way_copies copies = way_copies_of(&stream->decode);
    struct way_copies since = {copies.packet_bytes - way->copies.packet_bytes,
                               copies.picture_bytes - way->copies.picture_bytes};
    struct limef_presenter_slot_counters seen;
    char words[WAY_BYTES];

    limef_presenter_get_counters(&player->presenter, slot, &seen);
    if ((!seen.n_shown && !seen.n_failed) ||
        (way->looked_us && now_us < way->looked_us + LOOK_US) ||
        !way_words(words, &way->seen, &seen, &since))
        return;
    way->looked_us = now_us;
    way->seen = seen;
    way->copies = copies;
    if (!strcmp(words, way->words))
        return;
    memcpy(way->words, words, sizeof(words));
    printf("slot %u, from the decoder to the screen: %s; %llu bytes copied so far\n",
           (unsigned)slot, words, (unsigned long long)way_copied_bytes(&seen, &copies));
}

/* Who waits for pictures that are not written yet, if that is new. */
static void look_at_fences(struct player *player)
{
    const struct limef_presenter *presenter = &player->presenter;
    const char *why = LIMEF_COUNTED(presenter->fences_why);
    char words[WAY_BYTES] = "";

    if (LIMEF_COUNTED(presenter->n_fences_gpu))
        add(words, "the GPU", NULL);
    if (LIMEF_COUNTED(presenter->n_fences_display))
        add(words, "the display", NULL);
    if (why)
        add(words, "the presenter's thread", why);
    if (LIMEF_COUNTED(presenter->n_fences_late))
        add(words, "not all are signalled in time", NULL);
    if (!strcmp(words, player->waits))
        return;
    memcpy(player->waits, words, sizeof(words));
    printf("fences are waited for by: %s\n", words);
}

int ways_print(struct player *player)
{
    int64_t now_us = limef_now_us();

    for (uint32_t i = 0; i < player->n_streams; i++)
        look(player, i, now_us);
    look_at_fences(player);
    return fflush(stdout) || ferror(stdout)
               ? limef_fail(AVERROR(EIO), "limef-play", "cannot write how pictures are shown")
               : 0;
}
