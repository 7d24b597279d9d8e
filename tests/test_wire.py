"""Only plain values cross the border, and only as many bytes as were agreed."""

import contextlib
import random
import struct
import tracemalloc

import numpy as np
import pytest

from autograder import wire
from autograder.wire import Bounds, WireError


def there_and_back(value):
    return wire.decode(wire.encode(value))


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -(2**63), 2**63 - 1, 1.5, float("inf"), "", "häß\n", []],
)
def test_a_plain_value_comes_back_as_itself(value):
    back = there_and_back(value)
    assert type(back) is type(value)
    assert back == value


def test_nested_lists_and_dicts_come_back_and_tuples_as_lists():
    value = {"a": [1, {"b": (2.0, None)}], "": {}}
    assert there_and_back(value) == {"a": [1, {"b": [2.0, None]}], "": {}}


@pytest.mark.parametrize("dtype", wire.DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3), (2, 0, 3), (1,) * 8])
def test_an_array_keeps_dtype_shape_and_bytes(dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    back = there_and_back(array)
    assert (back.dtype, back.shape) == (dtype, shape)
    assert back.tobytes() == array.tobytes()
    assert all(back.flags[name] for name in ("WRITEABLE", "OWNDATA", "ALIGNED"))


def test_strided_reversed_and_big_endian_arrays_arrive_in_order():
    array = np.arange(24.0).reshape(2, 3, 4)
    for view in (array.T, array[:, ::-1], array.astype(">f8"), array[..., ::2]):
        np.testing.assert_array_equal(there_and_back(view), view)


def test_a_numpy_scalar_stays_a_numpy_scalar():
    assert type(there_and_back(np.float32(1.5))) is np.float32
    assert type(there_and_back(np.float64(1.5))) is np.float64
    assert type(there_and_back(np.bool_(True))) is np.bool_


@pytest.mark.parametrize(
    "value",
    [
        1j,
        b"bytes",
        {1},
        object(),
        len,
        {1: 2},
        2**63,
        np.array([1j]),
        np.array([None]),
        np.array(["text"]),
        np.zeros(2, "M8[s]"),
        np.zeros(2, [("a", "f8")]),
        np.zeros((1,) * 9),
        "x" * 10_001,
        [None] * 20_001,
        np.zeros(5 << 20),
    ],
    ids=lambda v: type(v).__name__,
)
def test_what_may_not_cross_is_refused_by_the_sender(value):
    with pytest.raises(WireError):
        wire.encode(value)


def test_nesting_is_bounded_on_both_sides():
    value = []
    for _ in range(8):
        value = [value]
    with pytest.raises(WireError, match="levels"):
        wire.encode(value)
    with pytest.raises(WireError, match="levels"):
        wire.decode(wire.encode(value, Bounds(depth=99)))
    with pytest.raises(WireError, match="levels"):
        wire.decode(b"l\x01\x00\x00\x00" * 100_000 + b"N")


def test_the_receiver_counts_items_texts_and_bytes_itself():
    wide = Bounds(nodes=10**6, text=10**6)
    with pytest.raises(WireError, match="items"):
        wire.decode(wire.encode([None] * 20_001, wide))
    with pytest.raises(WireError, match="characters"):
        wire.decode(wire.encode("é" * 10_001, wide))
    with pytest.raises(WireError, match="bytes"):
        wire.decode(wire.encode("x" * 50_000, wide))
    with pytest.raises(WireError, match="at most"):
        wire.decode(bytes(101), Bounds(size=100))


def array_bytes(code, shape, body=b""):
    return b"a" + struct.pack(f"<BB{len(shape)}I", code, len(shape), *shape) + body


@pytest.mark.parametrize(
    "data",
    [
        array_bytes(11, (2**31, 2**31)),
        array_bytes(11, (0, 2**31, 2**31)),
        array_bytes(11, (2**22,)),
        array_bytes(11, (3,), bytes(16)),
        array_bytes(12, (1,), bytes(8)),
        array_bytes(11, (1,) * 9, bytes(8)),
        array_bytes(0, (2,), b"\x00\x02"),
        array_bytes(11, (1,), bytes(8)) + b"N",
        b"g" + array_bytes(11, (1,), bytes(8))[1:],
    ],
    ids=lambda data: data[:12].hex(),
)
def test_an_array_that_lies_about_itself_is_refused(data):
    with pytest.raises(WireError):
        wire.decode(data)


def test_a_claimed_size_reserves_no_memory():
    tracemalloc.start()
    for data in (array_bytes(11, (2**22,)), b"l\xff\xff\xff\xff", b"s\xff\xff\xff\xff"):
        with pytest.raises(WireError):
            wire.decode(data)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [b"", b"s\x02\x00\x00\x00\xff\xfe", b"s\x03\x00\x00\x00\xed\xa0\x80", b"\x80\x04K"],
    ids=["empty", "invalid", "surrogate", "pickle"],
)
def test_bytes_that_are_no_value_are_refused(data):
    with pytest.raises(WireError):
        wire.decode(data)


def test_half_a_surrogate_pair_is_sent_as_a_question_mark():
    assert there_and_back("a\ud800b") == "a?b"


def test_the_same_key_twice_is_refused():
    one = wire.encode({"a": 1})[5:]
    with pytest.raises(WireError, match="twice"):
        wire.decode(b"d\x02\x00\x00\x00" + one + one)


def test_a_frame_longer_than_allowed_is_refused_by_its_head():
    assert wire.length(wire.frame([1, 2])[:4]) == len(wire.encode([1, 2]))
    with pytest.raises(WireError, match="frame"):
        wire.length(b"\xff\xff\xff\xff")


def test_no_damaged_message_does_more_than_raise_wire_error():
    rng = random.Random(7)
    whole = wire.encode(
        {"status": "ok", "value": [np.arange(6.0).reshape(2, 3), 1, None, np.int8(3)]}
    )
    for _ in range(20_000):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        cut = rng.choice([len(data), rng.randrange(len(data) + 1)])
        with contextlib.suppress(WireError):
            wire.decode(data[:cut])


def test_no_random_bytes_do_more_than_raise_wire_error():
    rng = random.Random(8)
    for _ in range(20_000):
        data = rng.choice(b"NTFifsagld").to_bytes(1, "big") + rng.randbytes(40)
        with contextlib.suppress(WireError):
            wire.decode(data)
