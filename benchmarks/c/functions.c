/* The same functions as in metal, as a C programmer would write them. */

#include "functions.h"

/* ---- CRC-32 ------------------------------------------------------------------------------ */

static uint32_t crc_table[256];

void prepare_crc32(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t state = byte;
        for (int bit = 0; bit < 8; bit++)
            state = state >> 1 ^ (state & 1 ? 0xEDB88320u : 0);
        crc_table[byte] = state;
    }
}

uint32_t c_crc32(const uint8_t *data, uint64_t length)
{
    uint32_t state = 0xFFFFFFFF;
    for (uint64_t i = 0; i < length; i++)
        state = state >> 8 ^ crc_table[(state & 0xFF) ^ data[i]];
    return ~state;
}

/* ---- heap sort --------------------------------------------------------------------------- */

void c_heap_sort(uint32_t *values, uint64_t count)
{
    uint64_t start = count / 2, end = count;
    while (end > 1) {
        if (start > 0) {
            start--;
        } else {
            end--;
            uint32_t last = values[end];
            values[end] = values[0];
            values[0] = last;
        }
        uint64_t root = start;
        while (2 * root + 1 < end) {
            uint64_t child = 2 * root + 1;
            if (child + 1 < end && values[child] < values[child + 1])
                child++;
            if (values[root] >= values[child])
                break;
            uint32_t larger = values[child];
            values[child] = values[root];
            values[root] = larger;
            root = child;
        }
    }
}

/* ---- SHA-256 ----------------------------------------------------------------------------- */

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotate(uint32_t value, uint32_t by)
{
    return value >> by | value << (32 - by);
}

static void block(struct sha256 *sha, const uint8_t *data)
{
    uint32_t w[64];
    for (uint64_t i = 0; i < 16; i++)
        w[i] = __builtin_bswap32(((const uint32_t *)data)[i]);
    for (uint64_t i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = sha->state[0], b = sha->state[1], c = sha->state[2], d = sha->state[3];
    uint32_t e = sha->state[4], f = sha->state[5], g = sha->state[6], h = sha->state[7];
    for (uint64_t i = 0; i < 64; i++) {
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + rounds[i] + w[i];
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    sha->state[0] += a;
    sha->state[1] += b;
    sha->state[2] += c;
    sha->state[3] += d;
    sha->state[4] += e;
    sha->state[5] += f;
    sha->state[6] += g;
    sha->state[7] += h;
}

void c_sha256_update(struct sha256 *sha, const uint8_t *data, uint64_t length)
{
    uint64_t at = 0, held = sha->length % 64;
    sha->length += length;
    if (held != 0) {
        while (held < 64 && at < length)
            sha->pending[held++] = data[at++];
        if (held < 64)
            return;
        block(sha, sha->pending);
    }
    for (; length - at >= 64; at += 64)
        block(sha, &data[at]);
    held = 0;
    while (at < length)
        sha->pending[held++] = data[at++];
}

/* ---- the ring ---------------------------------------------------------------------------- */

#define HEADER 8
#define SKIP 0xFFFFFFFF
#define LONGEST (1u << 31)

static inline _Atomic uint32_t *header(uint64_t at)
{
    return (_Atomic uint32_t *)at;
}

static inline uint64_t after(uint64_t at, uint64_t taken)
{
    return at + ((taken + 7) & ~7ull);
}

static __attribute__((noinline)) int make_room(struct producer *ring, uint64_t length)
{
    if (length > ring->size / 2 - HEADER)
        return 0;
    uint64_t needed = after(0, length + HEADER);
    uint64_t head = atomic_load_explicit(&ring->peer->position, memory_order_acquire);
    if (head - ring->head <= ring->cursor - ring->origin - ring->head)
        ring->head = head;
    else
        ring->violations++;
    uint64_t memory = ring->end - ring->data;
    uint64_t unused = memory - (ring->cursor - ring->origin - ring->head);
    uint64_t to_end = ring->end - ring->cursor;
    if (needed + HEADER > to_end && unused >= to_end + needed + HEADER) {
        atomic_store_explicit(header(ring->data), 0, memory_order_relaxed);
        atomic_store_explicit(header(ring->cursor), SKIP, memory_order_release);
        ring->cursor = ring->data;
        ring->origin -= memory;
        unused -= to_end;
        to_end = memory;
    }
    uint64_t room = unused < to_end ? unused : to_end;
    room = (room > HEADER ? room : HEADER) - HEADER;
    room = room < ring->size / 2 ? room : ring->size / 2;
    ring->limit = ring->cursor + room;
    return needed <= room;
}

static inline uint8_t *reserve(struct producer *ring, uint64_t length)
{
    int fits = length <= LONGEST && after(ring->cursor, length + HEADER) <= ring->limit;
    if (!fits && !make_room(ring, length))
        return 0;
    ring->taken = length + HEADER;
    ring->next = after(ring->cursor, length + HEADER);
    return (uint8_t *)ring->cursor + HEADER;
}

static inline void commit(struct producer *ring)
{
    uint64_t cursor = ring->cursor, next = ring->next;
    uint32_t taken = ring->taken;
    ring->cursor = next;
    atomic_store_explicit(header(next), 0, memory_order_relaxed);
    atomic_store_explicit(header(cursor), taken, memory_order_release);
}

static __attribute__((noinline)) int has_message_at_start(struct consumer *ring, uint32_t misfit)
{
    if (misfit == SKIP && ring->cursor != ring->data) {
        ring->cursor = ring->data;
        ring->origin -= ring->end - ring->data;
        uint32_t found = atomic_load_explicit(header(ring->data), memory_order_acquire);
        if (found < HEADER)
            return 0;
        uint64_t next = after(ring->data, found);
        if (next < ring->end) {
            ring->taken = found;
            ring->next = next;
            return 1;
        }
    }
    ring->violations++;
    return 0;
}

static inline int has_message(struct consumer *ring)
{
    uint64_t cursor = ring->cursor;
    uint32_t found = atomic_load_explicit(header(cursor), memory_order_acquire);
    if (found < HEADER)
        return 0;
    uint64_t next = after(cursor, found);
    if (next >= ring->end)
        return has_message_at_start(ring, found);
    ring->taken = found;
    ring->next = next;
    return 1;
}

static inline uint8_t *peek(struct consumer *ring)
{
    return has_message(ring) ? (uint8_t *)ring->cursor + HEADER : 0;
}

static inline void consume(struct consumer *ring)
{
    uint64_t next = ring->next;
    ring->cursor = next;
    atomic_store_explicit(&ring->own->position, next - ring->origin, memory_order_release);
}

uint64_t c_traffic(struct producer *producer, struct consumer *consumer, uint64_t count)
{
    uint64_t total = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *room = reserve(producer, 8);
        if (!room)
            break;
        *(uint64_t *)room = i;
        commit(producer);
        uint8_t *message = peek(consumer);
        if (!message)
            break;
        total += *(volatile uint64_t *)message;
        consume(consumer);
    }
    return total;
}
