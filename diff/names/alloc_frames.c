#include "diff/names/alloc_frames.h"

#include "base/chars.h"

/* Names of files may hold blanks, but neither "::" nor brackets of templates and arguments. */
static bool may_be_module(struct str s) {
    return s.len && !str_contains(s, STR("::")) && !str_contains(s, STR("(")) &&
           !str_contains(s, STR("<")) && !str_ends(s, STR("operator"));
}

struct alloc_frame alloc_frame_of(const char *text) {
    struct str s = str_of(text);
    size_t bang = str_find(s, STR("!"), 0);
    if (bang != STR_NOT_FOUND && may_be_module(str_take(s, bang)))
        return (struct alloc_frame){str_take(s, bang), str_drop(s, bang + 1)};
    if (str_starts(s, STR("0x")) && str_is_hex(str_drop(s, 2)))
        return (struct alloc_frame){.module = STR("")};
    for (size_t i = s.len; i-- > 0;)
        if (s.ptr[i] == '+') {
            struct str offset = str_drop(s, i + 1);
            if (i && str_starts(offset, STR("0x")) && str_is_hex(str_drop(offset, 2)))
                return (struct alloc_frame){.module = str_take(s, i), .function = STR("")};
            break;
        }
    return (struct alloc_frame){.module = STR(""), .function = s};
}

static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

/* Begins with the word, and not with a longer one: "realloc" is not in "reallocate". */
static bool begins(struct str s, struct str word) {
    bool open = !is_lower(str_last(word));
    return str_starts(s, word) && (open || s.len == word.len || !is_lower(s.ptr[word.len]));
}

/* As functions are called without the underscores in front. */
static const struct str allocators[] = {
    STR_INIT("malloc"),
    STR_INIT("calloc"),
    STR_INIT("realloc"),
    STR_INIT("reallocarray"),
    STR_INIT("memalign"),
    STR_INIT("posix_memalign"),
    STR_INIT("aligned_alloc"),
    STR_INIT("aligned_malloc"),
    STR_INIT("valloc"),
    STR_INIT("pvalloc"),
    STR_INIT("strdup"),
    STR_INIT("strndup"),
    STR_INIT("wcsdup"),
    STR_INIT("libc_malloc"),
    STR_INIT("libc_calloc"),
    STR_INIT("libc_realloc"),
    STR_INIT("libc_memalign"),
    STR_INIT("int_malloc"),
    STR_INIT("int_realloc"),
    STR_INIT("int_memalign"),
    STR_INIT("nh_malloc"),
    STR_INIT("heap_alloc"),
    STR_INIT("heap_realloc"),
    STR_INIT("calloc_impl"),
    STR_INIT("calloc_crt"),
    STR_INIT("malloc_crt"),
    STR_INIT("mmap"),
    STR_INIT("sbrk"),
    STR_INIT("operator new"),
    STR_INIT("Znwm"),
    STR_INIT("Znam"),
    STR_INIT("Znwj"),
    STR_INIT("Znaj"),
    STR_INIT("??2@"),
    STR_INIT("??_U@"),
    STR_INIT("RtlAllocateHeap"),
    STR_INIT("RtlpAllocate"),
    STR_INIT("RtlReAllocateHeap"),
    STR_INIT("RtlpReAllocate"),
    STR_INIT("RtlDebugAllocateHeap"),
    STR_INIT("RtlDebugReAllocateHeap"),
    STR_INIT("HeapAlloc"),
    STR_INIT("HeapReAlloc"),
    STR_INIT("LocalAlloc"),
    STR_INIT("LocalReAlloc"),
    STR_INIT("GlobalAlloc"),
    STR_INIT("GlobalReAlloc"),
    STR_INIT("VirtualAlloc"),
    STR_INIT("NtAllocateVirtualMemory"),
    STR_INIT("ZwAllocateVirtualMemory"),
    STR_INIT("SysAllocString"),
    STR_INIT("CoTaskMemAlloc"),
    STR_INIT("CoTaskMemRealloc"),
    STR_INIT("CRetailMalloc_"),
    STR_INIT("je_"),
    STR_INIT("jemalloc"),
    STR_INIT("prof_backtrace"),
    STR_INIT("imalloc"),
    STR_INIT("mi_malloc"),
    STR_INIT("mi_calloc"),
    STR_INIT("mi_zalloc"),
    STR_INIT("mi_realloc"),
    STR_INIT("mi_new"),
    STR_INIT("mi_heap_"),
    STR_INIT("tc_malloc"),
    STR_INIT("tc_calloc"),
    STR_INIT("tc_realloc"),
    STR_INIT("tc_memalign"),
    STR_INIT("tc_new"),
    STR_INIT("tcmalloc::"),
    STR_INIT("g_malloc"),
    STR_INIT("g_realloc"),
    STR_INIT("g_try_malloc"),
    STR_INIT("g_slice_alloc"),
    STR_INIT("xmalloc"),
    STR_INIT("xcalloc"),
    STR_INIT("xrealloc"),
    STR_INIT("runtime.mallocgc"),
    STR_INIT("runtime.newobject"),
    STR_INIT("runtime.newarray"),
    STR_INIT("runtime.makeslice"),
    STR_INIT("runtime.growslice"),
    STR_INIT("rust_alloc"),
    STR_INIT("rust_realloc"),
    STR_INIT("rg_alloc"),
    STR_INIT("rdl_alloc"),
    STR_INIT("alloc::alloc::"),
    STR_INIT("std::allocator"),
    STR_INIT("std::__new_allocator"),
    STR_INIT("std::_Allocate"),
    STR_INIT("std::_Default_allocate"),
    STR_INIT("gnu_cxx::new_allocator"),
    STR_INIT("interceptor_"),
    STR_INIT("asan_"),
};

/* Modules whose code without a symbol, at the inner end of a stack, can only be the allocator. */
static const struct str allocator_modules[] = {
    STR_INIT("libc.so"),      STR_INIT("libc-2."),     STR_INIT("libjemalloc"),
    STR_INIT("libtcmalloc"),  STR_INIT("libmimalloc"), STR_INIT("libheaptrack"),
    STR_INIT("ntdll"),        STR_INIT("msvcr"),       STR_INIT("ucrtbase"),
    STR_INIT("libstdc++.so"), STR_INIT("libasan"),     STR_INIT("liblsan"),
    STR_INIT("vgpreload_"),
};

bool alloc_frame_is_allocator(const char *text) {
    struct alloc_frame frame = alloc_frame_of(text);
    struct str s = frame.function;
    if (!s.len) {
        for (size_t i = 0; i < sizeof(allocator_modules) / sizeof(*allocator_modules); i++)
            if (str_starts_nocase(frame.module, allocator_modules[i]))
                return true;
        return false;
    }
    if (str_starts(s, STR("__GI_")))
        s = str_drop(s, 5);
    while (str_first(s) == '_')
        s = str_drop(s, 1);
    for (size_t i = 0; i < sizeof(allocators) / sizeof(*allocators); i++)
        if (begins(s, allocators[i]))
            return true;
    return false;
}

/* "fill.part.3.constprop.0": endings of gcc and clang, several of them perhaps. */
static struct str without_ending(struct str s) {
    static const struct str endings[] = {STR_INIT(".constprop"), STR_INIT(".isra"),
                                         STR_INIT(".part"),      STR_INIT(".cold"),
                                         STR_INIT(".lto_priv"),  STR_INIT(".llvm")};
    size_t digits = s.len;
    while (digits > 0 && char_is_digit(s.ptr[digits - 1]))
        digits--;
    struct str stem =
        digits < s.len && digits > 0 && s.ptr[digits - 1] == '.' ? str_take(s, digits - 1) : s;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
        if (stem.len > endings[i].len && str_ends(stem, endings[i]))
            return str_take(stem, stem.len - endings[i].len);
    return s;
}

struct str alloc_function_normal(struct str function) {
    for (size_t before = 0; before != function.len;) {
        before = function.len;
        size_t clone = str_find(function, STR(" [clone ."), 0);
        if (clone != STR_NOT_FOUND && clone > 0 && str_ends(function, STR("]")))
            function = str_take(function, clone);
        function = without_ending(function);
    }
    return function;
}

struct str alloc_function_bare(struct str function) {
    struct str s = function;
    if (str_ends(s, STR(" const")))
        s = str_take(s, s.len - 6);
    if (!str_ends(s, STR(")")))
        return function;
    size_t depth = 0;
    for (size_t i = s.len; i-- > 1;) {
        depth += s.ptr[i] == ')';
        if (s.ptr[i] != '(' || --depth > 0)
            continue;
        /* "operator()" and "(anonymous namespace)" are names. */
        struct str name = str_trim(str_take(s, i));
        return str_ends(name, STR("operator")) || str_ends(name, STR("::")) ? function : name;
    }
    return function;
}

struct str alloc_frame_short(const char *text) {
    struct str function = alloc_frame_of(text).function, s = str_of(text);
    size_t arguments = function.len - alloc_function_bare(function).len;
    return str_take(s, s.len - arguments);
}
