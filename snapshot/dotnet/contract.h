/*
 * Where the runtime keeps what: offsets of fields, addresses of globals.
 *
 * They come from the contract descriptor (JSON) that CoreCLR 9 and later carries, and from tables
 * of ours for versions and dumps that lack it. Names are the descriptor's own. The few fields that
 * no descriptor has are marked with a "+" in front.
 * Source: docs/design/datacontracts in dotnet/runtime.
 */
#ifndef DUMPDIFF_DOTNET_CONTRACT_H
#define DUMPDIFF_DOTNET_CONTRACT_H

#include "base/bytes.h"

#define CONTRACT_FIELDS(X) \
    X(THREAD_ID, "Thread", "Id") \
    X(THREAD_OS_ID, "Thread", "OSId") \
    X(THREAD_STATE, "Thread", "State") \
    X(THREAD_COOPERATIVE, "Thread", "PreemptiveGCDisabled") \
    X(THREAD_LOCALS, "Thread", "RuntimeThreadLocals") \
    X(THREAD_FRAME, "Thread", "Frame") \
    X(THREAD_EXCEPTION_TRACKER, "Thread", "ExceptionTracker") \
    X(THREAD_OBJECT, "Thread", "GCHandle") \
    X(THREAD_EXPOSED_OBJECT, "Thread", "ExposedObject") \
    X(THREAD_LAST_THROWN, "Thread", "LastThrownObject") \
    X(THREAD_LINK, "Thread", "LinkNext") \
    X(THREAD_STATICS, "Thread", "ThreadLocalDataPtr") \
    X(THREAD_ALLOC_CONTEXT, "Thread", "+AllocContext") \
    X(STORE_FIRST, "ThreadStore", "FirstThreadLink") \
    X(STORE_COUNT, "ThreadStore", "ThreadCount") \
    X(LOCALS_ALLOC_CONTEXT, "RuntimeThreadLocals", "AllocContext") \
    X(EE_ALLOC_CONTEXT, "EEAllocContext", "GCAllocationContext") \
    X(ALLOC_POINTER, "GCAllocContext", "Pointer") \
    X(ALLOC_LIMIT, "GCAllocContext", "Limit") \
    X(EXCEPTION_THROWN, "ExceptionInfo", "ThrownObject") \
    X(MODULE_ASSEMBLY, "Module", "Assembly") \
    X(MODULE_PE_ASSEMBLY, "Module", "PEAssembly") \
    X(MODULE_BASE, "Module", "Base") \
    X(MODULE_PATH, "Module", "Path") \
    X(MODULE_DYNAMIC_METADATA, "Module", "DynamicMetadata") \
    X(MODULE_R2R_INFO, "Module", "ReadyToRunInfo") \
    X(MODULE_LOADER_ALLOCATOR, "Module", "LoaderAllocator") \
    X(MODULE_TYPE_PARAMS, "Module", "AvailableTypeParams") \
    X(MODULE_TYPE_DEFS, "Module", "TypeDefToMethodTableMap") \
    X(MODULE_METHOD_DEFS, "Module", "MethodDefToDescMap") \
    X(MODULE_FIELD_DEFS, "Module", "FieldDefToDescMap") \
    X(MAP_TABLE, "ModuleLookupMap", "TableData") \
    X(MAP_NEXT, "ModuleLookupMap", "Next") \
    X(MAP_COUNT, "ModuleLookupMap", "Count") \
    X(MAP_FLAGS_MASK, "ModuleLookupMap", "SupportedFlagsMask") \
    X(ASSEMBLY_MODULE, "Assembly", "Module") \
    X(PE_ASSEMBLY_IMAGE, "PEAssembly", "PEImage") \
    X(PE_IMAGE_LAYOUT, "PEImage", "LoadedImageLayout") \
    X(PE_IMAGE_PATH, "PEImage", "+Path") \
    X(LAYOUT_BASE, "PEImageLayout", "Base") \
    X(LAYOUT_SIZE, "PEImageLayout", "Size") \
    X(LAYOUT_FLAGS, "PEImageLayout", "Flags") \
    X(DOMAIN_ASSEMBLIES, "AppDomain", "DomainAssemblyList") \
    X(DOMAIN_ASSEMBLY_LIST, "AppDomain", "AssemblyList") \
    X(LIST_COUNT, "ArrayListBase", "Count") \
    X(LIST_FIRST, "ArrayListBase", "FirstBlock") \
    X(LIST_BLOCK_NEXT, "ArrayListBlock", "Next") \
    X(LIST_BLOCK_SIZE, "ArrayListBlock", "Size") \
    X(LIST_BLOCK_ITEMS, "ArrayListBlock", "ArrayStart") \
    X(MT_FLAGS, "MethodTable", "MTFlags") \
    X(MT_BASE_SIZE, "MethodTable", "BaseSize") \
    X(MT_FLAGS2, "MethodTable", "MTFlags2") \
    X(MT_CLASS, "MethodTable", "EEClassOrCanonMT") \
    X(MT_MODULE, "MethodTable", "Module") \
    X(MT_PARENT, "MethodTable", "ParentMethodTable") \
    X(MT_PER_INST, "MethodTable", "PerInstInfo") \
    X(MT_AUXILIARY, "MethodTable", "AuxiliaryData") \
    X(AUX_LOADER_MODULE, "MethodTableAuxiliaryData", "LoaderModule") \
    X(CLASS_MT, "EEClass", "MethodTable") \
    X(CLASS_FIELDS, "EEClass", "FieldDescList") \
    X(CLASS_ELEMENT_TYPE, "EEClass", "InternalCorElementType") \
    X(CLASS_INSTANCE_FIELDS, "EEClass", "NumInstanceFields") \
    X(CLASS_STATIC_FIELDS, "EEClass", "NumStaticFields") \
    X(GENERICS_DICTS, "GenericsDictInfo", "NumDicts") \
    X(GENERICS_ARGS, "GenericsDictInfo", "NumTypeArgs") \
    X(TYPE_DESC_FLAGS, "TypeDesc", "TypeAndFlags") \
    X(PARAM_TYPE_ARG, "ParamTypeDesc", "TypeArg") \
    X(TYPE_VAR_MODULE, "TypeVarTypeDesc", "Module") \
    X(TYPE_VAR_TOKEN, "TypeVarTypeDesc", "Token") \
    X(FNPTR_ARGS, "FnPtrTypeDesc", "NumArgs") \
    X(FNPTR_TYPES, "FnPtrTypeDesc", "RetAndArgTypes") \
    X(DYNAMIC_SIZE, "DynamicMetadata", "Size") \
    X(DYNAMIC_DATA, "DynamicMetadata", "Data") \
    X(SYNC_ENTRY_BLOCK, "SyncTableEntry", "SyncBlock") \
    X(SYNC_ENTRY_OBJECT, "SyncTableEntry", "Object") \
    X(SYNC_LOCK, "SyncBlock", "Lock") \
    X(SYNC_THIN_LOCK, "SyncBlock", "ThinLock") \
    X(SYNC_LOCK_STATE, "SyncBlock", "+LockState") \
    X(SYNC_RECURSION, "SyncBlock", "+Recursion") \
    X(SYNC_HOLDER_ID, "SyncBlock", "+HolderThreadId") \
    X(SYNC_HOLDER, "SyncBlock", "+HoldingThread") \
    X(SYNC_HOLDER_OS_ID, "SyncBlock", "+HolderOSThreadId") \
    X(MD_CHUNK_INDEX, "MethodDesc", "ChunkIndex") \
    X(MD_FLAGS, "MethodDesc", "Flags") \
    X(MD_TOKEN, "MethodDesc", "Flags3AndTokenRemainder") \
    X(CHUNK_SIZE, "MethodDescChunk", "!") \
    X(CHUNK_MT, "MethodDescChunk", "MethodTable") \
    X(CHUNK_TOKEN, "MethodDescChunk", "FlagsAndTokenRange") \
    X(INST_MD_PER_INST, "InstantiatedMethodDesc", "PerInstInfo") \
    X(INST_MD_FLAGS2, "InstantiatedMethodDesc", "Flags2") \
    X(INST_MD_ARGS, "InstantiatedMethodDesc", "NumGenericArgs") \
    X(DYNAMIC_MD_NAME, "DynamicMethodDesc", "MethodName") \
    X(STORED_SIG, "StoredSigMethodDesc", "Sig") \
    X(STORED_SIG_SIZE, "StoredSigMethodDesc", "cSig") \
    X(STORED_SIG_FLAGS, "StoredSigMethodDesc", "ExtendedFlags") \
    X(R2R_COMPOSITE, "ReadyToRunInfo", "CompositeInfo") \
    X(R2R_FUNCTIONS, "ReadyToRunInfo", "RuntimeFunctions") \
    X(R2R_FUNCTION_COUNT, "ReadyToRunInfo", "NumRuntimeFunctions") \
    X(R2R_ENTRY_POINTS, "ReadyToRunInfo", "EntryPointToMethodDescMap") \
    X(HASH_BUCKETS, "HashMap", "Buckets") \
    X(FRAGMENT_BEGIN, "RangeSectionFragment", "RangeBegin") \
    X(FRAGMENT_END, "RangeSectionFragment", "RangeEndOpen") \
    X(FRAGMENT_SECTION, "RangeSectionFragment", "RangeSection") \
    X(FRAGMENT_NEXT, "RangeSectionFragment", "Next") \
    X(SECTION_BEGIN, "RangeSection", "RangeBegin") \
    X(SECTION_END, "RangeSection", "RangeEndOpen") \
    X(SECTION_FLAGS, "RangeSection", "Flags") \
    X(SECTION_R2R_MODULE, "RangeSection", "R2RModule") \
    X(SECTION_HEAP_LIST, "RangeSection", "HeapList") \
    X(SECTION_NEXT, "RangeSection", "+Next") \
    X(SECTION_OWNER, "RangeSection", "+HeapListOrZapModule") \
    X(HEAP_NODE_NEXT, "CodeHeapListNode", "Next") \
    X(HEAP_NODE_START, "CodeHeapListNode", "StartAddress") \
    X(HEAP_NODE_END, "CodeHeapListNode", "EndAddress") \
    X(HEAP_NODE_BASE, "CodeHeapListNode", "MapBase") \
    X(HEAP_NODE_MAP, "CodeHeapListNode", "HeaderMap") \
    X(CODE_METHOD_DESC, "RealCodeHeader", "MethodDesc") \
    X(CODE_UNWIND_COUNT, "RealCodeHeader", "NumUnwindInfos") \
    X(CODE_UNWIND_INFOS, "RealCodeHeader", "UnwindInfos") \
    X(CONTINUATION_DATA, "ContinuationObject", "!") \
    X(CONTINUATION_RESUME, "ContinuationObject", "ResumeInfo") \
    X(CONTINUATION_STATE, "ContinuationObject", "State") \
    X(RESUME_IP, "AsyncResumeInfo", "DiagnosticIP") \
    X(FRAME_NEXT, "Frame", "Next") \
    X(INLINED_CALL_SP, "InlinedCallFrame", "CallSiteSP") \
    X(INLINED_CALL_RETURN, "InlinedCallFrame", "CallerReturnAddress") \
    X(INLINED_CALL_FP, "InlinedCallFrame", "CalleeSavedFP") \
    X(SOFTWARE_CONTEXT, "SoftwareExceptionFrame", "TargetContext") \
    X(FAULTING_CONTEXT, "FaultingExceptionFrame", "TargetContext") \
    X(RESUMABLE_CONTEXT, "ResumableFrame", "TargetContextPtr") \
    X(HIJACK_RETURN, "HijackFrame", "ReturnAddress") \
    X(HIJACK_ARGS, "HijackFrame", "HijackArgsPtr") \
    X(HIJACK_ARGS_SIZE, "HijackArgs", "!") \
    X(HIJACK_ARGS_REGISTERS, "HijackArgs", "CalleeSavedRegisters") \
    X(HIJACK_ARGS_FP, "HijackArgs", "Fp") \
    X(HIJACK_ARGS_EDI, "HijackArgs", "Edi") \
    X(HIJACK_ARGS_EBP, "HijackArgs", "Ebp") \
    X(METHOD_FRAME_BLOCK, "FramedMethodFrame", "TransitionBlockPtr") \
    X(BLOCK_SIZE, "TransitionBlock", "!") \
    X(BLOCK_RETURN, "TransitionBlock", "ReturnAddress") \
    X(BLOCK_REGISTERS, "TransitionBlock", "CalleeSavedRegisters") \
    X(GC_HEAP_ALLOC_ALLOCATED, "GCHeap", "AllocAllocated") \
    X(GC_HEAP_EPHEMERAL, "GCHeap", "EphemeralHeapSegment") \
    X(GC_HEAP_FINALIZE_QUEUE, "GCHeap", "FinalizeQueue") \
    X(GC_HEAP_GENERATIONS, "GCHeap", "GenerationTable") \
    X(GENERATION_BYTES, "Generation", "!") \
    X(GENERATION_CONTEXT, "Generation", "AllocationContext") \
    X(GENERATION_SEGMENT, "Generation", "StartSegment") \
    X(GENERATION_START, "Generation", "AllocationStart") \
    X(FINALIZE_FILL, "CFinalize", "FillPointers") \
    X(SEGMENT_ALLOCATED, "HeapSegment", "Allocated") \
    X(SEGMENT_COMMITTED, "HeapSegment", "Committed") \
    X(SEGMENT_RESERVED, "HeapSegment", "Reserved") \
    X(SEGMENT_MEM, "HeapSegment", "Mem") \
    X(SEGMENT_FLAGS, "HeapSegment", "Flags") \
    X(SEGMENT_NEXT, "HeapSegment", "Next")

/* Pointers are addresses of the variables, plain values are themselves. */
#define CONTRACT_GLOBALS(X) \
    X(APP_DOMAIN, "AppDomain") \
    X(THREAD_STORE, "ThreadStore") \
    X(FINALIZER_THREAD, "FinalizerThread") \
    X(FREE_MT, "FreeObjectMethodTable") \
    X(OBJECT_MT, "ObjectMethodTable") \
    X(STRING_MT, "StringMethodTable") \
    X(SYNC_TABLE, "SyncTableEntries") \
    X(CODE_RANGE_MAP, "ExecutionManagerCodeRangeMapAddress") \
    X(FRAME_INLINED_CALL, "InlinedCallFrameIdentifier") \
    X(FRAME_RESUMABLE, "ResumableFrameIdentifier") \
    X(FRAME_REDIRECTED, "RedirectedThreadFrameIdentifier") \
    X(FRAME_FAULTING, "FaultingExceptionFrameIdentifier") \
    X(FRAME_SOFTWARE, "SoftwareExceptionFrameIdentifier") \
    X(FRAME_FUNC_EVAL, "FuncEvalFrameIdentifier") \
    X(FRAME_HIJACK, "HijackFrameIdentifier") \
    X(FRAME_PRESTUB, "PrestubMethodFrameIdentifier") \
    X(FRAME_CALL_COUNTING, "CallCountingHelperFrameIdentifier") \
    X(FRAME_STUB_DISPATCH, "StubDispatchFrameIdentifier") \
    X(FRAME_EXTERNAL_METHOD, "ExternalMethodFrameIdentifier") \
    X(FRAME_DYNAMIC_HELPER, "DynamicHelperFrameIdentifier") \
    X(FRAME_PROTECT_VALUE_CLASS, "ProtectValueClassFrameIdentifier") \
    X(FRAME_PINVOKE_CALLI, "PInvokeCalliFrameIdentifier") \
    X(CONTINUATION_MT, "ContinuationMethodTable") \
    X(CONTINUATION_CLASS, "ContinuationSingletonEEClass") \
    X(GC_HEAP_COUNT, "NumHeaps") \
    X(GC_HEAPS, "Heaps") \
    X(GC_INVALID_COUNT, "StructureInvalidCount") \
    X(GC_GENERATION_COUNT, "TotalGenerationCount") \
    X(GC_FILL_COUNT, "CFinalizeFillPointersLength") \
    X(GC_ALLOC_ALLOCATED, "GCHeapAllocAllocated") \
    X(GC_EPHEMERAL, "GCHeapEphemeralHeapSegment") \
    X(GC_FINALIZE_QUEUE, "GCHeapFinalizeQueue") \
    X(GC_GENERATION_TABLE, "GCHeapGenerationTable")

enum contract_field {
#define X(id, type, field) F_##id,
    CONTRACT_FIELDS(X)
#undef X
        F_COUNT
};

enum contract_global {
#define X(id, name) G_##id,
    CONTRACT_GLOBALS(X)
#undef X
        G_COUNT
};

#define NO_FIELD  UINT32_MAX
#define NO_GLOBAL UINT64_MAX

/* What GCIdentifiers says: bits. */
enum { GC_KIND_KNOWN = 1, GC_KIND_SERVER = 2, GC_KIND_REGIONS = 4 };

struct contract {
    uint32_t offset[F_COUNT];   /* [bytes] NO_FIELD: not known */
    uint64_t global[G_COUNT];   /* NO_GLOBAL: not known */
    uint64_t gc_descriptor;     /* address of the pointer to the GC's own; NO_GLOBAL: none */
    uint32_t gc_kind;           /* GC_KIND_*; 0: not known */
    uint32_t execution_manager; /* version of the contract; it decides the nibble maps */
    bool token16;               /* .NET 8: a TypeDef's row is a u16 at MTFlags2 + 2 */
    uint8_t canonical_bit;      /* of EEClassOrCanonMT: it is a MethodTable; 1, to 6.0 2 */
    uint8_t token_bits;         /* of a method's row in its MethodDesc, the rest in its chunk */
};

void contract_clear(struct contract *c);

/* "Thread", "OSId": what a descriptor calls a field. */
void contract_field_name(enum contract_field field, const char **ret_type, const char **ret_field);

/*
 * Adds what a contract descriptor says; what it does not say stays. A global that is given as an
 * index becomes pointers[index].
 *
 * Errors: ERR_FORMAT (no JSON object, or an offset or index that cannot be), ERR_LIMIT (more than
 * 1 MiB).
 */
bool contract_parse(struct contract *c, struct bytes json, const uint64_t *pointers,
                    uint32_t pointer_count, struct err *err) MUST_CHECK;

/*
 * As contract_parse for a descriptor that another one leads to (since .NET 11 the garbage collector
 * has one of its own): it need not have types or globals, and its own sub-descriptors are ignored.
 * Errors: those of contract_parse.
 */
bool contract_parse_sub(struct contract *c, struct bytes json, const uint64_t *pointers,
                        uint32_t pointer_count, struct err *err) MUST_CHECK;

/* A table of ours: fields, and the globals by their place in g_dacTable. */
struct builtin_field {
    uint16_t field;  /* enum contract_field */
    uint16_t offset; /* BUILTIN_NONE: there is no such field, or nobody knows where */
};

#define BUILTIN_NONE UINT16_MAX

struct builtin_table {
    const char *name; /* "linux-x64 10.0" */
    const char *arch; /* name of the processor, as in arch.h */
    bool windows;
    uint8_t gc_major, gc_minor; /* version in GcDacVars */
    uint16_t dac_entries;       /* length of g_dacTable */
    uint16_t gc_vars_index;     /* of g_gcDacGlobals in g_dacTable */
    const struct builtin_field *fields;
    uint32_t field_count;
    const struct builtin_field *differing; /* whose offsets stand instead; NULL: none */
    uint32_t differing_count;
    struct {
        uint16_t global, index;
    } globals[10];
    uint32_t global_count;
    uint32_t execution_manager;
    bool token16, frame_ids;
    uint8_t canonical_bit, token_bits; /* 0: as in newer ones */
};

extern const struct builtin_table builtin_tables[];
extern const uint32_t builtin_table_count;

/* Adds the fields of a table; globals are addresses read from g_dacTable by the caller. */
void contract_use_table(struct contract *c, const struct builtin_table *table);

#endif
