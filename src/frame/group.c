/* SPDX-License-Identifier: MIT */
#include "frame/group.h"

#include "base/memory_private.h"

static struct frame_group *group_of(struct limef_payload *payload)
{
    return LIMEF_CONTAINER_OF(payload, struct frame_group, payload);
}

static void release(struct limef_payload *payload)
{
    struct frame_group *group = group_of(payload);

    for (unsigned i = 0; i < group->n; i++)
        limef_payload_unref(group->packets[i].frame.payload);
    memory_release(group);
}

struct frame_group *frame_group_create(unsigned max_packets)
{
    struct frame_group *group =
        memory_allocate(sizeof(*group) + max_packets * sizeof(group->packets[0]));

    if (group)
        limef_payload_init(&group->payload, release);
    return group;
}

struct limef_frame frame_group_frame(struct frame_group *group)
{
    struct limef_frame frame = group->packets[group->n - 1].frame;

    frame.frame_class = LIMEF_FRAME_GROUP;
    frame.payload = &group->payload;
    return frame;
}

unsigned limef_group_n(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_GROUP ? group_of(frame->payload)->n : 0;
}

const struct limef_packet_frame *limef_group_nth(const struct limef_frame *frame, unsigned n)
{
    return &group_of(frame->payload)->packets[n];
}
