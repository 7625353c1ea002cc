/* SPDX-License-Identifier: MIT */
#include "camera/camera.h"

const char *fault_name(enum fault_kind kind)
{
    static const char *const names[N_FAULTS] = {
        "none",          "kick",        "reset",     "cut",           "half-open", "goodbye",
        "teardown",      "move",        "questions", "restart",       "stream",    "size",
        "jump",          "record",      "freeze",    "drop",          "lose",      "scatter",
        "duplicate",     "swap",        "damage",    "insert",        "garbage",   "close",
        "reset at once", "silent",      "mute",      "no media",      "status",    "hostile",
        "endless",       "sdp",         "password",  "odd transport", "circle",    "half answer",
        "tls",           "stale nonce", "no tcp",    "no udp",        "redirect",  "dribble",
        "late",          "twice",       "folded",    "odd session"};

    return names[kind];
}
