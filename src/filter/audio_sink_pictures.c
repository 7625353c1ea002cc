/* SPDX-License-Identifier: MIT */
/* At the beginning of a file and after a seek sound waits until its first picture can be shown. */
#include "filter/audio_sink_private.h"

void audio_slot_await_picture(struct limef_audio_slot *slot)
{
    slot->awaits = slot->pictures && slot->has_pictures && !slot->waited_in_vain;
    slot->awaits_until_us = 0;
    limef_mixer_input_hold(slot->input, slot->awaits);
}

void audio_slot_let_go(struct limef_audio_slot *slot)
{
    slot->awaits = false;
    limef_mixer_input_hold(slot->input, false);
}

void audio_slot_look_for_picture(struct limef_audio_slot *slot, int64_t now_us)
{
    if (slot->pictures(slot->pictures_context, slot->seek_serial)) {
        slot->waited_in_vain = false;
        audio_slot_let_go(slot);
    } else if (now_us >= slot->awaits_until_us) {
        slot->waited_in_vain = true; /* it has none, as it seems: the next seek does not wait */
        audio_slot_let_go(slot);
    }
}
