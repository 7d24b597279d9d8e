"""Reviews of a restaurant in which the order of the words decides.

    from unrolled.reviews import draw
    reviews = draw(np.random.default_rng(0), 2000)
    reviews[0].words, reviews[0].good, reviews[0].tags

The grammar was written for this course; no sentence and no list is taken from any data
set. Reviews come in pairs, one good and one bad. In the kinds of SAME_WORDS both have
*the same words*, each as often, in another order: whatever looks at the bag of words
alone is right about one of the two, and wrong about the other.

plain      the soup was really lovely                  | ... really dull
negated    i cannot say that the soup was not lovely   | ... not dull
contrast   the soup was dull but the bill was fair     | ... swapped
instead    the soup was lovely rather than dull        | ... swapped
distant    i would not call the soup which came late dull , i would call it lovely
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

ASPECTS = {
    "food": ["soup", "bread", "fish", "salad", "cake", "coffee", "rice", "pudding"],
    "service": ["waiter", "waitress", "cook", "host", "staff", "owner", "porter"],
    "room": ["table", "music", "terrace", "light", "view", "garden", "carpet"],
    "price": ["bill", "menu", "tip"],
}
GOOD = ["lovely", "good", "fine", "great", "charming", "splendid", "superb", "decent"]
BAD = ["dull", "bad", "poor", "awful", "rude", "dreadful", "terrible", "shabby"]
DEGREES = ["", "", "", "really", "quite", "truly", "so very", "really so very"]
ASIDES = [
    "which came after an hour",
    "which we knew from the day before",
    "that my friends had told me so much about",
    "for which we had come a long way",
    "that everybody was talking of on the evening of our visit",
]
CLAUSES = {  # by how many negations there are; {t} is a thing, {o} an opinion
    0: ("{t} was {o}", "i found {t} {o}", "for me {t} was {o}"),
    1: (
        "{t} was not {o}",
        "{t} was never {o}",
        "nobody would call {t} {o}",
        "{o} is not what i would call {t}",
    ),
    2: (
        "i cannot say that {t} was not {o}",
        "nobody would say that {t} was not {o}",
        "it is not true that {t} was never {o}",
    ),
}
CONTRASTS = ("{a} but {b}", "although {a} , {b}", "{b} , although {a}")  # {b} decides
INSTEAD = (  # {x} is said of it, {y} is denied
    "{t} was {x} rather than {y}",
    "{t} was {x} , not {y}",
    "{t} was not {y} but {x}",
)
DISTANT = (
    "i would not call {t} {y} , i would call it {x}",
    "i would call {t} {x} , i would not call it {y}",
    "nobody found {t} {y} , everybody found it {x}",
    "everybody found {t} {x} , nobody found it {y}",
)
KINDS = ("plain", "negated", "contrast", "instead", "distant")
SAME_WORDS = ("contrast", "instead", "distant")
PARTS = ("training", "validation", "test")
TAGS = ("O", "B-THING", "I-THING", "B-PRAISE", "I-PRAISE", "B-BLAME", "I-BLAME")
Tagged = tuple[tuple[str, str], ...]  # words with their tags


@dataclass(frozen=True)
class Review:
    """What somebody wrote, and what is known about it.

    words       what stands there, in lower case, a comma is a word
    good        1 if it is a good review, 0 if it is a bad one
    kind        one of KINDS; of `complaints`, "sure" or "either"
    tags        one a word: the thing, the opinion about it (praise or blame, *after*
                all negations), each with B at its first word and I inside
    complaints  (food, service, room, price): 1 where there is a complaint
    """

    words: tuple[str, ...]
    good: int
    kind: str
    tags: tuple[str, ...]
    complaints: tuple[int, ...] = (0, 0, 0, 0)


def part_of(words: Sequence[str]) -> str:
    """The one of PARTS to which these words belong, in whatever order they are.

    So no review of the test has the words of one of the training.
    """
    tenth = zlib.crc32(" ".join(sorted(words)).encode()) % 10
    return PARTS[0] if tenth < 6 else PARTS[1] if tenth < 8 else PARTS[2]


def draw(
    rng: np.random.Generator,
    count: int,
    part: str = "training",
    kinds: Sequence[str] = KINDS,
) -> list[Review]:
    """`count` reviews of a part, an even number: a good one, then its bad twin, and so
    on. The kinds take turns."""
    if part not in PARTS or count % 2 or not set(kinds) <= set(KINDS):
        raise ValueError(f"An even count, a part of {PARTS} and kinds of {KINDS}.")
    found: list[Review] = []
    while len(found) < count:
        kind = kinds[len(found) // 2 % len(kinds)]
        twins = [_review(text, 1 - n, kind) for n, text in enumerate(MAKERS[kind](rng))]
        if all(part_of(twin.words) == part for twin in twins):
            found += twins
    return found


def draw_complaints(
    rng: np.random.Generator, count: int, part: str = "training"
) -> list[Review]:
    """`count` reviews of several things at once, with their `complaints`.

    Half of them ("either") end by saying that one of two things was bad, and do not
    say which: exactly one of the two is a complaint, at random.
    """
    found: list[Review] = []
    while len(found) < count:
        review = _complaints(rng, ("sure", "either")[len(found) % 2])
        if part_of(review.words) == part:
            found.append(review)
    return found


# ------------------------------------------------------------------ the grammar


def _pick(rng: np.random.Generator, items: Sequence[str]) -> str:
    """One of them; the first are more frequent, as in any language."""
    return items[int(len(items) * rng.random() ** 1.5)]


def _any(rng: np.random.Generator, items: Sequence[str]) -> str:
    return items[int(rng.integers(len(items)))]


def _span(words: Sequence[str], name: str) -> Tagged:
    return tuple((w, ("I-" if n else "B-") + name) for n, w in enumerate(words))


def _thing(rng: np.random.Generator, aspect: str = "", aside: float = 0.15) -> Tagged:
    noun = _pick(rng, ASPECTS[aspect or _pick(rng, list(ASPECTS))])
    found = _span(("the", noun), "THING")
    if rng.random() < aside:
        found += _fill(_any(rng, ASIDES), {})
    return found


def _said(rng: np.random.Generator) -> tuple[str, int]:
    """How an opinion is worded: a degree, and the place of an adjective."""
    return _any(rng, DEGREES), GOOD.index(_pick(rng, GOOD))


def _opinion(said: tuple[str, int], lovely: bool, praise: bool) -> Tagged:
    degree, place = said
    words = [*degree.split(), (GOOD if lovely else BAD)[place]]
    return _span(words, "PRAISE" if praise else "BLAME")


def _fill(form: str, parts: dict[str, Tagged]) -> Tagged:
    found: Tagged = ()
    for word in form.split():
        found += parts[word[1]] if word[0] == "{" else ((word, "O"),)
    return found


def _clause(rng: np.random.Generator, negations: int) -> Callable[[bool], Tagged]:
    """A clause that praises or blames, with the same words but for the adjective."""
    form, thing, said = _any(rng, CLAUSES[negations]), _thing(rng), _said(rng)

    def worded(praise: bool) -> Tagged:
        lovely = praise == (negations % 2 == 0)
        return _fill(form, {"t": thing, "o": _opinion(said, lovely, praise)})

    return worded


def _one_clause(rng: np.random.Generator, negations: int) -> tuple[Tagged, Tagged]:
    worded = _clause(rng, negations)
    return worded(True), worded(False)


def _contrast(rng: np.random.Generator) -> tuple[Tagged, Tagged]:
    first, second = (_clause(rng, int(rng.choice(3, p=(0.5, 0.3, 0.2)))) for _ in "ab")
    praise, blame, form = first(True), second(False), _any(rng, CONTRASTS)
    good = _fill(form, {"a": blame, "b": praise})
    return good, _fill(form, {"a": praise, "b": blame})


def _instead(rng: np.random.Generator, forms: Sequence[str], aside: float):
    form, thing = _any(rng, forms), _thing(rng, aside=aside)
    one, other = _said(rng), _said(rng)

    def worded(praise: bool) -> Tagged:
        lovely, dull = (_opinion((one, other)[n], not n, praise) for n in (0, 1))
        x, y = (lovely, dull) if praise else (dull, lovely)
        return _fill(form, {"t": thing, "x": x, "y": y})

    return worded(True), worded(False)


MAKERS: dict[str, Callable[[np.random.Generator], tuple[Tagged, Tagged]]] = {
    "plain": lambda rng: _one_clause(rng, 0),
    "negated": lambda rng: _one_clause(rng, int(rng.integers(1, 3))),
    "contrast": _contrast,
    "instead": lambda rng: _instead(rng, INSTEAD, 0.15),
    "distant": lambda rng: _instead(rng, DISTANT, 0.8),
}


def _review(text: Tagged, good: int, kind: str, complaints=(0, 0, 0, 0)) -> Review:
    words, tags = zip(*text, strict=True)
    return Review(words, good, kind, tags, complaints)


def _complaints(rng: np.random.Generator, kind: str) -> Review:
    names = list(ASPECTS)
    order = [names[n] for n in rng.choice(4, 4, replace=False, p=(0.4, 0.3, 0.2, 0.1))]
    said, bad = [], set()
    for aspect in order[: int(rng.integers(1, 3))]:
        praise, negations = bool(rng.random() < 0.6), int(rng.integers(2))
        opinion = _opinion(_said(rng), praise == (negations == 0), praise)
        thing = _thing(rng, aspect, aside=0.0)
        said.append(_fill(_any(rng, CLAUSES[negations]), {"t": thing, "o": opinion}))
        bad |= set() if praise else {aspect}
    if kind == "either":
        pair = order[-2:]
        things = {k: _thing(rng, n, 0.0) for k, n in zip("ab", pair, strict=True)}
        blame = {"o": _opinion(_said(rng), lovely=False, praise=False)}
        said.append(_fill("either {a} or {b} was {o}", {**things, **blame}))
        bad.add(_any(rng, pair))
    text = said[0] + tuple(w for s in said[1:] for w in (("and", "O"), *s))
    labels = tuple(int(name in bad) for name in names)
    return _review(text, int(not bad), kind, labels)
