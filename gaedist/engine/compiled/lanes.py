"""Some numbers side by side, as a type of compiled code: what fits in one or two registers of the processor.

Loops over them need no vectoriser: numbers may stay in registers from one round to the next, which LLVM's
vectoriser of innermost loops cannot do, and there is no remainder, as rows have TILE numbers, a multiple of
LANES. The functions of `arithmetic` take lanes as they take numbers.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import config
from numba.core import types
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable


def _has_long_registers() -> bool:
    """Return whether Numba compiles for AVX-512."""
    features = config.CPU_FEATURES
    return "+avx512f" in (get_host_cpu_features() if features is None else features).split(",")


LANES = 16 if _has_long_registers() else 4
"""How many numbers: two of 32 registers with AVX-512, so that few instructions wait; one of 16 with AVX2."""

_ALIGNMENT = 8  # of a double: rows of a part of the scratch need not begin on a cache line


class LanesType(types.Type):
    """Numba's type of LANES doubles, or of as many 64-bit integers."""

    def __init__(self, number: types.Type, llvm: Any) -> None:
        super().__init__(name=f"lanes of {number}")
        self.number = number
        self.vector = ir.VectorType(llvm, LANES)


DOUBLES = LanesType(types.float64, ir.DoubleType())
INTEGERS = LanesType(types.int64, ir.IntType(64))


@register_model(LanesType)
class _Model(models.PrimitiveModel):
    """Say that LLVM has a type for them."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, kind.vector)


def _address(context: Any, builder: Any, kinds: Any, args: Any) -> Any:
    """Return the address of args[0][args[1]]."""
    array = context.make_array(kinds[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), DOUBLES.vector.as_pointer())


@intrinsic
def load(_context: Any, array: Any, index: Any) -> Any:
    """Return the numbers of a flat array from an index on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_address(context, builder, signature.args, args), align=_ALIGNMENT)

    return DOUBLES(array, types.uint64), generate


@intrinsic
def store(_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Write numbers into a flat array from an index on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _address(context, builder, signature.args, args), align=_ALIGNMENT)
        return context.get_dummy_value()

    return types.void(array, types.uint64, DOUBLES), generate


@intrinsic
def at(_context: Any, k: Any) -> Any:
    """Return the flat index of the k-th lanes of an array, unsigned so that no sign is checked."""

    def generate(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.mul(args[0], ir.IntType(64)(LANES))

    return types.uint64(types.int64), generate


def _spread(builder: Any, kind: Any, number: Any) -> Any:
    none = ir.Constant(kind.vector, ir.Undefined)
    first = builder.insert_element(none, number, ir.IntType(32)(0))
    return builder.shuffle_vector(first, none, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


@intrinsic
def spread(_context: Any, number: Any) -> Any:
    """Return the same number in every lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _spread(builder, DOUBLES, args[0])

    return DOUBLES(types.float64), generate


def _limit(worse: str) -> Callable[..., Any]:
    """Return the typing of an intrinsic of x and a limit, and its code: the limit where x is worse."""

    def typing(x: Any, limit: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            value, bound = args
            if x is DOUBLES and limit is not DOUBLES:
                bound = _spread(builder, DOUBLES, bound)
            return builder.select(builder.fcmp_ordered(worse, value, bound), bound, value)

        return (x(x, limit if limit is x else types.float64)), generate

    return typing


_at_least, _at_most = _limit("<"), _limit(">")


@intrinsic
def at_least(_context: Any, x: Any, limit: Any) -> Any:
    """Return the larger of a number, or of each lane, and a limit; NaN stays NaN."""
    return _at_least(x, limit)


@intrinsic
def at_most(_context: Any, x: Any, limit: Any) -> Any:
    """Return the smaller of a number, or of each lane, and a limit; NaN stays NaN."""
    return _at_most(x, limit)


def _register(function: Callable[..., Any], kind: LanesType, instruction: str) -> None:
    """Let an operator of two of this type, or of one and a number, be an instruction of LLVM."""

    @type_callable(function)
    def _(_context: Any) -> Callable[..., Any]:
        def of_two(a: Any, b: Any) -> Any:
            if kind not in (a, b) or {a, b} & {DOUBLES, INTEGERS} != {kind}:
                return None
            return kind(*(kind if each is kind else kind.number for each in (a, b)))

        return of_two

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        both = (
            value if each is kind else _spread(builder, kind, value)
            for value, each in zip(args, signature.args, strict=True)
        )
        return getattr(builder, instruction)(*both)

    for pair in ((kind, kind), (kind, kind.number), (kind.number, kind)):
        lower_builtin(function, *pair)(generate)


for _row in (
    (operator.add, DOUBLES, "fadd"),
    (operator.sub, DOUBLES, "fsub"),
    (operator.mul, DOUBLES, "fmul"),
    (operator.truediv, DOUBLES, "fdiv"),
    (operator.add, INTEGERS, "add"),
    (operator.sub, INTEGERS, "sub"),
    (operator.lshift, INTEGERS, "shl"),
    (operator.rshift, INTEGERS, "ashr"),
):
    _register(*_row)
