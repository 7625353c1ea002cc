/* SPDX-License-Identifier: MIT */
#include "bits.h"

#include <stdlib.h>
#include <string.h>

#define MIN_CAPACITY 256
#define EMULATION_PREVENTION 3

void bytes_clear(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

void bytes_rewind(struct bytes *bytes)
{
    bytes->size = 0;
    bytes->failed = false;
}

uint8_t *bytes_append(struct bytes *bytes, const void *data, size_t size)
{
    uint8_t *at;

    if (bytes->size + size > bytes->capacity) {
        size_t capacity = 2 * (bytes->size + size) + MIN_CAPACITY;
        uint8_t *grown = realloc(bytes->data, capacity);

        if (!grown) {
            bytes->failed = true;
            return NULL;
        }
        bytes->data = grown;
        bytes->capacity = capacity;
    }
    at = bytes->data + bytes->size;
    if (data)
        memcpy(at, data, size);
    else
        memset(at, 0, size);
    bytes->size += size;
    return at;
}

bool bytes_are_equal(const struct bytes *a, const struct bytes *b)
{
    return a->size == b->size && (a->size == 0 || !memcmp(a->data, b->data, a->size));
}

void put_bits(struct bit_writer *writer, unsigned n, uint32_t value)
{
    while (n--) {
        if (writer->n_used == 0 && !bytes_append(&writer->bytes, NULL, 1))
            return;
        writer->bytes.data[writer->bytes.size - 1] |= (value >> n & 1) << (7 - writer->n_used);
        writer->n_used = (writer->n_used + 1) % 8;
    }
}

void put_flag(struct bit_writer *writer, bool value)
{
    put_bits(writer, 1, value);
}

void put_ue(struct bit_writer *writer, uint32_t value)
{
    unsigned n_bits = 32 - __builtin_clz(value + 1);

    put_bits(writer, n_bits - 1, 0);
    put_bits(writer, n_bits, value + 1);
}

void put_se(struct bit_writer *writer, int32_t value)
{
    put_ue(writer, value > 0 ? 2 * (uint32_t)value - 1 : 2 * (uint32_t)-value);
}

void put_alignment(struct bit_writer *writer)
{
    put_bits(writer, 1, 1);
    if (writer->n_used)
        put_bits(writer, 8 - writer->n_used, 0);
}

uint32_t get_bits(struct bit_reader *reader, unsigned n)
{
    uint32_t value = 0;

    while (n--) {
        uint32_t bit = 0;

        if (reader->at < reader->n_bits)
            bit = reader->data[reader->at / 8] >> (7 - reader->at % 8) & 1;
        reader->at++;
        value = value << 1 | bit;
    }
    return value;
}

uint32_t get_ue(struct bit_reader *reader)
{
    unsigned n_zeros = 0;

    while (n_zeros < 31 && reader->at < reader->n_bits && !get_bits(reader, 1))
        n_zeros++;
    return ((uint32_t)1 << n_zeros) - 1 + get_bits(reader, n_zeros);
}

void skip_bits(struct bit_reader *reader, size_t n)
{
    reader->at += n;
}

uint32_t copy_bits(struct bit_writer *writer, struct bit_reader *reader, size_t n)
{
    uint32_t value = 0;

    while (n--) {
        value = value << 1 | get_bits(reader, 1);
        put_bits(writer, 1, value & 1);
    }
    return value;
}

uint32_t copy_ue(struct bit_writer *writer, struct bit_reader *reader)
{
    uint32_t value = get_ue(reader);

    put_ue(writer, value);
    return value;
}

unsigned bits_for(uint32_t n)
{
    return n > 1 ? 32 - __builtin_clz(n - 1) : 0;
}

void append_nal(struct bytes *stream, const uint8_t *unit, size_t size)
{
    static const uint8_t start_code[] = {0, 0, 0, 1}, prevention = EMULATION_PREVENTION;
    unsigned n_zeros = 0;
    size_t done = 0;

    bytes_append(stream, start_code, sizeof(start_code));
    for (size_t i = 0; i < size; i++) {
        if (n_zeros >= 2 && unit[i] <= EMULATION_PREVENTION) {
            bytes_append(stream, unit + done, i - done);
            bytes_append(stream, &prevention, 1);
            done = i;
            n_zeros = 0;
        }
        n_zeros = unit[i] ? 0 : n_zeros + 1;
    }
    bytes_append(stream, unit + done, size - done);
}

void append_unescaped(struct bytes *bytes, const uint8_t *unit, size_t size, size_t max_size)
{
    size_t end = bytes->size + max_size;
    unsigned n_zeros = 0;

    for (size_t i = 0; i < size && bytes->size < end && !bytes->failed; i++) {
        if (n_zeros >= 2 && unit[i] == EMULATION_PREVENTION) {
            n_zeros = 0;
            continue;
        }
        n_zeros = unit[i] ? 0 : n_zeros + 1;
        bytes_append(bytes, &unit[i], 1);
    }
}
