// data/agents/*.toml as they are, each between two symbols.
    .section .rodata
    .macro template name
    .global skep_agent_\name
    .global skep_agent_\name\()_end
skep_agent_\name:
    .incbin "\name\().toml"
skep_agent_\name\()_end:
    .endm
    template analyst
    template assistant
    template coder
    template coordinator
    template librarian
    template planner
    template researcher
    template reviewer
    template translator
    template writer
    .section .note.GNU-stack, "", @progbits
