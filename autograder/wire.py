"""What may cross the sandbox's border, and how: typed, bounded, without behaviour.

None, bool, int (64 bits), float, str, NumPy arrays and scalars of the kinds b i u f,
lists, and dicts with str keys. A tuple arrives as a list. Nothing here can name a
class or run code: there is no pickle and no eval, and a decoder that meets a byte it
does not know raises `WireError`, whatever the bytes.

The receiver sets the bounds. An array's dtype, shape and size are compared with them
and with the bytes that are really there before one byte is copied.

    frame = length (4 bytes, big endian) + value
    value = tag (1 byte) + body            numbers in a body are little endian
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

HEAD = 4
MAX_NDIM = 8
DTYPES = tuple(
    np.dtype(f"<{kind}{size}")
    for kind, sizes in (("b", "1"), ("i", "1248"), ("u", "1248"), ("f", "248"))
    for size in sizes
)
_CODES = {dtype: code for code, dtype in enumerate(DTYPES)}


class WireError(ValueError):
    """A value that may not cross, or bytes that are no value."""


@dataclass(frozen=True)
class Bounds:
    """The most that one frame may hold."""

    depth: int = 8  # a value of six levels, inside an answer, inside its frame
    nodes: int = 20_000
    text: int = 10_000  # characters in one str
    size: int = 32 << 20  # bytes in all


BOUNDS = Bounds()


def encode(value: Any, bounds: Bounds = BOUNDS) -> bytes:
    """`value` as bytes; WireError names the first thing that may not cross."""
    writer = _Writer(bounds)
    writer.value(value, 0)
    return b"".join(writer.parts)


def decode(data: bytes | bytearray | memoryview, bounds: Bounds = BOUNDS) -> Any:
    """The one value that `data` holds; WireError for everything else."""
    if len(data) > bounds.size:
        raise WireError(f"{len(data)} bytes, at most {bounds.size} are allowed")
    reader = _Reader(memoryview(data), bounds)
    value = reader.value(0)
    if reader.at != len(data):
        raise WireError(f"{len(data) - reader.at} bytes follow the value")
    return value


def frame(value: Any, bounds: Bounds = BOUNDS) -> bytes:
    """`value` with its length in front, ready to be sent."""
    body = encode(value, bounds)
    return struct.pack(">I", len(body)) + body


def length(head: bytes | bytearray, bounds: Bounds = BOUNDS) -> int:
    """How many bytes follow a frame's head, if that many are allowed."""
    (size,) = struct.unpack(">I", head)
    if size > bounds.size:
        raise WireError(f"a frame of {size} bytes, at most {bounds.size} are allowed")
    return size


def send(sock: socket.socket, value: Any, bounds: Bounds = BOUNDS) -> None:
    """Send one frame and wait until it is sent; for the sandbox's side."""
    sock.sendall(frame(value, bounds))


def receive(sock: socket.socket, bounds: Bounds = BOUNDS) -> Any:
    """Wait for one frame; EOFError when the other side is gone."""
    return decode(_exactly(sock, length(_exactly(sock, HEAD), bounds)), bounds)


def _exactly(sock: socket.socket, count: int) -> bytearray:
    data = bytearray()
    while len(data) < count:
        part = sock.recv(min(count - len(data), 1 << 20))
        if not part:
            raise EOFError("the other side closed the channel")
        data += part
    return data


class _Writer:
    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.parts: list[bytes] = []
        self.nodes = 0
        self.size = 0

    def put(self, part: bytes) -> None:
        self.size += len(part)
        if self.size > self.bounds.size:
            raise WireError(f"more than {self.bounds.size} bytes")
        self.parts.append(part)

    def value(self, value: Any, depth: int) -> None:
        self.nodes += 1
        if self.nodes > self.bounds.nodes:
            raise WireError(f"more than {self.bounds.nodes} items")
        if value is None:
            self.put(b"N")
        elif isinstance(value, (np.ndarray, np.generic)):  # before float: np.float64
            self.array(value)
        elif isinstance(value, bool):
            self.put(b"T" if value else b"F")
        elif isinstance(value, int):
            self.integer(value)
        elif isinstance(value, float):
            self.put(b"f" + struct.pack("<d", value))
        elif isinstance(value, str):
            self.text(b"s", value)
        else:
            self.container(value, depth)

    def integer(self, value: int) -> None:
        if not -(1 << 63) <= value < 1 << 63:
            raise WireError("an int of more than 64 bits")
        self.put(b"i" + struct.pack("<q", value))

    def text(self, tag: bytes, value: str) -> None:
        if len(value) > self.bounds.text:
            raise WireError(f"a text of {len(value)} characters")
        body = value.encode("utf-8", "replace")  # half a surrogate pair becomes "?"
        self.put(tag + struct.pack("<I", len(body)) + body)

    def array(self, value: np.ndarray | np.generic) -> None:
        array = np.asarray(value)
        code = _CODES.get(array.dtype.newbyteorder("<"))
        if code is None:
            raise WireError(f"an array of dtype {array.dtype}")
        if array.ndim > MAX_NDIM:
            raise WireError(f"an array of {array.ndim} axes")
        if array.nbytes > self.bounds.size:
            raise WireError(f"an array of {array.nbytes} bytes")
        tag = b"g" if isinstance(value, np.generic) else b"a"
        head = struct.pack(f"<BB{array.ndim}I", code, array.ndim, *array.shape)
        self.put(tag + head)
        self.put(array.astype(DTYPES[code], copy=False).tobytes())

    def container(self, value: Any, depth: int) -> None:
        if not isinstance(value, (list, tuple, dict)):
            raise WireError(f"a {type(value).__name__}")
        if depth >= self.bounds.depth:
            raise WireError(f"more than {self.bounds.depth} levels of nesting")
        if isinstance(value, dict):
            self.put(b"d" + struct.pack("<I", len(value)))
            for key, item in value.items():
                if not isinstance(key, str):
                    raise WireError(f"a dict with a key of type {type(key).__name__}")
                self.text(b"", key)
                self.value(item, depth + 1)
        else:
            self.put(b"l" + struct.pack("<I", len(value)))
            for item in value:
                self.value(item, depth + 1)


class _Reader:
    def __init__(self, data: memoryview, bounds: Bounds) -> None:
        self.data = data
        self.bounds = bounds
        self.at = 0
        self.nodes = 0

    def skip(self, count: int) -> int:
        """Where the next `count` bytes begin, which are there."""
        at, self.at = self.at, self.at + count
        if self.at > len(self.data):
            raise WireError("the value is cut short")
        return at

    def value(self, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > self.bounds.nodes:
            raise WireError(f"more than {self.bounds.nodes} items")
        tag = self.data[self.skip(1)]
        if tag == _ARRAY:
            return self.array()
        if tag in _SINGLE:
            return _SINGLE[tag]
        if tag == _INT:
            return _INT64(self.data, self.skip(8))[0]
        if tag == _FLOAT:
            return _FLOAT64(self.data, self.skip(8))[0]
        if tag == _TEXT:
            return self.text()
        if tag in (_LIST, _DICT):
            return self.container(tag, depth)
        if tag == _SCALAR:
            return self.scalar(self.array())
        raise WireError(f"an unknown tag {bytes([tag])!r}")

    def text(self) -> str:
        count = _COUNT(self.data, self.skip(4))[0]
        if count > 4 * self.bounds.text:
            raise WireError(f"a text of {count} bytes")
        at = self.skip(count)
        try:
            text = str(self.data[at : at + count], "utf-8")
        except UnicodeDecodeError:
            raise WireError("a text that is not UTF-8") from None
        if len(text) > self.bounds.text:
            raise WireError(f"a text of {len(text)} characters")
        return text

    def array(self) -> np.ndarray:
        at = self.skip(2)
        code, ndim = self.data[at], self.data[at + 1]
        if code >= len(DTYPES) or ndim > MAX_NDIM:
            raise WireError(f"an array of dtype number {code} and {ndim} axes")
        shape = _SHAPES[ndim](self.data, self.skip(4 * ndim))
        dtype = DTYPES[code]
        # An empty array may still have an axis too long for NumPy: count it as 1.
        size = least = dtype.itemsize
        for side in shape:
            size, least = size * side, least * (side or 1)
        if least > self.bounds.size:
            raise WireError(f"an array of shape {shape}")
        at = self.skip(size)
        body = self.data[at : self.at]
        if dtype.kind == "b" and np.frombuffer(body, np.uint8).max(initial=0) > 1:
            raise WireError("a bool that is neither 0 nor 1")
        return np.ndarray(shape, dtype, body).copy()

    def scalar(self, array: np.ndarray) -> Any:
        if array.ndim:
            raise WireError(f"a scalar of {array.ndim} axes")
        return array[()]

    def container(self, tag: int, depth: int) -> list | dict:
        if depth >= self.bounds.depth:
            raise WireError(f"more than {self.bounds.depth} levels of nesting")
        count = _COUNT(self.data, self.skip(4))[0]
        if tag == _LIST:
            return [self.value(depth + 1) for _ in range(count)]
        found: dict[str, Any] = {}
        for _ in range(count):
            key = self.text()
            if key in found:
                raise WireError("a dict with the same key twice")
            found[key] = self.value(depth + 1)
        return found


_ARRAY, _SCALAR, _INT, _FLOAT, _TEXT, _LIST, _DICT = b"agifsld"
_SINGLE: dict[int, Any] = dict(zip(b"NTF", (None, True, False), strict=True))
_COUNT, _INT64, _FLOAT64 = (struct.Struct(f).unpack_from for f in ("<I", "<q", "<d"))
_SHAPES = [struct.Struct(f"<{n}I").unpack_from for n in range(MAX_NDIM + 1)]
