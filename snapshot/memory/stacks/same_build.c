#include "memory/stacks/same_build.h"

#include "memory/elf/elf.h"

#include <string.h>

int same_build_open(const char *folder, enum door_links links, const char *path,
                    const char *build_id) {
    struct file file;
    char id[ELF_BUILD_ID_HEX];
    if (!door_open(folder, links, path, &file))
        return -1;
    if (elf_file_build_id(file.bytes, id) && strcmp(id, build_id) == 0)
        return file_take_fd(&file);
    file_close(&file);
    return -1;
}
