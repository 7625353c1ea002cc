/* SPDX-License-Identifier: MIT */
/* What the application holds by number: configurations, surfaces, contexts, buffers, images. */
#ifndef LIMEF_TEST_VA_OBJECTS_H
#define LIMEF_TEST_VA_OBJECTS_H

#include <pthread.h>
#include <va/va.h>

enum object_kind {
    OBJECT_CONFIG,
    OBJECT_SURFACE,
    OBJECT_CONTEXT,
    OBJECT_BUFFER,
    OBJECT_IMAGE,
    N_OBJECT_KINDS
};

/* The first member of each of them. */
struct object {
    enum object_kind kind;
    VAGenericID id;
};

/* All-zero but for the lock: none. */
struct objects {
    pthread_mutex_t lock; /* guards all that follows */
    struct slot *slots;
    unsigned n_slots;
    unsigned long n_live[N_OBJECT_KINDS];
    unsigned long n_made[N_OBJECT_KINDS];
};

/* Numbers an object, which is taken. A number is used again only after 32767 others in its slot.
 * @return VA_INVALID_ID: no memory, or more than 65535 objects */
VAGenericID objects_add(struct objects *objects, struct object *object, enum object_kind kind);

/* @return NULL: no such object of this kind. Borrowed: valid until it is taken. */
void *objects_get(struct objects *objects, VAGenericID id, enum object_kind kind);

/* As objects_get(); the object is the caller's from now on, and has no number any more. */
void *objects_take(struct objects *objects, VAGenericID id, enum object_kind kind);

/* Takes any object of this kind. @return NULL: there is none */
void *objects_take_any(struct objects *objects, enum object_kind kind);

#endif
