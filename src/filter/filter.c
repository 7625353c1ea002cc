/* SPDX-License-Identifier: MIT */
#include <limef/filter/filter.h>

void limef_filter_clear(struct limef_filter *filter)
{
    if (!filter->ops)
        return;
    if (filter->ops->clear)
        filter->ops->clear(filter);
    *filter = (struct limef_filter){0};
}
