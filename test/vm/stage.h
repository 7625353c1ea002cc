/* SPDX-License-Identifier: MIT */
/* A presenter that shows on a card of vkms, and what is held against its screen. */
#ifndef LIMEF_TEST_VM_STAGE_H
#define LIMEF_TEST_VM_STAGE_H

#include "card.h"

#include <limef/filter/presenter.h>

#define STAGE_WIDTH 320
#define STAGE_HEIGHT 240

struct stage {
    struct card card;
    struct limef_presenter_kms kms;
    struct limef_presenter presenter;
    struct limef_tile tiles[2];
    struct picture pictures[3];
    unsigned n_pictures;
    bool lends; /* memory to decoders */
};

/* Of the card that all stages are on. */
extern const char *stage_path;

/* Opens the output that stage->kms says. 0, or an error, logged. */
int stage_open_presenter(struct stage *stage, unsigned n_tiles, int width, int height);

/* On the card that the test has open. */
void stage_open(struct stage *stage, unsigned n_tiles);
void stage_close(struct stage *stage);
/* The card stays open. */
void stage_close_presenter(struct stage *stage);

/* One more picture. */
struct picture *stage_add(struct stage *stage, uint32_t fourcc, int width, int height);

/* Gives a picture to the presenter; it is on the screen then. */
void stage_show(struct stage *stage, uint32_t slot, struct picture *picture);

/* As it comes to a slot. */
struct limef_frame stage_frame_of(uint32_t slot, struct picture *picture);

/* Likewise, any picture. */
void stage_show_frame(struct stage *stage, const struct limef_decoded_frame *decoded);

/* Lets the presenter go on until something is so. */
void stage_wait(struct stage *stage, bool (*done)(const struct stage *), const char *what);

/* Open ones of this process. */
unsigned stage_count_descriptors(void);

/* All that was given is on the screen. */
bool stage_is_settled(const struct stage *stage);

/* What a pixel of the screen should be; rgb is black before. */
typedef void stage_pixel_fn(const void *context, int x, int y, int rgb[3]);

/* Of an AVFrame of YUV420P, in the middle of what is black around it, and with chroma as a display
 * reads it: unfiltered. */
void stage_av_pixel(const void *context, int x, int y, int rgb[3]);

/* Holds the screen against what it should be. How far the worst pixel is off. */
int stage_expect_pixels(const struct stage *stage, stage_pixel_fn *expected, const void *context,
                        int tolerance);

/* Holds the screen against a picture at a place, and black around it. */
void stage_expect(const struct stage *stage, const struct picture *picture, int at_x, int at_y,
                  int tolerance);

/* How many pictures the display read by itself, and how many GL drew. */
void stage_expect_counts(const struct stage *stage, uint64_t n_planes, uint64_t n_composed);

/* Tests of where the output is, rather than what it shows: kms_screen.c. */
void mode_is_the_nearest_one(void);
void nodes_of_a_card_are_of_one_device(void);
void leased_display_is_enough(void);
void display_that_is_unplugged_comes_back(void);
void display_that_is_plugged_in_has_a_mode_of_its_own(void);
void display_follows_the_console(void);

/* kms_cycles.c */
void nothing_is_left_behind(void);

/* kms_bare.c: for comparison */
void gbm_and_egl_alone(void);

/* kms_faults.c */
void each_call_may_fail(void);

/* kms_camera.c: with vivid, a camera of V4L2 */
void pictures_of_a_camera_are_on_a_plane(void);
void pictures_of_a_camera_are_drawn_as_if_uploaded(void);

/* kms_crc.c: what the display counts of what it shows */
void display_counts_the_same_of_the_same_picture(void);

/* kms_fences.c: with vgem, the card that VGEM names */
void display_waits_for_who_writes(void);
void display_waits_for_all_who_write(void);
void drawing_waits_for_who_writes(void);

/* kms_scenes.c: on any card */
void full_screen_pictures_follow_each_other(void);
void grid_shows_each_picture_of_its_streams(void);
void turned_pictures_are_composed(void);
void small_picture_is_enlarged(void);
void pictures_of_10_bits_are_composed(void);

/* kms_memory.c */
void picture_in_ordinary_memory_is_on_a_plane(void);

/* kms_flips.c: for comparison; says what it counted as one line of JSON */
void flips_of_two_buffers(void);

/* kms_decoded.c: of clips in the folder that LIMEF_TEST_CLIPS names */
void pictures_of_vaapi_are_on_a_plane(void);
void pictures_of_software_are_on_a_plane(void);

#endif
