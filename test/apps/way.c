/* SPDX-License-Identifier: MIT */
/* How pictures got to the screen, in words. */
#include "way.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const struct way_copies none;
static char words[WAY_BYTES];

static const char *say(struct limef_presenter_slot_counters before,
                       struct limef_presenter_slot_counters now)
{
    cr_assert(way_words(words, &before, &now, &none));
    return words;
}

Test(way, nothing_is_said_of_no_picture)
{
    struct limef_presenter_slot_counters same = {.n_shown = 5, .uploaded_bytes = 7};

    cr_assert(not(way_words(words, &same, &same, &none)));
}

Test(way, pictures_that_are_imported_are_zero_copy)
{
    struct limef_presenter_slot_counters before = {.n_shown = 5, .uploaded_bytes = 7};
    struct limef_presenter_slot_counters now = {.n_shown = 9, .uploaded_bytes = 7, .n_imported = 4};

    cr_assert(
        eq(str, (char *)say(before, now), "zero-copy (the decoder's buffers are the textures)"));
}

Test(way, pictures_on_a_plane_are_zero_copy)
{
    struct limef_presenter_slot_counters before = {.n_shown = 1};
    struct limef_presenter_slot_counters now = {.n_shown = 9, .n_planes = 8};

    cr_assert(
        eq(str, (char *)say(before, now), "zero-copy (the display reads the decoder's buffers)"));
    now.n_imported = 1; /* there was text over it meanwhile */
    cr_assert(eq(str, (char *)say(before, now),
                 "zero-copy (the display reads the decoder's buffers); "
                 "zero-copy (the decoder's buffers are the textures)"));
    now = (struct limef_presenter_slot_counters){
        .n_shown = 9, .n_planes = 8, .uploaded_bytes = 1, .uploaded_why = "none was free"};
    cr_assert(
        eq(str, (char *)say(before, now), "copied by upload (none was free); others zero-copy"));
}

Test(way, pictures_that_the_decoder_copied_are_no_packets)
{
    struct limef_presenter_slot_counters now = {.n_shown = 9, .uploaded_bytes = 1, .n_imported = 2};

    now.uploaded_why = "ordinary memory";
    cr_assert(way_words(words, NULL, &now, &(struct way_copies){.picture_bytes = 10}));
    cr_assert(eq(str, words,
                 "copied (more hardware pictures are held than the decoder can spare); "
                 "copied by upload (ordinary memory); others zero-copy"));
}

Test(way, each_copy_has_its_reason)
{
    struct limef_presenter_slot_counters before = {0};
    struct limef_presenter_slot_counters now = {.n_shown = 9,
                                                .memory_bytes = 1,
                                                .uploaded_bytes = 1,
                                                .copied_why = "no shader",
                                                .uploaded_why = "no extension"};

    cr_assert(eq(str, (char *)say(before, now),
                 "copied in memory (no shader); copied by upload (no extension)"));
    now.n_imported = 1;
    cr_assert(
        eq(str, (char *)say(before, now),
           "copied in memory (no shader); copied by upload (no extension); others zero-copy"));
    cr_assert(way_words(words, NULL, &(struct limef_presenter_slot_counters){.n_shown = 1},
                        &(struct way_copies){.packet_bytes = 10}));
    cr_assert(eq(str, words, "packets copied (nobody counts references to them)"));
}

Test(way, what_the_gl_takes_out_of_its_mapped_memory_is_a_copy)
{
    struct limef_presenter_slot_counters before = {.n_shown = 5, .n_imported = 5};
    struct limef_presenter_slot_counters now = {
        .n_shown = 9, .n_imported = 6, .n_direct = 3, .direct_bytes = 30};

    cr_assert(eq(str, (char *)say(before, now),
                 "copied by the GL (out of its mapped memory, which the decoder wrote); others "
                 "zero-copy"));
}

Test(way, the_bytes_are_all_that_were_moved_behind_the_decoder)
{
    struct limef_presenter_slot_counters slot = {.copied_bytes = 7};

    cr_assert(eq(u64, way_copied_bytes(&slot, &none), 7));
    cr_assert(
        eq(u64,
           way_copied_bytes(&slot, &(struct way_copies){.packet_bytes = 100, .picture_bytes = 10}),
           17));
}

Test(way, pictures_that_fail_are_no_others_zero_copy)
{
    struct limef_presenter_slot_counters before = {.n_shown = 3, .n_imported = 3};
    struct limef_presenter_slot_counters now = before;

    now.n_failed = 2;
    cr_assert(eq(str, (char *)say(before, now), "not shown (the log says why)"));
    now.failed_why = "no such modifier";
    cr_assert(eq(str, (char *)say(before, now), "not shown (no such modifier)"));
    now.n_shown++;
    now.n_imported++;
    cr_assert(eq(str, (char *)say(before, now), "not shown (no such modifier); others zero-copy"));
}

Test(way, pictures_for_nobody_are_not_moved)
{
    cr_assert(eq(str,
                 (char *)say((struct limef_presenter_slot_counters){0},
                             (struct limef_presenter_slot_counters){.n_shown = 1}),
                 "nothing is moved (the pictures are shown to nobody)"));
}
