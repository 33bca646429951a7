#include "compress.h"

#include "compress_block.h"

#include <base/mem.h>
#include <base/pool.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum compression_kind kind;
    int level_max;
} kinds[] = {
    {"none", COMPRESSION_NONE, 0}, {"gzip", COMPRESSION_GZIP, 12}, {"zstd", COMPRESSION_ZSTD, 19}};

int compression_parse(const char *text, struct compression *out, struct error *err)
{
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strlen(kinds[i].name) != n || memcmp(kinds[i].name, text, n))
            continue;
        long long level = colon ? str_number(colon + 1, kinds[i].level_max) : 0;
        if (level < 0 || (colon && !level))
            return error_set(err, ERROR_USAGE, "compression '%s': %s takes %s", text, kinds[i].name,
                             kinds[i].level_max == 0    ? "no level"
                             : kinds[i].level_max == 12 ? "levels 1 to 12"
                                                        : "levels 1 to 19");
        *out = (struct compression){.kind = kinds[i].kind, .level = (int)level};
        return 0;
    }
    error_set(err, ERROR_USAGE, "compression '%s' is not known", text);
    return error_hint(err, "Use gzip, zstd or none, the first two with a level, as zstd:9.");
}

const char *compression_name(enum compression_kind kind)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "none";
}

/* Blocks in flight, in a ring: `next` is being filled, and is also the oldest once all are busy. */
enum { GZIP_SLOTS = 8, ZSTD_SLOTS = 3, SLOTS_MAX = GZIP_SLOTS };

struct slot {
    struct compress_block block;
    struct pool_group *group; /* NULL: not used yet, or no pool */
    bool ready, busy;         /* initialised; holds a block that was not written out yet */
};

struct compressor {
    struct sink sink;
    struct sink *to;
    struct compression compression;
    struct pool *pool;
    size_t input; /* bytes per block */
    size_t slot_count, next;
    bool any; /* a block was begun */
    uint32_t crc;
    uint32_t total; /* modulo 2^32, as gzip counts */
    struct slot slots[SLOTS_MAX];
};

static int compress_job(void *context, struct error *err)
{
    struct slot *slot = context;
    return compress_block_run(&slot->block, err);
}

/* Wait for a slot's block and write it out. */
static int drain(struct compressor *c, struct slot *slot, struct error *err)
{
    if (!slot->busy)
        return 0;
    if (slot->group && pool_wait(slot->group, err))
        return -1;
    slot->busy = false;
    if (sink_write(c->to, slot->block.out, slot->block.out_size, err))
        return -1;
    if (slot->block.part) {
        c->crc = (uint32_t)crc32_combine(c->crc, slot->block.crc, (z_off_t)slot->block.in_size);
        c->total += (uint32_t)slot->block.in_size;
    }
    slot->block.in_size = 0;
    return 0;
}

static void prepare(struct compressor *c, struct slot *slot)
{
    if (slot->ready)
        return;
    compress_block_init(&slot->block, &c->compression);
    slot->ready = true;
    if (c->pool)
        slot->group = pool_group_new(c->pool);
}

static int put_header(struct compressor *c, struct error *err)
{
    /* RFC 1952, 2.3: no name, no time, system unknown. */
    static const unsigned char header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
    bool wanted = !c->any && c->compression.single_member;
    c->any = true;
    return wanted && c->compression.kind == COMPRESSION_GZIP
               ? sink_write(c->to, header, sizeof header, err)
               : 0;
}

/* Set the block being filled to work, and make room for the next. */
static int submit(struct compressor *c, bool last, struct error *err)
{
    struct slot *slot = &c->slots[c->next];
    prepare(c, slot);
    slot->block.last = last;
    slot->busy = true;
    if (put_header(c, err))
        return -1;
    if (slot->group)
        pool_run(slot->group, compress_job, slot);
    else if (compress_block_run(&slot->block, err))
        return -1;
    c->next = (c->next + 1) % c->slot_count;
    return drain(c, &c->slots[c->next], err);
}

static int compressor_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    struct compressor *c = (struct compressor *)self;
    const char *from = bytes;
    while (n) {
        struct slot *slot = &c->slots[c->next];
        prepare(c, slot);
        size_t room = c->input - slot->block.in_size;
        size_t some = n < room ? n : room;
        memcpy(slot->block.in + slot->block.in_size, from, some);
        slot->block.in_size += some;
        from += some;
        n -= some;
        if (slot->block.in_size == c->input && submit(c, false, err))
            return -1;
    }
    return 0;
}

static void put_le32(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(value >> (8 * i));
}

static int compressor_finish(struct sink *self, struct error *err)
{
    struct compressor *c = (struct compressor *)self;
    bool single = c->compression.kind == COMPRESSION_GZIP && c->compression.single_member;
    /* A single member needs its last part, even an empty one; an empty stream one member. */
    if ((c->slots[c->next].block.in_size || !c->any || single) && submit(c, true, err))
        return -1;
    for (size_t i = 0; i < c->slot_count; i++)
        if (drain(c, &c->slots[(c->next + i) % c->slot_count], err))
            return -1;
    if (!single)
        return 0;
    unsigned char trailer[8];
    put_le32(trailer, c->crc);
    put_le32(trailer + 4, c->total);
    return sink_write(c->to, trailer, sizeof trailer, err);
}

static void compressor_close(struct sink *self)
{
    struct compressor *c = (struct compressor *)self;
    for (size_t i = 0; i < c->slot_count; i++) {
        pool_group_free(c->slots[i].group);
        if (c->slots[i].ready)
            compress_block_release(&c->slots[i].block);
    }
    free(c);
}

static int plain_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    return sink_write(((struct compressor *)self)->to, bytes, n, err);
}

static int plain_finish(struct sink *self, struct error *err)
{
    (void)self;
    (void)err;
    return 0;
}

int compress_new(struct sink *to, const struct compression *compression, struct pool *pool,
                 struct sink **out, struct error *err)
{
    int level_max = kinds[compression->kind].level_max;
    if (compression->level < 0 || compression->level > level_max)
        return error_set(err, ERROR_USAGE, "%s has no level %d",
                         compression_name(compression->kind), compression->level);
    struct compressor *c = mem_zalloc(1, sizeof *c);
    c->sink = (struct sink){compressor_write, compressor_finish, compressor_close};
    c->to = to;
    c->compression = *compression;
    c->pool = pool;
    c->input = compress_block_input(compression);
    size_t most = compression->kind == COMPRESSION_ZSTD ? ZSTD_SLOTS : GZIP_SLOTS;
    c->slot_count = !pool ? 1 : pool_size(pool) + 1 < most ? pool_size(pool) + 1 : most;
    if (compression->kind == COMPRESSION_NONE)
        c->sink.write = plain_write, c->sink.finish = plain_finish;
    *out = &c->sink;
    return 0;
}
