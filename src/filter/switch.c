/* SPDX-License-Identifier: MIT */
#include <limef/filter/switch.h>

#include "filter/filter_counts.h"

#include <limef/base/log.h>

#include <assert.h>
#include <inttypes.h>
#include <libavutil/error.h>
#include <string.h>

static struct limef_switch_filter *switch_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_switch_filter, filter);
}

static struct limef_switch_input *input_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_switch_input, filter);
}

static bool is_on_air(const struct limef_switch_filter *choice,
                      const struct limef_switch_input *input)
{
    return input == &choice->inputs[limef_switch_on_air(choice)];
}

static bool has_no_media(const struct limef_signal_frame *state)
{
    return state->signal == LIMEF_SIGNAL_STOP || state->signal == LIMEF_SIGNAL_END ||
           state->signal == LIMEF_SIGNAL_LOST;
}

/* What is on air is not what was chosen, or has nothing more to show. */
static bool is_waited_for(const struct limef_switch_filter *choice,
                          const struct limef_switch_input *input)
{
    if (is_on_air(choice, input))
        return false;
    return input == &choice->inputs[choice->chosen] ||
           (choice->keeps_media &&
            has_no_media(&choice->inputs[limef_switch_on_air(choice)].state));
}

static bool another_has_media(const struct limef_switch_filter *choice,
                              const struct limef_switch_input *than)
{
    for (uint32_t i = 0; i < choice->n_inputs; i++)
        if (&choice->inputs[i] != than && choice->inputs[i].has_media)
            return true;
    return false;
}

static int withhold(struct limef_switch_input *input)
{
    LIMEF_COUNT(input->n_withheld, 1);
    return 0;
}

/* Passes a frame of an input as one of the switch's stream. */
static int pass_as_own(struct limef_switch_filter *choice, const struct limef_frame *in)
{
    bool is_media = in->frame_class == LIMEF_FRAME_PACKET || in->frame_class == LIMEF_FRAME_DECODED;
    bool *is_fresh =
        &choice->is_fresh[in->media <= LIMEF_MEDIA_OTHER ? in->media : LIMEF_MEDIA_OTHER];
    union limef_any_frame out;
    int ret;

    memcpy(&out, in, limef_frame_size_bytes(in->frame_class));
    out.frame.slot = choice->slot;
    if (is_media && *is_fresh)
        out.frame.flags |= LIMEF_FRAME_DISCONTINUITY;
    ret = limef_pass(&choice->filter, &out.frame);
    if (is_media && ret != AVERROR_EXIT)
        *is_fresh = false;
    return ret;
}

/* Passes the state and the codecs of the input on air; again, if nobody hears them. */
static int introduce(struct limef_switch_filter *choice)
{
    const struct limef_switch_input *input = &choice->inputs[limef_switch_on_air(choice)];
    int first_error = 0;

    if (input->state.frame.frame_class == LIMEF_FRAME_SIGNAL)
        first_error = pass_as_own(choice, &input->state.frame);
    for (unsigned i = 0; i < input->codecs.tracks.n; i++) {
        const struct limef_frame *codec = &input->codecs.frames[i].frame;
        /* of a track whose codec could not be kept there is none */
        int ret = codec->frame_class == LIMEF_FRAME_CODEC ? pass_as_own(choice, codec) : 0;

        if (ret < 0 && !first_error)
            first_error = ret;
    }
    choice->is_unsaid = first_error == AVERROR_EXIT;
    return first_error;
}

static int cut(struct limef_switch_filter *choice, const struct limef_switch_input *input)
{
    /* relaxed: others only look at it */
    atomic_store_explicit(&choice->on_air, (uint32_t)(input - choice->inputs),
                          memory_order_relaxed);
    LIMEF_COUNT(choice->n_cuts, 1);
    choice->needs_key = !choice->cuts_at_once;
    memset(choice->is_fresh, true, sizeof(choice->is_fresh));
    return introduce(choice);
}

static int choose(struct limef_switch_filter *choice, int64_t number)
{
    if (number < 0 || number >= choice->n_inputs)
        return limef_fail(AVERROR(EINVAL), choice->filter.name,
                          "cannot choose input %" PRId64 " of %u", number,
                          (unsigned)choice->n_inputs);
    choice->chosen = (uint32_t)number;
    if (number == limef_switch_on_air(choice))
        return 0;
    if (choice->keeps_media)
        return 0;
    if (choice->cuts_at_once || has_no_media(&choice->inputs[number].state))
        return cut(choice, &choice->inputs[number]);
    return 0;
}

/* Passes a signal that is not about the state of one input, and obeys it. */
static int go_command(struct limef_switch_filter *choice, const struct limef_signal_frame *in)
{
    int chosen = in->signal == LIMEF_SIGNAL_CHOOSE ? choose(choice, in->value) : 0;
    int passed = limef_pass(&choice->filter, &in->frame);

    return chosen < 0 ? chosen : passed;
}

static int go_state_on_air(struct limef_switch_filter *choice, const struct limef_signal_frame *in)
{
    bool is_kept = in->signal != LIMEF_SIGNAL_FLUSH;
    int passed;

    if (choice->is_unsaid && is_kept) /* it comes before the codecs that nobody heard either */
        return introduce(choice);
    passed = pass_as_own(choice, &in->frame);
    choice->is_unsaid |= passed == AVERROR_EXIT && is_kept;
    return passed;
}

static int go_state(struct limef_switch_filter *choice, struct limef_switch_input *input,
                    const struct limef_signal_frame *in)
{
    if (in->signal != LIMEF_SIGNAL_FLUSH)
        input->state = *in;
    if (has_no_media(in))
        input->has_media = false;
    if (is_on_air(choice, input))
        return choice->keeps_media && has_no_media(in) && another_has_media(choice, input)
                   ? withhold(input)
                   : go_state_on_air(choice, in);
    if (!choice->keeps_media && is_waited_for(choice, input) && has_no_media(in))
        return cut(choice, input);
    return withhold(input);
}

static int go_media(struct limef_switch_filter *choice, struct limef_switch_input *input,
                    const struct limef_frame *in)
{
    bool needed_key;
    int cut_ret = 0, passed;

    input->has_media = true;
    if (is_waited_for(choice, input) && limef_codecs_can_start(&input->codecs, in))
        cut_ret = cut(choice, input);
    if (!is_on_air(choice, input))
        return withhold(input);
    if (choice->is_unsaid)
        return AVERROR_EXIT;
    needed_key = choice->needs_key;
    if (in->media == LIMEF_MEDIA_VIDEO && needed_key) {
        if (!limef_codecs_can_start(&input->codecs, in))
            return withhold(input);
        choice->needs_key = false;
    }
    passed = pass_as_own(choice, in);
    if (passed == AVERROR_EXIT)
        choice->needs_key = needed_key;
    return cut_ret < 0 ? cut_ret : passed;
}

static int input_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_switch_input *input = input_of(filter);
    struct limef_switch_filter *choice = switch_of(filter->next);
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);
    bool is_state = signal && (signal->signal == LIMEF_SIGNAL_START ||
                               signal->signal == LIMEF_SIGNAL_FLUSH || has_no_media(signal));
    int kept, passed;

    assert(filter->next && filter->next->ops == &limef_switch_ops);
    LIMEF_COUNT(choice->filter.n_frames, 1);
    if (choice->is_unsaid && !(is_state && is_on_air(choice, input)))
        introduce(choice);
    if (signal && signal->signal == LIMEF_SIGNAL_GAP) { /* it is of this input's streams alone */
        if (!is_on_air(choice, input))
            return withhold(input);
        return in->slot == UINT32_MAX ? limef_pass(&choice->filter, in) : pass_as_own(choice, in);
    }
    if (signal)
        return is_state ? go_state(choice, input, signal) : go_command(choice, signal);
    kept = limef_codecs_keep(&input->codecs, filter, in);
    if (in->frame_class != LIMEF_FRAME_CODEC)
        return go_media(choice, input, in);
    passed = is_on_air(choice, input) ? pass_as_own(choice, in) : 0;
    choice->is_unsaid |= passed == AVERROR_EXIT; /* it is kept, and goes first */
    return kept < 0 ? kept : passed;
}

static void input_clear(struct limef_filter *filter)
{
    struct limef_switch_input *input = input_of(filter);

    limef_codecs_clear(&input->codecs);
    *input = (struct limef_switch_input){0};
}

static int switch_go(struct limef_filter *filter, const struct limef_frame *in)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);

    return signal ? go_command(switch_of(filter), signal) : limef_pass(filter, in);
}

static void switch_clear(struct limef_filter *filter)
{
    *switch_of(filter) = (struct limef_switch_filter){0};
}

static unsigned switch_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct limef_switch_filter *choice =
        LIMEF_CONTAINER_OF(filter, const struct limef_switch_filter, filter);
    const struct limef_filter_count now[] = {{"cuts", LIMEF_COUNTED(choice->n_cuts)}};

    return filter_counts(counts, now, sizeof(now));
}

const struct limef_filter_ops limef_switch_ops = {
    .kind = "switch", .go = switch_go, .clear = switch_clear, .counts = switch_counts};

static unsigned switch_input_counts(const struct limef_filter *filter,
                                    struct limef_filter_count *counts)
{
    const struct limef_switch_input *input =
        LIMEF_CONTAINER_OF(filter, const struct limef_switch_input, filter);
    const struct limef_filter_count now[] = {{"withheld", LIMEF_COUNTED(input->n_withheld)}};

    return filter_counts(counts, now, sizeof(now));
}

const struct limef_filter_ops limef_switch_input_ops = {.kind = "switch-input",
                                                        .flags = LIMEF_FILTER_GLUED,
                                                        .go = input_go,
                                                        .clear = input_clear,
                                                        .counts = switch_input_counts};

void limef_switch_filter_init(struct limef_switch_filter *choice, const char *name,
                              struct limef_switch_input *inputs, uint32_t n_inputs)
{
    limef_filter_init(&choice->filter, &limef_switch_ops, name);
    choice->inputs = inputs;
    choice->n_inputs = n_inputs;
    for (uint32_t i = 0; i < n_inputs; i++) {
        limef_filter_init(&inputs[i].filter, &limef_switch_input_ops, name);
        limef_connect(&inputs[i].filter, &choice->filter);
    }
}

uint32_t limef_switch_on_air(const struct limef_switch_filter *choice)
{
    return atomic_load_explicit(&choice->on_air, memory_order_relaxed);
}

uint64_t limef_switch_n_cuts(const struct limef_switch_filter *choice)
{
    return LIMEF_COUNTED(choice->n_cuts);
}

uint64_t limef_switch_n_withheld(const struct limef_switch_input *input)
{
    return LIMEF_COUNTED(input->n_withheld);
}
