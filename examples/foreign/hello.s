# A kernel that is nobody's of ours: it writes one line to its console, and is done.

        .intel_syntax noprefix
        .globl  _start
        .type   _start, @function
_start:                                 # 64-bit mode; rdi: the page that says where we are
        mov     eax, 1
        vmmcall                         # "started"
        mov     rbx, [rdi + 0x18]       # the console's ring
        lea     rdx, [rbx + 8]          # its first slot
        lea     rsi, [rip + text]
        lea     rdi, [rdx + 24]
        mov     ecx, offset text_end - text
        mov     [rdx + 20], ecx         # the line's length
        mov     dword ptr [rdx + 16], -1        # nobody's task
        rep movsb
        mov     qword ptr [rdx], 1      # the line's number: the slot is whole
        mov     qword ptr [rbx], 1      # and the newest line is this
        mov     eax, 2
        xor     edi, edi
        vmmcall                         # "finished"

text:   .ascii  "hello from a foreign kernel"
text_end:
