/* SPDX-License-Identifier: MIT */
#include "rtsp/cut.h"

#include "frame/leading.h"

void rtsp_cut_begin(struct rtsp_cut *cut)
{
    cut->needs_key = cut->is_new = true;
}

/* At a key that is whole. A decoder that has nothing of before leaves out itself what it cannot
 * decode; one that has would make something of it. */
static void begin_at_key(struct rtsp_cut *cut, const struct rtsp_arrival *arrival)
{
    bool is_cut = cut->needs_key && cut->has_passed;

    cut->leads = is_cut && arrival->unit->is_open;
    cut->shown_from_us = arrival->pts_us;
    cut->n_partial = is_cut ? arrival->unit->n_partial : 0;
    cut->needs_key = false;
}

bool rtsp_cut_drops(struct rtsp_cut *cut, const struct rtsp_arrival *arrival, bool shows_damage)
{
    const struct rtsp_unit *unit = arrival->unit;

    if (shows_damage && !cut->is_new)
        return false;
    cut->needs_key |= unit->is_damaged || unit->follows_loss;
    if (unit->is_key && !unit->is_damaged)
        begin_at_key(cut, arrival);
    cut->is_new |= cut->needs_key;
    return cut->needs_key || leading_is(&cut->leads, cut->shown_from_us, arrival->pts_us);
}

bool rtsp_cut_pass(struct rtsp_cut *cut)
{
    bool is_partial = cut->n_partial > 0;

    cut->n_partial -= is_partial;
    cut->has_passed = true;
    cut->is_new = false;
    return is_partial;
}
