#include "copy_part.h"

#include "add_archive.h"
#include "add_fetch.h"
#include "copy_hash.h"
#include "git_source.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum part_kind { PART_FILES, PART_DOCUMENT, PART_DOWNLOAD, PART_REPOSITORY };

struct copy_part {
    const struct copy_shared *shared;
    enum part_kind kind;
    const struct word *source;
    const struct heredoc *document;
    struct git_reference git;
    char *commit;
    char *folder; /* in the store's tmp: what was fetched or unpacked, removed at the end */
    int folder_fd;
    struct copy_tree tree;
    struct copy_list list;
    struct digest content; /* of the list, where it is listed early */
    struct add_archive **archives;
    size_t archive_count, archive_cap;
};

void copy_part_free(struct copy_part *part)
{
    if (!part)
        return;
    for (size_t i = 0; i < part->archive_count; i++)
        add_archive_free(part->archives[i]);
    free(part->archives);
    copy_list_release(&part->list);
    git_reference_release(&part->git);
    mem_close_at(&part->folder_fd);
    autoerror ignored = ERROR_INIT;
    if (part->folder && path_remove_tree(store_tmp_fd(part->shared->step->session->options->store),
                                         part->folder, &ignored))
        error_ignore(&ignored, "it goes with the store's tmp");
    free(part->folder);
    free(part->commit);
    free(part);
}

bool copy_part_is_document(const struct copy_part *part)
{
    return part->kind == PART_DOCUMENT;
}

static int make_folder(struct copy_part *part, struct error *err)
{
    struct store *store = part->shared->step->session->options->store;
    if (part->folder)
        return 0;
    part->folder = store_tmp_name(store, "add");
    if (mkdirat(store_tmp_fd(store), part->folder, 0700))
        return error_errno(err, ERROR_HOST, "make a directory in the store");
    part->folder_fd = openat(store_tmp_fd(store), part->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return part->folder_fd < 0 ? error_errno(err, ERROR_HOST, "open a directory of the store") : 0;
}

/* List what the part's tree has, and hash it. */
static int list_and_hash(struct copy_part *part, const char *pattern, struct file_hashes *memory,
                         struct error *err)
{
    const struct copy_shared *s = part->shared;
    const struct copy_filter filter = {.exclude = s->exclude};
    int result = s->parents && part->kind == PART_FILES
                     ? copy_list_add_parents(&part->list, &part->tree, pattern, s->exclude, err)
                     : copy_list_add(&part->list, &part->tree, pattern,
                                     part->kind == PART_FILES ? &filter : NULL, err);
    if (result || part->shared->from_stage)
        return result;
    return copy_hash(&part->list, &part->tree, memory, s->step->session->options->pool,
                     &part->content, err);
}

static int look_at_files(struct copy_part *part, struct error *err)
{
    const struct copy_shared *s = part->shared;
    part->kind = PART_FILES;
    part->tree = s->tree;
    if (s->from_stage)
        return 0;
    if (s->tree.root_fd < 0)
        return error_set(err, ERROR_INPUT, "there is no build context to copy from");
    return list_and_hash(part, part->source->text, s->memory, err);
}

/* The listed file is known by this name (which goes over to the part). */
static void name_match(struct copy_part *part, char *name)
{
    free(part->list.matches[0].name);
    part->list.matches[0].name = name;
}

static int look_at_download(struct copy_part *part, struct error *err)
{
    part->kind = PART_DOWNLOAD;
    if (make_folder(part, err) || add_fetch(part->shared->step->session, part->source->text,
                                            part->shared->checksum, part->folder_fd, "file", err))
        return -1;
    part->tree = (struct copy_tree){.root_fd = part->folder_fd, .what = "what was downloaded"};
    if (list_and_hash(part, "file", NULL, err))
        return -1;
    name_match(part, add_fetch_name(part->source->text));
    return 0;
}

static int look_at_repository(struct copy_part *part, struct error *err)
{
    const struct copy_shared *s = part->shared;
    struct git_reference *git = &part->git;
    part->kind = PART_REPOSITORY;
    enum git_keep wanted = s->keep_git_dir ? GIT_KEEP_YES : GIT_KEEP_NO;
    if (s->keep_git_dir_given && git->keep != GIT_KEEP_UNSAID && git->keep != wanted)
        return error_set(err, ERROR_INPUT, "--keep-git-dir and the query's contradict each other");
    if (git->keep == GIT_KEEP_UNSAID)
        git->keep = wanted;
    if (s->checksum && git->checksum && strcmp(s->checksum, git->checksum) != 0)
        return error_set(err, ERROR_INPUT, "--checksum=%s and the query's %s are not the same",
                         s->checksum, git->checksum);
    if (s->checksum && !git->checksum)
        git->checksum = mem_strdup(s->checksum);
    return add_fetch_commit(s->step->session, git, &part->commit, err);
}

static int look(struct copy_part *part, struct error *err)
{
    const struct instruction *in = part->shared->step->in;
    const char *text = part->source->text;
    bool add = in->kind == INSTRUCTION_ADD;
    if ((part->document = instruction_heredoc(in, text))) {
        part->kind = PART_DOCUMENT;
        return 0;
    }
    int git = git_reference_parse(text, false, &part->git, err);
    bool url = str_starts(text, "http://") || str_starts(text, "https://");
    if (git < 0)
        return -1;
    if ((git || url) && !add) {
        error_set(err, ERROR_INPUT, "COPY takes no %s", git ? "git repository" : "URL");
        return error_hint(err, "ADD does");
    }
    if (git)
        return look_at_repository(part, err);
    if (!url && part->shared->checksum)
        return error_set(err, ERROR_INPUT, "--checksum needs a URL or a git repository");
    return url ? look_at_download(part, err) : look_at_files(part, err);
}

int copy_part_look(const struct copy_shared *shared, size_t index, struct copy_part **out,
                   struct error *err)
{
    struct copy_part *part = mem_zalloc(1, sizeof *part);
    part->shared = shared;
    part->folder_fd = -1;
    part->source = &shared->step->in->args[index];
    if (look(part, err)) {
        copy_part_free(part);
        return dockerfile_error_at(shared->step->file, shared->step->in->args[index].at, err);
    }
    *out = part;
    return 0;
}

void copy_part_key(const struct copy_part *part, struct cache_key *key)
{
    switch (part->kind) {
    case PART_DOCUMENT:
        cache_key_add(key, "document", part->document->name);
        cache_key_add(key, "text", part->document->content);
        return;
    case PART_REPOSITORY:
        cache_key_add(key, "commit", part->commit);
        cache_key_add(key, "subdir", part->git.subdir);
        cache_key_add(key, "git", part->git.keep == GIT_KEEP_YES ? part->git.remote : NULL);
        cache_key_add(key, "submodules", part->git.no_submodules ? "no" : "yes");
        return;
    case PART_DOWNLOAD:
    case PART_FILES:
        break;
    }
    cache_key_add(key, part->kind == PART_FILES ? "source" : "url", part->source->text);
    cache_key_add(key, "content", part->shared->from_stage ? NULL : part->content.text);
    /* A download has its time from the server. */
    for (size_t i = 0; part->kind == PART_DOWNLOAD && i < part->list.count; i++) {
        autofree char *time = mem_printf("%lld", (long long)part->list.items[i].st.st_mtime);
        cache_key_add(key, "time", time);
    }
}

/* 1: it is one, and unpacked. */
static int unpack_match(struct copy_part *part, size_t i, struct copy_plan *plan, struct error *err)
{
    const struct copy_match *match = &part->list.matches[i];
    const struct copy_file *file = &part->list.items[match->first];
    const struct copy_target *target = part->shared->target;
    if (match->directory || !match->count || !S_ISREG(file->st.st_mode))
        return 0;
    autoclose int fd = path_open_in_root(part->tree.root_fd, file->path, O_RDONLY, 0);
    if (fd < 0)
        return error_errno(err, ERROR_INPUT, "read “%s” in %s", file->path, part->tree.what);
    if (!add_archive_recognise(fd))
        return 0;
    struct add_archive *archive = NULL;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_errno(err, ERROR_HOST, "read “%s” in %s", file->path, part->tree.what);
    autofree char *name = mem_printf("archive-%zu", i);
    if (make_folder(part, err))
        return -1;
    if (mkdirat(part->folder_fd, name, 0700))
        return error_errno(err, ERROR_HOST, "make a directory in the store");
    int storage = openat(part->folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (storage < 0)
        return error_errno(err, ERROR_HOST, "open a directory of the store");
    if (add_archive_read(fd, match->name, storage, &archive, err))
        return -1;
    MEM_PUSH(part->archives, part->archive_count, part->archive_cap) = archive;
    const struct copy_owner owner = {0, target->uid, target->gid};
    return add_archive_apply(archive, plan, target->destination, target->has_owner ? &owner : NULL,
                             err)
               ? -1
               : 1;
}

static int apply_list(struct copy_part *part, struct copy_plan *plan, bool unpack,
                      bool contents_only, struct error *err)
{
    struct copy_target target = *part->shared->target;
    target.contents_only = contents_only;
    for (size_t i = 0; i < part->list.match_count; i++) {
        int done = unpack ? unpack_match(part, i, plan, err) : 0;
        if (done < 0 ||
            (!done && copy_apply_match(plan, &part->list, i, &part->tree, &target, err)))
            return -1;
    }
    return 0;
}

static int apply_document(struct copy_part *part, struct copy_plan *plan, struct error *err)
{
    const struct heredoc *doc = part->document;
    if (make_folder(part, err))
        return -1;
    autoclose int fd =
        openat(part->folder_fd, "document", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || fchmod(fd, 0644) || io_write(fd, doc->content, strlen(doc->content)))
        return error_errno(err, ERROR_INPUT, "make the file “%s”", doc->name);
    part->tree = (struct copy_tree){.root_fd = part->folder_fd, .what = "the heredoc"};
    if (list_and_hash(part, "document", NULL, err))
        return -1;
    name_match(part, mem_strdup(path_base(doc->name)));
    return apply_list(part, plan, false, false, err);
}

static int apply_repository(struct copy_part *part, struct copy_plan *plan, struct error *err)
{
    if (make_folder(part, err) || add_fetch_repository(part->shared->step->session, &part->git,
                                                       part->commit, part->folder_fd, "git", err))
        return -1;
    part->tree = (struct copy_tree){.root_fd = part->folder_fd, .what = "the git repository"};
    return list_and_hash(part, "git", NULL, err) || apply_list(part, plan, false, false, err) ? -1
                                                                                              : 0;
}

static int apply(struct copy_part *part, struct copy_plan *plan, struct error *err)
{
    const struct copy_shared *s = part->shared;
    if (part->kind == PART_DOCUMENT)
        return apply_document(part, plan, err);
    if (part->kind == PART_REPOSITORY)
        return apply_repository(part, plan, err);
    if (part->kind == PART_DOWNLOAD)
        return apply_list(part, plan, s->unpack_downloads, false, err);
    if (s->from_stage) {
        part->tree = s->tree;
        if (list_and_hash(part, part->source->text, NULL, err))
            return -1;
    }
    return apply_list(part, plan, s->unpack_files, true, err);
}

int copy_part_apply(struct copy_part *part, struct copy_plan *plan, struct error *err)
{
    if (apply(part, plan, err))
        return dockerfile_error_at(part->shared->step->file, part->source->at, err);
    return 0;
}
