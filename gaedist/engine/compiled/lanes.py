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
from numba.core.cgutils import get_or_insert_function
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable


def _has_long_registers() -> bool:
    """Return whether Numba compiles for AVX-512."""
    features = config.CPU_FEATURES
    return "+avx512f" in (get_host_cpu_features() if features is None else features).split(",")


LANES = 16 if _has_long_registers() else 4
"""How many numbers: two of 32 registers with AVX-512, so that few instructions wait; one of 16 with AVX2."""

FEWER_LANES = 8 if _has_long_registers() else 4
"""How many there are in one register, for what would not fit in the first-level cache twice."""

_ALIGNMENT = 8  # of a double: rows of a part of the scratch need not begin on a cache line


class LanesType(types.Type):
    """Numba's type of so many doubles, or of as many 64-bit integers."""

    def __init__(self, count: int, number: types.Type, llvm: Any) -> None:
        super().__init__(name=f"{count} lanes of {number}")
        self.count, self.number = count, number
        self.vector = ir.VectorType(llvm, count)


_DOUBLES = {count: LanesType(count, types.float64, ir.DoubleType()) for count in (LANES, FEWER_LANES)}
_INTEGERS = {count: LanesType(count, types.int64, ir.IntType(64)) for count in _DOUBLES}
DOUBLES = _DOUBLES[LANES]


def integers_of(kind: LanesType) -> LanesType:
    """Return the type of as many integers."""
    return _INTEGERS[kind.count]


def doubles_of(kind: LanesType) -> LanesType:
    """Return the type of as many doubles."""
    return _DOUBLES[kind.count]


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


def _spread(builder: Any, kind: Any, number: Any) -> Any:
    none = ir.Constant(kind.vector, ir.Undefined)
    first = builder.insert_element(none, number, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(first, none, zeros)


@intrinsic
def spread(_context: Any, number: Any) -> Any:
    """Return the same number in every one of LANES lanes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _spread(builder, DOUBLES, args[0])

    return DOUBLES(types.float64), generate


@intrinsic
def spread_like(_context: Any, number: Any, lanes: Any) -> Any:
    """Return the same number in as many lanes as there are in others."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _spread(builder, lanes, args[0])

    return lanes(types.float64, lanes), generate


class LanedType(types.Type):
    """Numba's type of a part of an array as a sequence of lanes, which does not keep the array."""

    def __init__(self, lanes: LanesType) -> None:
        super().__init__(name=f"sequence of {lanes.name}")
        self.lanes = lanes


_LANED = {count: LanedType(lanes) for count, lanes in _DOUBLES.items()}


@register_model(LanedType)
class _LanedModel(models.PrimitiveModel):
    """Say that it is an address."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, kind.lanes.vector.as_pointer())


def _side_by_side(kind: Any) -> int:
    """Return how many pairs of an integrand, given as Numba's type, are side by side."""
    return FEWER_LANES if getattr(kind.instance_class, "fewer_lanes", False) else LANES


@intrinsic
def lanes_of(_context: Any, kind: Any) -> Any:
    """Return how many pairs of an integrand are side by side: FEWER_LANES if it says so, else LANES."""
    count = ir.IntType(64)(_side_by_side(kind))
    return types.int64(kind), lambda _target, _builder, _signature, _args: count


@intrinsic
def in_lanes(_context: Any, kind: Any, array: Any, start: Any) -> Any:
    """Return the numbers of a flat array from ``start`` on, as many together as are side by side."""
    found = _LANED[_side_by_side(kind)]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[1])(context, builder, args[1]).data
        return builder.bitcast(builder.gep(data, [args[2]]), found.lanes.vector.as_pointer())

    return found(kind, array, types.uint64), generate


@type_callable(operator.getitem)
def _type_of_lanes(_context: Any) -> Callable[..., Any]:
    def of_sequence(sequence: Any, k: Any) -> Any:
        return sequence.lanes(sequence, types.int64) if isinstance(sequence, LanedType) else None

    return of_sequence


@lower_builtin(operator.getitem, LanedType, types.Integer)
def _load_lanes(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    return builder.load(builder.gep(args[0], [args[1]]), align=_ALIGNMENT)


@type_callable(operator.setitem)
def _type_of_storing(_context: Any) -> Callable[..., Any]:
    def of_sequence(sequence: Any, k: Any, value: Any) -> Any:
        if not isinstance(sequence, LanedType):
            return None
        return types.void(sequence, types.int64, sequence.lanes)

    return of_sequence


@lower_builtin(operator.setitem, LanedType, types.Integer, LanesType)
def _store_lanes(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    builder.store(args[2], builder.gep(args[0], [args[1]]), align=_ALIGNMENT)
    return context.get_dummy_value()


def _limit(worse: str) -> Callable[..., Any]:
    """Return the typing of an intrinsic of x and a limit, and its code: the limit where x is worse."""

    def typing(x: Any, limit: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            value, bound = args
            if isinstance(x, LanesType) and limit is not x:
                bound = _spread(builder, x, bound)
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


@intrinsic
def highest(_context: Any, lanes: Any) -> Any:
    """Return the largest number of all lanes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.DoubleType(), [lanes.vector])
        name = f"llvm.vector.reduce.fmax.v{lanes.count}f64"
        return builder.call(get_or_insert_function(builder.module, kind, name), args)

    return types.float64(lanes), generate


def _register(function: Callable[..., Any], kind: LanesType, instruction: str) -> None:
    """Let an operator of two of this type, or of one and a number, be an instruction of LLVM."""

    @type_callable(function)
    def _(_context: Any) -> Callable[..., Any]:
        def of_two(a: Any, b: Any) -> Any:
            if {each for each in (a, b) if isinstance(each, LanesType)} != {kind}:
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


for _function, _kinds, _instruction in (
    (operator.add, _DOUBLES, "fadd"),
    (operator.sub, _DOUBLES, "fsub"),
    (operator.mul, _DOUBLES, "fmul"),
    (operator.truediv, _DOUBLES, "fdiv"),
    (operator.add, _INTEGERS, "add"),
    (operator.sub, _INTEGERS, "sub"),
    (operator.lshift, _INTEGERS, "shl"),
    (operator.rshift, _INTEGERS, "ashr"),
):
    for _kind in _kinds.values():
        _register(_function, _kind, _instruction)
