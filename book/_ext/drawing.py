"""Matplotlib's SVG made small: the same picture of fewer bytes and fewer elements.

Matplotlib writes a millionth of a point, absolute places, a group around everything
and an element for each dot of a cloud. A screen shows a tenth of a point.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from itertools import groupby
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"
ET.register_namespace("", SVG.strip("{}"))

EVERYWHERE = "*{stroke-linejoin: round; stroke-linecap: butt}"  # the page's, too
REFERENCE = re.compile(r'(?:href="#|url\(#)([^")]+)')
TOKEN = re.compile(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")
TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "Q": 4, "C": 6, "Z": 0}
LONG = re.compile(r"(\d\.\d\d)\d+")
MANY = 8  # points: what has more is a curve, and no frame that meets another
CLOUD = 30  # dots that are worth one path
LAYERS = 6  # dots of one layer do not add up where they overlap, layers do


def thin(svg: str) -> str:
    root = ET.fromstring(svg)
    kept = set(REFERENCE.findall(svg))
    _clean(root, kept)
    shapes = {item.get("id"): item for item in root.iter(f"{SVG}path")}
    for group in list(root.iter()):
        _merge_groups(group)
        _merge_dots(group, shapes)
    for path in root.iter(f"{SVG}path"):
        glyph = path.get("transform", "").startswith("scale(0.0")
        path.set("d", compact(path.get("d", ""), 0 if glyph else None))
    return ET.tostring(root, "unicode")


def _clean(parent: Element, kept: set[str]) -> None:
    children: list[Element] = []
    for child in parent:
        _clean(child, kept)
        tag = child.tag.removeprefix(SVG)
        if tag == "style" and (child.text or "").strip() == EVERYWHERE:
            continue
        if tag == "path" and child.get("style") == "fill: none" and not child.get("id"):
            continue  # the ground of a transparent figure
        if child.get("id") not in kept:
            child.attrib.pop("id", None)
        _shorten(child)
        if tag in ("g", "defs") and not len(child):
            continue
        children += list(child) if tag == "g" and not child.attrib else [child]
        if tag not in ("text", "tspan", "style"):
            child.text = None
        child.tail = None
    parent[:] = children
    if parent.tag == f"{SVG}svg":
        parent.text = None
        parent.set("stroke-linejoin", "round")


def _shorten(element: Element) -> None:
    if XLINK in element.attrib:
        element.set("href", element.attrib.pop(XLINK))
    for name in ("x", "y", "width", "height", "transform"):
        if name in element.attrib and "scale(0.0" not in element.attrib[name]:
            element.set(name, LONG.sub(r"\1", element.attrib[name]))
    if style := element.get("style"):
        element.set("style", re.sub(r"\s*([;:])\s*", r"\1", style).strip(";"))


def _merge_groups(parent: Element) -> None:
    """Neighbours that are clipped by the same frame, and nothing else, are one."""
    merged: list[Element] = []
    for child in parent:
        before = merged[-1] if merged else None
        if before is not None and _clips(child) and _clips(before) == _clips(child):
            before.extend(list(child))
        else:
            merged.append(child)
    parent[:] = merged


def _clips(element: Element) -> str:
    """The frame of a group that does nothing but clip."""
    only = element.tag == f"{SVG}g" and set(element.attrib) == {"clip-path"}
    return element.attrib["clip-path"] if only else ""


def _merge_dots(parent: Element, shapes: dict[str | None, Element]) -> None:
    """A cloud of round dots is a few paths of points with round ends."""
    children: list[Element] = []
    around = parent.get("style", "")
    for dots, run in groupby(parent, lambda child: bool(_dot(child, around, shapes))):
        cloud = list(run)
        looks: dict[str, list[Element]] = {}
        for dot in cloud if dots else ():
            looks.setdefault(_dot(dot, around, shapes), []).append(dot)
        if len(cloud) < max(CLOUD, 2 * LAYERS * len(looks)) or not dots:
            children += cloud
        else:
            children += _clouds(looks)
    parent[:] = children


def _clouds(looks: dict[str, list[Element]]) -> Iterator[Element]:
    """Layers take turns, so that no colour covers all others."""
    for layer in range(LAYERS):
        for look, dots in looks.items():
            points = (f"M{d.get('x')} {d.get('y')}h" for d in dots[layer::LAYERS])
            yield Element(f"{SVG}path", d="".join(points), style=look)


def _dot(dot: Element, around: str, shapes: dict[str | None, Element]) -> str:
    """The look of a line's round end that looks like this marker, if it is round."""
    if dot.tag != f"{SVG}use" or set(dot.attrib) - {"style"} != {"href", "x", "y"}:
        return ""
    shape = shapes.get(dot.attrib["href"].removeprefix("#"))
    numbers = _round(shape.get("d", "")) if shape is not None else []
    style = dot.get("style", around)
    given = dict(part.split(":", 1) for part in style.split(";") if ":" in part)
    fill, stroke = given.get("fill", "#000000"), given.get("stroke", "none")
    if given.get("stroke-opacity") == "0":
        stroke = "none"
    if not numbers or fill == "none" or stroke not in ("none", fill):
        return ""
    edge = 0.0 if stroke == "none" else float(given.get("stroke-width", 1))
    share = given.get("opacity") or given.get("fill-opacity") or "1"
    return (
        f"fill:none;stroke:{fill};stroke-width:{2 * max(numbers) + edge:.4g};"
        f"stroke-linecap:round;stroke-opacity:{float(share):.3g}"
    )


@functools.cache
def _round(shape: str) -> list[float]:
    """The numbers of a circle's path, or none."""
    numbers = [float(token) for token in TOKEN.findall(shape) if not token.isalpha()]
    return numbers if shape.count("C") == 8 and -min(numbers) == max(numbers) else []


# Paths

Step = tuple[str, list[float]]


def compact(d: str, digits: int | None = None) -> str:
    """The same path in steps from place to place, on a grid."""
    steps = list(_steps(d))
    if any(command not in TAKES for command, _ in steps):
        return d
    if digits is None:
        digits = 1 if len(steps) > MANY else 2
    return _written(_relative(steps, 10**digits), digits)


def _steps(d: str) -> Iterator[Step]:
    tokens = TOKEN.findall(d.replace("z", "Z"))
    at = 0
    while at < len(tokens):
        command = tokens[at]
        # a cloud's dot is a line of no length: "h" and no number
        count = 0 if command == "h" else TAKES.get(command)
        if count is None:
            yield "?", []
            return
        numbers = tokens[at + 1 : at + 1 + count]
        if len(numbers) < count or any(number.isalpha() for number in numbers):
            yield "?", []
            return
        yield ("H0" if command == "h" else command), [float(n) for n in numbers]
        at += 1 + count


TAKES["H0"] = 0


def _relative(steps: list[Step], grid: int) -> Iterator[tuple[str, list[int]]]:
    """Each step from where the last one ended; what leads straight on is one step."""
    x = y = start_x = start_y = 0
    line: list[int] | None = None
    for command, numbers in steps:
        places = [round(number * grid) for number in numbers]
        if command == "H":
            command, places = "L", [places[0], y]
        elif command == "V":
            command, places = "L", [x, places[0]]
        if command == "L":
            step = [places[0] - x, places[1] - y]
            x, y = places
            if line and _straight(line, step):
                line = [line[0] + step[0], line[1] + step[1]]
            else:
                if line:
                    yield "l", line
                line = step
            continue
        if line:
            yield "l", line
            line = None
        if command == "M":
            yield "m", [places[0] - x, places[1] - y]
            start_x, start_y = x, y = places[0], places[1]
        elif command == "Z":
            yield "z", []
            x, y = start_x, start_y
        elif command == "H0":
            yield "h", [0]
        else:
            pairs = zip(places[::2], places[1::2], strict=True)
            moved = [(one - x, other - y) for one, other in pairs]
            yield command.lower(), [number for pair in moved for number in pair]
            x, y = places[-2:]
    if line:
        yield "l", line


def _straight(line: list[int], step: list[int]) -> bool:
    if step == [0, 0]:
        return True
    across = line[0] * step[1] - line[1] * step[0]
    along = line[0] * step[0] + line[1] * step[1]
    return across == 0 and along > 0


def _written(steps: Iterator[tuple[str, list[int]]], digits: int) -> str:
    parts: list[str] = []
    last = ""
    for command, numbers in steps:
        if command == "l" and 0 in numbers:
            level = numbers[1] == 0
            command, numbers = ("h", numbers[:1]) if level else ("v", numbers[1:])
        words = " ".join(_number(number, digits) for number in numbers)
        lead = " " if command == last and command not in "mz" else command
        parts.append(f"{lead}{words}".replace(" -", "-"))
        last = command
    return "".join(parts)


def _number(number: int, digits: int) -> str:
    if not digits:
        return str(number)
    text = f"{number / 10**digits:.{digits}f}".rstrip("0").rstrip(".")
    text = re.sub(r"^(-?)0\.", r"\1.", text)
    return text if text not in ("", "-0", "-") else "0"
