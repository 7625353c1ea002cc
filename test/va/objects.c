/* SPDX-License-Identifier: MIT */
#include "objects.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SLOTS 0xffff
#define MAX_GENERATION 0x7fff
#define SLOT_BITS 16

struct slot {
    struct object *object; /* NULL: free */
    unsigned generation;   /* of the next object */
};

static struct slot *free_slot(struct objects *objects)
{
    unsigned n_slots = objects->n_slots ? 2 * objects->n_slots : 64;
    struct slot *slots;

    for (unsigned i = 0; i < objects->n_slots; i++) {
        if (!objects->slots[i].object)
            return &objects->slots[i];
    }
    if (n_slots > MAX_SLOTS)
        return NULL;
    slots = realloc(objects->slots, n_slots * sizeof(*slots));
    if (!slots)
        return NULL;
    memset(slots + objects->n_slots, 0, (n_slots - objects->n_slots) * sizeof(*slots));
    objects->slots = slots;
    slots += objects->n_slots;
    objects->n_slots = n_slots;
    return slots;
}

VAGenericID objects_add(struct objects *objects, struct object *object, enum object_kind kind)
{
    VAGenericID id = VA_INVALID_ID;
    struct slot *slot;

    pthread_mutex_lock(&objects->lock);
    slot = free_slot(objects);
    if (slot) {
        /* from 1: no object is number 0 */
        id = slot->generation << SLOT_BITS | ((unsigned)(slot - objects->slots) + 1);
        slot->generation = (slot->generation + 1) % MAX_GENERATION;
        slot->object = object;
        object->kind = kind;
        object->id = id;
        objects->n_live[kind]++;
        objects->n_made[kind]++;
    }
    pthread_mutex_unlock(&objects->lock);
    return id;
}

static struct slot *find(struct objects *objects, VAGenericID id, enum object_kind kind)
{
    unsigned at = (id & MAX_SLOTS) - 1;
    struct object *object = at < objects->n_slots ? objects->slots[at].object : NULL;

    return object && object->id == id && object->kind == kind ? &objects->slots[at] : NULL;
}

void *objects_get(struct objects *objects, VAGenericID id, enum object_kind kind)
{
    struct slot *slot;
    void *object;

    pthread_mutex_lock(&objects->lock);
    slot = find(objects, id, kind);
    object = slot ? slot->object : NULL;
    pthread_mutex_unlock(&objects->lock);
    return object;
}

static void *take(struct objects *objects, struct slot *slot)
{
    struct object *object = slot->object;

    slot->object = NULL;
    objects->n_live[object->kind]--;
    return object;
}

void *objects_take(struct objects *objects, VAGenericID id, enum object_kind kind)
{
    struct slot *slot;
    void *object;

    pthread_mutex_lock(&objects->lock);
    slot = find(objects, id, kind);
    object = slot ? take(objects, slot) : NULL;
    pthread_mutex_unlock(&objects->lock);
    return object;
}

void *objects_take_any(struct objects *objects, enum object_kind kind)
{
    void *object = NULL;

    pthread_mutex_lock(&objects->lock);
    for (unsigned i = 0; i < objects->n_slots && !object; i++) {
        if (objects->slots[i].object && objects->slots[i].object->kind == kind)
            object = take(objects, &objects->slots[i]);
    }
    pthread_mutex_unlock(&objects->lock);
    return object;
}
