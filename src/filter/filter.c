/* SPDX-License-Identifier: MIT */
#include <limef/filter/filter.h>

int limef_filter_first_go(struct limef_filter *filter, const struct limef_frame *frame)
{
    filter->go = filter->ops->go;
    return filter->go(filter, frame);
}

void limef_filter_clear(struct limef_filter *filter)
{
    if (!filter->ops)
        return;
    if (filter->ops->clear)
        filter->ops->clear(filter);
    *filter = (struct limef_filter){0};
}
