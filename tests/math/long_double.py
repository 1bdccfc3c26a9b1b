"""The errors of many results at once, against the host's library at 64 digits instead of 53.

Its functions of ``long double`` are within a few units of their own last place, which is 2**-11 of
a float's: errors are measured to about 0.002 units.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import llvmlite.binding as llvm

UNCERTAINTY = 0.002
"""How far, in units in the last place of an f64, what is measured here may be from the truth."""

_ONE = """
declare x86_fp80 @{name}l({declared})
define void @measure_{name}(ptr %xs, ptr %ys, ptr %rs, ptr %worst, ptr %where, i64 %n) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %again ]
  %max = phi double [ 0.0, %entry ], [ %kept, %again ]
  %at = phi i64 [ 0, %entry ], [ %kept_at, %again ]
  %xp = getelementptr double, ptr %xs, i64 %i
  %yp = getelementptr double, ptr %ys, i64 %i
  %rp = getelementptr double, ptr %rs, i64 %i
  %x = load double, ptr %xp
  %y = load double, ptr %yp
  %r = load double, ptr %rp
  %xl = fpext double %x to x86_fp80
  %yl = fpext double %y to x86_fp80
  %rl = fpext double %r to x86_fp80
  %true = call x86_fp80 @{name}l({given})
  %error = call double @unit_error(x86_fp80 %rl, x86_fp80 %true, i32 {digits}, i32 {smallest})
  %more = fcmp ogt double %error, %max
  %kept = select i1 %more, double %error, double %max
  %kept_at = select i1 %more, i64 %i, i64 %at
  br label %again
again:
  %next = add i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %out, label %loop
out:
  store double %kept, ptr %worst
  store i64 %kept_at, ptr %where
  ret void
}}
"""

_COMMON = """
declare i32 @ilogbl(x86_fp80)
declare x86_fp80 @scalbnl(x86_fp80, i32)
declare x86_fp80 @fabsl(x86_fp80)
declare i32 @llvm.smax.i32(i32, i32)

define internal double @unit_error(x86_fp80 %r, x86_fp80 %true, i32 %digits, i32 %smallest) {
  %difference = fsub x86_fp80 %r, %true
  %size = call x86_fp80 @fabsl(x86_fp80 %difference)
  %exponent = call i32 @ilogbl(x86_fp80 %true)
  %normal = call i32 @llvm.smax.i32(i32 %exponent, i32 %smallest)
  %unit = sub i32 %digits, %normal
  %scaled = call x86_fp80 @scalbnl(x86_fp80 %size, i32 %unit)
  %error = fptrunc x86_fp80 %scaled to double
  %number = fcmp olt double %error, 0x7FF0000000000000
  %rounded = fptrunc x86_fp80 %true to double
  %found = fptrunc x86_fp80 %r to double
  %same = fcmp oeq double %rounded, %found
  %no_number = fcmp uno double %rounded, %rounded
  %none_found = fcmp uno double %found, %found
  %both = and i1 %no_number, %none_found
  %fine = or i1 %same, %both
  %otherwise = select i1 %fine, double 0.0, double 0x7FF0000000000000
  %result = select i1 %number, double %error, double %otherwise
  ret double %result
}
"""

Measure = Callable[..., None]


def measures(arities: dict[str, int]) -> Callable[[str], Measure]:
    """For each function of the host's library, what measures results against it."""
    parts = [_COMMON]
    for name, arity in arities.items():
        parts.append(
            _ONE.format(
                name=name,
                declared=", ".join(["x86_fp80"] * arity),
                given=", ".join(["x86_fp80 %xl", "x86_fp80 %yl"][:arity]),
                digits=52,
                smallest=-1022,
            )
        )
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    compiler = llvm.create_lljit_compiler()
    builder = llvm.JITLibraryBuilder().add_ir("".join(parts)).add_current_process()
    for name in arities:
        builder.export_symbol(f"measure_{name}")
    library = builder.link(compiler, "long_double")
    prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5, ctypes.c_int64)

    def measure(name: str) -> Measure:
        function = prototype(library[f"measure_{name}"])
        function.library, function.compiler = library, compiler  # kept alive
        return function

    return measure
