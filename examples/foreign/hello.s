# A foreign kernel: it writes one line to its console and is done. docs/foreign.md has what it uses.

        .intel_syntax noprefix
        .globl  _start
        .type   _start, @function
_start:                                 # in 64-bit mode; rdi: the page that says where it is
        mov     eax, 1
        vmmcall                         # it runs
        mov     rbx, [rdi + 0x18]       # its console, of which the first slot is 8 bytes on
        rdtsc
        mov     [rbx + 16], eax         # when the line was written
        mov     [rbx + 20], edx
        mov     dword ptr [rbx + 24], -1        # by no task
        mov     ecx, offset length
        mov     [rbx + 28], ecx
        lea     rsi, [rip + text]
        lea     rdi, [rbx + 32]
        rep movsb
        mov     qword ptr [rbx + 8], 1  # line 1 is whole
        mov     qword ptr [rbx], 1      # and is the newest
        mov     eax, 2
        xor     edi, edi
        vmmcall                         # it is done

text:   .ascii  "hello from a foreign kernel"
        .set    length, . - text
