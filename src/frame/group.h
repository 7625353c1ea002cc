/* SPDX-License-Identifier: MIT */
/* How a group is made. */
#ifndef LIMEF_SRC_FRAME_GROUP_H
#define LIMEF_SRC_FRAME_GROUP_H

#include <limef/frame/group.h>

/* Its packets refer to their payloads, and give them back with the group. */
struct frame_group {
    struct limef_payload payload;
    unsigned n;
    struct limef_packet_frame packets[];
};

/* With room for so many and none in it, one reference; NULL: no memory. Thread: any */
struct frame_group *frame_group_create(unsigned max_packets);

/* A frame that refers to it: of the last packet's slot and time. The reference stays the caller's.
 * Thread: any */
struct limef_frame frame_group_frame(struct frame_group *group);

#endif
