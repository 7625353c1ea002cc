/* SPDX-License-Identifier: MIT */
/* Events in the order of time; frames into boundaries, with their policies. */
#include "sim/sim_private.h"

#include <stdlib.h>

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

void sim_push_event(struct sim *sim, struct sim_event event)
{
    uint32_t at = sim->n_heap++;

    if (sim->n_heap > sim->room_heap) {
        sim->room_heap = 2 * sim->n_heap + 64;
        sim->heap = realloc(sim->heap, sim->room_heap * sizeof(*sim->heap));
    }
    event.order = sim->n_events++;
    for (; at && is_before(&event, &sim->heap[(at - 1) / 2]); at = (at - 1) / 2)
        sim->heap[at] = sim->heap[(at - 1) / 2];
    sim->heap[at] = event;
}

bool sim_pop_event(struct sim *sim, struct sim_event *event)
{
    struct sim_event last;
    uint32_t at = 0, child;

    if (!sim->n_heap)
        return false;
    *event = sim->heap[0];
    last = sim->heap[--sim->n_heap];
    while ((child = 2 * at + 1) < sim->n_heap) {
        child += child + 1 < sim->n_heap && is_before(&sim->heap[child + 1], &sim->heap[child]);
        if (!is_before(&sim->heap[child], &last))
            break;
        sim->heap[at] = sim->heap[child];
        at = child;
    }
    sim->heap[at] = last;
    return true;
}

static bool is_full(const struct sim_lane *lane, const struct sim_token *token)
{
    return (lane->depth && lane->n >= lane->depth) ||
           (lane->n && lane->max_us > 0 &&
            token->due_us - lane->tokens[lane->first].due_us > lane->max_us);
}

static void grow(struct sim_lane *lane)
{
    unsigned room = lane->room ? 2 * lane->room : 8;
    struct sim_token *tokens = malloc(room * sizeof(*tokens));

    for (unsigned i = 0; i < lane->n; i++)
        tokens[i] = lane->tokens[(lane->first + i) & (lane->room - 1)];
    free(lane->tokens);
    lane->tokens = tokens;
    lane->room = room;
    lane->first = 0;
}

static void drop(struct sim *sim, const struct sim_lane *lane)
{
    sim->result->n_dropped++;
    sim->result->n_due += lane->n_ends;
    sim->result->filters[lane->to].n_missed++;
    sim->result->filters[lane->to].n_dropped += !lane->is_source;
}

void sim_count_waiting(struct sim *sim, const struct sim_lane *lane, int n)
{
    if (lane->is_source || lane->is_inside)
        return;
    sim->n_waiting += (uint64_t)n;
    sim->n_waiting_bytes += n * lane->frame_bytes;
    if (sim->n_waiting > sim->result->max_waiting)
        sim->result->max_waiting = sim->n_waiting;
    if (sim->n_waiting_bytes > sim->result->max_waiting_bytes)
        sim->result->max_waiting_bytes = sim->n_waiting_bytes;
}

static void push(struct sim *sim, struct sim_lane *lane, struct sim_token token)
{
    if (lane->n == lane->room)
        grow(lane);
    lane->tokens[(lane->first + lane->n++) & (lane->room - 1)] = token;
    sim_count_waiting(sim, lane, 1);
}

static void add_pending(struct sim_thread *thread, uint32_t lane)
{
    if (thread->n == thread->room) {
        unsigned room = thread->room ? 2 * thread->room : 16;
        uint32_t *pending = malloc(room * sizeof(*pending));

        for (unsigned i = 0; i < thread->n; i++)
            pending[i] = thread->pending[(thread->first + i) & (thread->room - 1)];
        free(thread->pending);
        thread->pending = pending;
        thread->room = room;
        thread->first = 0;
    }
    thread->pending[(thread->first + thread->n++) & (thread->room - 1)] = lane;
}

bool sim_write(struct sim *sim, uint32_t number, struct sim_token token, double *writer_us)
{
    struct sim_lane *lane = &sim->lanes[number];
    struct sim_thread *reader = &sim->threads[lane->thread];
    bool is_key = token.number % SIM_KEY_EVERY == 0;

    if (lane->waits_for_key && !is_key) {
        drop(sim, lane);
        return true;
    }
    lane->waits_for_key = false;
    if (is_full(lane, &token)) {
        switch (lane->overflow) {
        case LIMEF_OVERFLOW_BLOCK:
            lane->writer = sim->running;
            return false;
        case LIMEF_OVERFLOW_DROP_TO_KEY:
            lane->waits_for_key = true;
            drop(sim, lane);
            return true;
        case LIMEF_OVERFLOW_DROP_OLDEST:
            drop(sim, lane);
            lane->first = (lane->first + 1) & (lane->room - 1);
            lane->n--;
            sim_count_waiting(sim, lane, -1);
            push(sim, lane, token); /* the reader knows of one already */
            return true;
        }
    }
    push(sim, lane, token);
    add_pending(reader, number);
    *writer_us += sim->machine.queue_us;
    if (reader->state == SIM_SLEEPS) {
        *writer_us += sim->machine.wake_us;
        sim_wake(sim, lane->thread,
                 lane->is_source ? sim->machine.timer_us : sim->machine.resume_us);
    }
    return true;
}
