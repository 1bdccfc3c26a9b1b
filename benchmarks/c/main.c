/* Runs one function of one language on fixed data; `measured` is what is counted. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"

#define SIZE 65536
#define COUNT 4096
#define MESSAGES 10000
#define RING 4096

static uint8_t data[SIZE];
static uint32_t values[COUNT];
static struct area area;
static uint64_t ring[(RING + RING / 2 + 8) / 8];
static struct producer producer = {&area};
static struct consumer consumer = {&area};
static struct sha256 sha = {{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};

__attribute__((noinline)) uint64_t measured(int metal, const char *name)
{
    if (strcmp(name, "crc32") == 0)
        return metal ? metal_crc32(data, SIZE) : c_crc32(data, SIZE);
    if (strcmp(name, "sort") == 0) {
        metal ? metal_heap_sort(values, COUNT) : c_heap_sort(values, COUNT);
        return values[0] + values[COUNT / 2];
    }
    if (strcmp(name, "sha256") == 0) {
        metal ? metal_sha256_update(&sha, data, SIZE) : c_sha256_update(&sha, data, SIZE);
        return sha.state[0];
    }
    return metal ? metal_traffic(&producer, &consumer, MESSAGES)
                 : c_traffic(&producer, &consumer, MESSAGES);
}

int main(int count, char **words)
{
    if (count != 3)
        return 2;
    uint32_t state = 1;
    for (int i = 0; i < SIZE; i++)
        data[i] = (state = state * 1664525 + 1013904223) >> 24;
    for (int i = 0; i < COUNT; i++)
        values[i] = state = state * 1664525 + 1013904223;
    producer.data = producer.cursor = producer.origin = (uint64_t)ring;
    consumer.data = consumer.cursor = consumer.origin = consumer.next = (uint64_t)ring;
    producer.end = consumer.end = (uint64_t)ring + sizeof ring;
    producer.size = RING;
    prepare_crc32();
    printf("result %llu\n", (unsigned long long)measured(strcmp(words[1], "metal") == 0, words[2]));
    return 0;
}
