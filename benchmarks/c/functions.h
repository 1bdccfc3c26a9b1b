/* What both languages share: layouts, and the names of the functions on each side. */

#include <stdatomic.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t length;
    uint8_t pending[64];
};

struct area {
    _Atomic uint64_t position;
    uint64_t asleep;
};

struct producer {
    struct area *peer;
    uint64_t data, end, size, cursor, limit, origin, head, taken, next, violations;
};

struct consumer {
    struct area *own;
    uint64_t data, end, cursor, origin, taken, next, violations;
};

void prepare_crc32(void);
uint32_t c_crc32(const uint8_t *data, uint64_t length);
void c_heap_sort(uint32_t *values, uint64_t count);
void c_sha256_update(struct sha256 *sha, const uint8_t *data, uint64_t length);
uint64_t c_traffic(struct producer *producer, struct consumer *consumer, uint64_t count);

uint32_t metal_crc32(const uint8_t *, uint64_t) __asm__("benchmarks.functions.crc32");
void metal_heap_sort(uint32_t *, uint64_t) __asm__("benchmarks.functions.heap_sort");
void metal_sha256_update(struct sha256 *, const uint8_t *, uint64_t) __asm__("sha256.update");
uint64_t metal_traffic(struct producer *, struct consumer *, uint64_t)
    __asm__("benchmarks.ring_traffic.traffic");
