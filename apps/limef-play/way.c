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

bool way_words(char words[WAY_BYTES], const struct limef_presenter_slot_counters *before,
               const struct limef_presenter_slot_counters *now, uint64_t decode_copied_bytes)
{
    static const struct limef_presenter_slot_counters nothing;
    bool moved, in_place;

    if (!before)
        before = &nothing;
    words[0] = '\0';
    moved = now->uploaded_bytes > before->uploaded_bytes ||
            now->copied_bytes > before->copied_bytes || decode_copied_bytes;
    in_place = now->n_imported > before->n_imported || now->n_direct > before->n_direct;
    if (now->n_shown == before->n_shown)
        return false;
    if (decode_copied_bytes)
        add(words, "packets copied", "nobody counts references to them");
    if (now->copied_bytes > before->copied_bytes)
        add(words, "copied", now->copied_why);
    if (now->uploaded_bytes > before->uploaded_bytes)
        add(words, "uploaded", now->uploaded_why);
    if (moved && in_place)
        add(words, "others zero-copy", NULL);
    else if (now->n_imported > before->n_imported)
        add(words, "zero-copy", "the decoder's buffers are the textures");
    else if (now->n_direct > before->n_direct)
        add(words, "zero-copy", "the GPU reads the decoder's buffers");
    else if (!moved)
        add(words, "nothing is moved", "the pictures are shown to nobody");
    return true;
}

static void look(struct player *player, uint32_t slot, int64_t now_us)
{
    struct play_stream *stream = &player->streams[slot];
    struct way *way = &stream->way;
    uint64_t copied_bytes = LIMEF_COUNTED(stream->decode.filter.copied_bytes);
    struct limef_presenter_slot_counters seen;
    char words[WAY_BYTES];

    limef_presenter_get_counters(&player->presenter, slot, &seen);
    if (!seen.n_shown || (way->looked_us && now_us < way->looked_us + LOOK_US) ||
        !way_words(words, &way->seen, &seen, copied_bytes - way->decode_copied_bytes))
        return;
    way->looked_us = now_us;
    way->seen = seen;
    way->decode_copied_bytes = copied_bytes;
    if (!strcmp(words, way->words))
        return;
    memcpy(way->words, words, sizeof(words));
    printf("slot %u, from the decoder to the screen: %s\n", (unsigned)slot, words);
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
