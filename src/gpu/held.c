/* SPDX-License-Identifier: MIT */
#include "gpu/held.h"

#include <limef/frame/payload.h>

#include <string.h>

void held_clear(struct held *held, const struct gl *gl)
{
    if (!held->n)
        return;
    gl->Finish();
    for (unsigned i = 0; i < held->n; i++) {
        gl->DeleteSync(held->pictures[i].fence);
        limef_payload_unref(held->pictures[i].payload);
    }
    held->n = 0;
}

void held_release(struct held *held, const struct gl *gl)
{
    unsigned n = 0;

    for (; n < held->n; n++) {
        GLenum state = gl->ClientWaitSync(held->pictures[n].fence, GL_SYNC_FLUSH_COMMANDS_BIT, 0);

        if (state != GL_ALREADY_SIGNALED && state != GL_CONDITION_SATISFIED)
            break;
        gl->DeleteSync(held->pictures[n].fence);
        limef_payload_unref(held->pictures[n].payload);
    }
    if (n) {
        held->n -= n;
        memmove(held->pictures, held->pictures + n, held->n * sizeof(held->pictures[0]));
    }
}

void held_add(struct held *held, const struct gl *gl, struct limef_payload *payload)
{
    GLsync fence = gl->FenceSync && gl->ClientWaitSync && gl->DeleteSync
                       ? gl->FenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
                       : NULL;

    if (!fence) {
        gl->Finish();
        limef_payload_unref(payload);
        return;
    }
    if (held->n == HELD_MAX)
        held_clear(held, gl);
    held->pictures[held->n].fence = fence;
    held->pictures[held->n].payload = payload;
    held->n++;
}
