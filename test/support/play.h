/* SPDX-License-Identifier: MIT */
/* A file source, a decoder, and an end that notes what comes: the chain most tests need. */
#ifndef LIMEF_TEST_SUPPORT_PLAY_H
#define LIMEF_TEST_SUPPORT_PLAY_H

#include <limef/filter/decode.h>
#include <limef/filter/file_source.h>

#define PLAY_MAX 512

/* One thing that came. */
struct play_note {
    enum limef_frame_class frame_class;
    struct limef_frame frame; /* its header; the payload is not to be touched */
    int width, height, format;
    int number; /* of a picture: media_number() of what it shows */
    int16_t rotation_degrees, mirrored;
    uint32_t signal, serial;
    int32_t code;
    int64_t value;
    char text[44];
};

struct play_end {
    struct limef_filter filter;
    struct play_note notes[PLAY_MAX];
    unsigned n_notes;
    int answer;          /* what go returns */
    bool is_closed;      /* answers AVERROR_EXIT, and notes nothing */
    unsigned exit_after; /* answers AVERROR_EXIT after so many; 0: never */
};

struct play {
    struct limef_file_source file;
    struct limef_decode_filter decode;
    struct play_end end;
};

extern const struct limef_filter_ops play_end_ops;

/* Sets the chain up: source, decoder, end; or source and end if decode is NULL. */
void play_init(struct play *play, const struct limef_file_source_settings *settings,
               const struct limef_decode_settings *decode);

/* Steps until nothing more comes, sleeping where nothing is due. @return the last step's code */
int play_run(struct play *play);

/* Steps until n pictures (or packets) came, or nothing more comes. @return the last step's code */
int play_until(struct play *play, unsigned n);

void play_clear(struct play *play);

/* Gives the source a signal. */
void play_signal(struct play *play, uint32_t signal, int code, int64_t value, uint32_t serial);

/* How many notes there are of a class. */
unsigned play_count(const struct play *play, enum limef_frame_class frame_class);

/* The n-th note of a class, from 0; an empty one if there are not so many. */
const struct play_note *play_nth(const struct play *play, enum limef_frame_class frame_class,
                                 unsigned n);

/* The first note of a signal; an empty one if there is none. */
const struct play_note *play_signal_note(const struct play *play, uint32_t signal);

/* Forgets what came. */
void play_forget(struct play *play);

#endif
