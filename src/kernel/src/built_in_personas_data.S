// data/personas/*.toml as they are, each between two symbols.
    .section .rodata
    .macro persona name
    .global skep_persona_\name
    .global skep_persona_\name\()_end
skep_persona_\name:
    .incbin "\name\().toml"
skep_persona_\name\()_end:
    .endm
    persona coach
    persona concise
    persona editor
    persona engineer
    persona storyteller
    persona teacher
    .section .note.GNU-stack, "", @progbits
