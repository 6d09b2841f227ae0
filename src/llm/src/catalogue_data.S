// data/models.json as it is, between two symbols.
    .section .rodata
    .global skep_models_json
    .global skep_models_json_end
    .type skep_models_json, @object
skep_models_json:
    .incbin SKEP_MODELS_JSON
skep_models_json_end:
    .section .note.GNU-stack, "", @progbits
