/* SPDX-License-Identifier: MIT */
#include <limef/frame/payload.h>

#include "base/hot.h"

void limef_payload_init(struct limef_payload *payload,
                        void (*release)(struct limef_payload *payload))
{
    atomic_store_explicit(&payload->n_refs, 1, memory_order_relaxed);
    payload->release = release;
}

HOT struct limef_payload *limef_payload_ref(struct limef_payload *payload)
{
    if (payload)
        atomic_fetch_add_explicit(&payload->n_refs, 1, memory_order_relaxed);
    return payload;
}

HOT void limef_payload_unref(struct limef_payload *payload)
{
    /* acq_rel: whoever releases sees what every earlier holder did; pairs with their unref */
    if (payload && atomic_fetch_sub_explicit(&payload->n_refs, 1, memory_order_acq_rel) == 1)
        payload->release(payload);
}
