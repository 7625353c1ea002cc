/* SPDX-License-Identifier: MIT */
/*
 * What of a stream is of use behind a cut: a loss, or another connection. What refers to what was
 * cut out is not, whatever a decoder would make of it.
 */
#ifndef LIMEF_SRC_RTSP_CUT_H
#define LIMEF_SRC_RTSP_CUT_H

#include "rtsp/receiver.h"

/* All-zero and rtsp_cut_begin(): before the first unit. */
struct rtsp_cut {
    bool needs_key;  /* what comes refers to what is missing */
    bool is_new;     /* nothing went on since */
    bool has_passed; /* something ever did: a decoder may have pictures of before */
    bool leads;      /* what is shown before shown_from_us refers to what was cut out */
    int64_t shown_from_us;
    unsigned n_partial; /* so many more units are not whole, because of what was cut out */
};

/* Cuts here. */
void rtsp_cut_begin(struct rtsp_cut *cut);

/*
 * Whether a unit is of no use: damaged, before the first key, or a picture that comes behind that
 * key, is shown before it, and refers to what was before it.
 *
 * shows_damage  once a key came, all is of use.
 */
bool rtsp_cut_drops(struct rtsp_cut *cut, const struct rtsp_arrival *arrival, bool shows_damage);

/* A unit that was not dropped goes on. Returns whether it is to be decoded for those behind it, but
 * not to be shown. */
bool rtsp_cut_pass(struct rtsp_cut *cut);

#endif
