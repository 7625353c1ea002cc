/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing headers of H.264 and H.265: bits, Exp-Golomb codes (H.264
 * and H.265, 9.1 and 9.2), NAL units with and without emulation prevention.
 */
#ifndef LIMEF_TEST_VA_BITS_H
#define LIMEF_TEST_VA_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that grow. All-zero: none. */
struct bytes {
    uint8_t *data;
    size_t size, capacity;
    bool failed; /* no memory: what was appended since is lost */
};

void bytes_clear(struct bytes *bytes);

/* Forgets what is in it, keeps the memory. */
void bytes_rewind(struct bytes *bytes);

/* data may be NULL: zeros. @return where they lie until the next append; NULL: no memory */
uint8_t *bytes_append(struct bytes *bytes, const void *data, size_t size);

bool bytes_are_equal(const struct bytes *a, const struct bytes *b);

/* Appends bits, the most significant first. All-zero: nothing written. */
struct bit_writer {
    struct bytes bytes;
    unsigned n_used; /* bits of the last byte; 0: all */
};

void put_bits(struct bit_writer *writer, unsigned n, uint32_t value);
void put_flag(struct bit_writer *writer, bool value);
void put_ue(struct bit_writer *writer, uint32_t value);
void put_se(struct bit_writer *writer, int32_t value);

/* A one and zeros to the next byte: rbsp_trailing_bits() and byte_alignment(). */
void put_alignment(struct bit_writer *writer);

/* Reads zeros past the end. */
struct bit_reader {
    const uint8_t *data;
    size_t n_bits, at;
};

uint32_t get_bits(struct bit_reader *reader, unsigned n);
uint32_t get_ue(struct bit_reader *reader);
void skip_bits(struct bit_reader *reader, size_t n);

/* Copies bits, or one Exp-Golomb code. @return their value (of the last 32 bits) */
uint32_t copy_bits(struct bit_writer *writer, struct bit_reader *reader, size_t n);
uint32_t copy_ue(struct bit_writer *writer, struct bit_reader *reader);

/* Bits that say a number below n: Ceil(Log2(n)). */
unsigned bits_for(uint32_t n);

/* Appends a start code and a NAL unit, with emulation prevention. */
void append_nal(struct bytes *stream, const uint8_t *unit, size_t size);

/* Appends a NAL unit without its emulation prevention. max_size: of what is appended, at most. */
void append_unescaped(struct bytes *bytes, const uint8_t *unit, size_t size, size_t max_size);

#endif
