"""The errors of many results at once, against the host's library with 64 digits instead of 53.

Its functions of ``long double`` are within a few units of their own last place, which is 2**-11 of
an f64's: few enough to see an error of a hundredth of one.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import llvmlite.binding as llvm

UNCERTAINTY = 0.02
"""How far, in units in the last place of an f64, a measured error may be from the true one."""

_COMMON = """
declare i32 @ilogbl(x86_fp80)
declare x86_fp80 @scalbnl(x86_fp80, i32)
declare x86_fp80 @llvm.fabs.f80(x86_fp80)
declare i32 @llvm.smax.i32(i32, i32)

define internal double @unit_error(x86_fp80 %found, x86_fp80 %true, i32 %digits, i32 %smallest) {
  %difference = fsub x86_fp80 %found, %true
  %size = call x86_fp80 @llvm.fabs.f80(x86_fp80 %difference)
  %exponent = call i32 @ilogbl(x86_fp80 %true)
  %normal = call i32 @llvm.smax.i32(i32 %exponent, i32 %smallest)
  %last = sub i32 %digits, %normal
  %places = sub i32 %last, 1
  %scaled = call x86_fp80 @scalbnl(x86_fp80 %size, i32 %places)
  %error = fptrunc x86_fp80 %scaled to double
  %is_number = fcmp ord double %error, %error
  %is_finite = fcmp one double %error, 0x7FF0000000000000
  %measured = and i1 %is_number, %is_finite
  ; Both infinite, or both no numbers: right. One of them: wrong.
  %narrow = fptrunc x86_fp80 %true to float
  %wide = fptrunc x86_fp80 %true to double
  %narrow_again = fpext float %narrow to x86_fp80
  %wide_again = fpext double %wide to x86_fp80
  %is_narrow = icmp eq i32 %digits, 24
  %rounded = select i1 %is_narrow, x86_fp80 %narrow_again, x86_fp80 %wide_again
  %same = fcmp oeq x86_fp80 %found, %rounded
  %none_found = fcmp uno x86_fp80 %found, %found
  %none_true = fcmp uno x86_fp80 %true, %true
  %neither = and i1 %none_found, %none_true
  %right = or i1 %same, %neither
  %otherwise = select i1 %right, double 0.0, double 0x7FF0000000000000
  %result = select i1 %measured, double %error, double %otherwise
  ret double %result
}
"""
_ONE = """
declare x86_fp80 @{name}l({types})
define double @measure_{name}(ptr %xs, ptr %ys, ptr %founds, i64 %n, i32 %digits, i32 %smallest,
                              ptr %where) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %worst = phi double [ 0.0, %entry ], [ %kept, %loop ]
  %at = phi i64 [ 0, %entry ], [ %kept_at, %loop ]
  %x_place = getelementptr double, ptr %xs, i64 %i
  %y_place = getelementptr double, ptr %ys, i64 %i
  %found_place = getelementptr double, ptr %founds, i64 %i
  %x_narrow = load double, ptr %x_place
  %y_narrow = load double, ptr %y_place
  %found_narrow = load double, ptr %found_place
  %x = fpext double %x_narrow to x86_fp80
  %y = fpext double %y_narrow to x86_fp80
  %found = fpext double %found_narrow to x86_fp80
  %true = call x86_fp80 @{name}l({values})
  %error = call double @unit_error(x86_fp80 %found, x86_fp80 %true, i32 %digits, i32 %smallest)
  %more = fcmp ogt double %error, %worst
  %kept = select i1 %more, double %error, double %worst
  %kept_at = select i1 %more, i64 %i, i64 %at
  %next = add i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %out, label %loop
out:
  store i64 %kept_at, ptr %where
  ret double %kept
}}
"""


@dataclass(frozen=True)
class Worst:
    """The largest error of a set of results, and where it was."""

    error: float
    index: int


class LongDouble:
    """The host's library; ``functions`` has the number of arguments of each that is used."""

    def __init__(self, functions: dict[str, int]) -> None:
        text = _COMMON
        for name, count in functions.items():
            types = ", ".join(["x86_fp80"] * count)
            values = ", ".join(["x86_fp80 %x", "x86_fp80 %y"][:count])
            text += _ONE.format(name=name, types=types, values=values)
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self._compiler = llvm.create_lljit_compiler()
        builder = llvm.JITLibraryBuilder().add_ir(text).add_current_process()
        for name in functions:
            builder.export_symbol(f"measure_{name}")
        self._library = builder.link(self._compiler, "long_double")

    def worst(
        self,
        name: str,
        columns: Iterable[array[float]],
        found: array[float],
        format: tuple[int, int],
    ) -> Worst:
        """The worst of the results ``found`` for arguments in ``columns``, one or two of them."""
        xs, ys = (*columns, found)[:2]
        prototype = ctypes.CFUNCTYPE(
            ctypes.c_double,
            *[ctypes.c_void_p] * 3,
            ctypes.c_int64,
            *[ctypes.c_int32] * 2,
            ctypes.c_void_p,
        )
        where = ctypes.c_int64()
        measure = prototype(self._library[f"measure_{name}"])
        addresses = [column.buffer_info()[0] for column in (xs, ys, found)]
        error = measure(*addresses, len(found), *format, ctypes.addressof(where))
        return Worst(error, where.value)
