/* SPDX-License-Identifier: MIT */
#include "gpu/mapped_buffers.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <string.h>

/* How much is read to find out whether reading is slow, and how often. */
#define PROBE_BYTES ((size_t)1 << 20)
#define PROBE_ROUNDS 3
/* Decoders read the pictures that others refer to: mapped memory must be at least that fast, in
 * percent of ordinary memory. */
#define MIN_SPEED_PERCENT 70

static uint8_t *map_new(const struct mapped_buffers *buffers, const struct gl *gl, size_t bytes,
                        GLuint *id)
{
    const GLbitfield access =
        GL_MAP_READ_BIT | GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT_EXT | GL_MAP_COHERENT_BIT_EXT;
    uint8_t *data;

    gl->GenBuffers(1, id);
    gl->BindBuffer(GL_PIXEL_UNPACK_BUFFER, *id);
    buffers->BufferStorageEXT(GL_PIXEL_UNPACK_BUFFER, (GLsizeiptr)bytes, NULL, access);
    data = buffers->MapBufferRange(GL_PIXEL_UNPACK_BUFFER, 0, (GLsizeiptr)bytes, access);
    gl->BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
    if (gl->GetError() == GL_NO_ERROR && data && (uintptr_t)data % LIMEF_BUFFER_ALIGN_BYTES == 0)
        return data;
    gl->DeleteBuffers(1, id); /* and unmaps it */
    return NULL;
}

static int64_t read_us(uint8_t *to, const uint8_t *from)
{
    int64_t best_us = INT64_MAX;

    for (int i = 0; i < PROBE_ROUNDS; i++) {
        int64_t begun_us = limef_now_us();

        memcpy(to, from, PROBE_BYTES);
        best_us = FFMIN(best_us, limef_now_us() - begun_us);
    }
    return FFMAX(best_us, 1);
}

/* Speed of reading mapped memory in percent of ordinary memory's; 0: there is none. */
static int read_speed(const struct mapped_buffers *buffers, const struct gl *gl)
{
    uint8_t *ordinary = memory_allocate(PROBE_BYTES), *to = memory_allocate(PROBE_BYTES);
    int64_t speed = 0;
    GLuint id;
    uint8_t *mapped = ordinary && to ? map_new(buffers, gl, PROBE_BYTES, &id) : NULL;

    if (mapped) {
        memset(ordinary, 1, PROBE_BYTES); /* else all of it would be one page of zeros */
        memset(mapped, 1, PROBE_BYTES);
        memset(to, 1, PROBE_BYTES);
        speed = 100 * read_us(to, ordinary) / read_us(to, mapped);
        gl->DeleteBuffers(1, &id);
    }
    memory_release(ordinary);
    memory_release(to);
    return (int)FFMIN(speed, 100);
}

static bool load(struct mapped_buffers *buffers, const struct gl *gl)
{
/* POSIX makes the conversion from an object pointer work; C has no cast for it */
#define LOAD(function)                                                                             \
    memcpy(&buffers->function,                                                                     \
           &(__eglMustCastToProperFunctionPointerType){gl->egl.GetProcAddress("gl" #function)},    \
           sizeof(buffers->function))
    LOAD(BufferStorageEXT);
    LOAD(MapBufferRange);
    return buffers->BufferStorageEXT && buffers->MapBufferRange && gl->FenceSync &&
           gl->ClientWaitSync && gl->DeleteSync;
}

/* Why it lends nothing; NULL: it does. */
static const char *find_objection(struct mapped_buffers *buffers, const struct gl *gl, bool always)
{
    int speed;

    if (gl->major < 3 ||
        !gl_has_word((const char *)gl->GetString(GL_EXTENSIONS), "GL_EXT_buffer_storage") ||
        !load(buffers, gl))
        return "this GL has no buffers that stay mapped";
    if (always)
        return NULL;
    if (gl->software)
        return "the CPU renders, and would copy all the same";
    speed = read_speed(buffers, gl);
    if (!speed)
        return "this GL maps no memory";
    if (speed < MIN_SPEED_PERCENT)
        return "reading mapped memory is slow here";
    return NULL;
}

static int make(struct buffer_keeper *keeper, struct buffer *buffer, size_t bytes)
{
    const struct mapped_buffers *buffers =
        LIMEF_CONTAINER_OF(keeper, struct mapped_buffers, keeper);

    buffer->data = map_new(buffers, buffers->gl, bytes, &buffer->id);
    return buffer->data ? 0 : AVERROR(ENOMEM);
}

static void unmake(struct buffer_keeper *keeper, struct buffer *buffer)
{
    const struct mapped_buffers *buffers =
        LIMEF_CONTAINER_OF(keeper, struct mapped_buffers, keeper);

    buffers->gl->DeleteBuffers(1, &buffer->id);
}

const char *mapped_buffers_open(struct mapped_buffers *buffers, const struct gl *gl,
                                struct buffer_pool *pool, const char *name)
{
    const char *objection = find_objection(buffers, gl, pool->always);

    if (objection)
        return objection;
    atomic_store_explicit(&pool->source.row_align_bytes, 0, memory_order_relaxed);
    buffers->gl = gl;
    buffers->keeper = (struct buffer_keeper){.make = make, .unmake = unmake};
    buffer_keeper_open(&buffers->keeper, pool, false, name);
    return NULL;
}

const struct buffer *mapped_buffers_find(const struct mapped_buffers *buffers,
                                         const uint8_t *address)
{
    return buffers->keeper.pool ? buffer_pool_find(buffers->keeper.pool, address) : NULL;
}
