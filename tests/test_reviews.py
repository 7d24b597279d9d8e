"""The grammar of reviews: pairs with the same words, and nothing shared by parts."""

from collections import Counter

import numpy as np
import pytest

from unrolled import people, reviews
from unrolled.reviews import PARTS, SAME_WORDS, TAGS, draw, draw_complaints, part_of
from unrolled.words import UNKNOWN, Vocabulary

DRAWN = {part: draw(np.random.default_rng(3), 500, part) for part in PARTS}


def pairs(part="training"):
    return zip(DRAWN[part][::2], DRAWN[part][1::2], strict=True)


def test_a_good_review_is_followed_by_its_bad_twin():
    assert {(a.good, b.good) for a, b in pairs()} == {(1, 0)}
    assert all(a.kind == b.kind for a, b in pairs())


def test_twins_have_the_same_words_in_another_order():
    for a, b in pairs():
        same = Counter(a.words) == Counter(b.words)
        assert same == (a.kind in SAME_WORDS)
        assert a.words != b.words


def test_no_bag_of_words_is_in_two_parts():
    bags = [{tuple(sorted(r.words)) for r in drawn} for drawn in DRAWN.values()]
    assert not bags[0] & bags[1]
    assert not bags[0] & bags[2]
    assert not bags[1] & bags[2]
    assert part_of(("a", "b")) == part_of(("b", "a"))


def test_every_word_has_a_tag_and_no_span_begins_inside():
    for review in DRAWN["training"]:
        assert len(review.tags) == len(review.words)
        assert set(review.tags) <= set(TAGS)
        for before, tag in zip(("O", *review.tags), review.tags, strict=False):
            if tag.startswith("I-"):
                assert before[2:] == tag[2:]


def test_the_label_follows_from_the_words_by_a_second_reading():
    """Negations counted in each part of a review, without the grammar's own code."""
    negations = {"not", "never", "nobody", "cannot"}

    def value(words):
        flips = sum(word in negations for word in words)
        (opinion,) = [w for w in words if w in reviews.GOOD + reviews.BAD]
        return (opinion in reviews.GOOD) == (flips % 2 == 0)

    for review in DRAWN["test"]:
        words = list(review.words)
        if review.kind in ("plain", "negated"):
            assert value(words) == review.good, words
        if review.kind == "contrast" and "but" in words:
            assert value(words[words.index("but") + 1 :]) == review.good
            assert value(words[: words.index("but")]) != review.good


def test_praise_and_blame_are_what_is_meant_and_not_what_is_written():
    for review in DRAWN["test"]:
        meant = {tag[2:] for tag in review.tags} - {"", "THING"}
        assert review.kind == "contrast" or len(meant) == 1
        if review.kind != "contrast":
            assert meant == {"PRAISE" if review.good else "BLAME"}


def test_a_draw_is_repeated_by_its_seed():
    again = draw(np.random.default_rng(3), 500)
    assert again == DRAWN["training"]


@pytest.mark.parametrize("wrong", [{"count": 3}, {"part": "all"}, {"kinds": ["irony"]}])
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(ValueError, match="even count"):
        draw(np.random.default_rng(0), **{"count": 4, **wrong})


def test_either_names_two_and_one_of_them_is_a_complaint():
    drawn = draw_complaints(np.random.default_rng(5), 600)
    halves = []
    for review in drawn:
        assert review.kind == ("either" if "either" in review.words else "sure")
        nouns = review.words[-6:]
        if review.kind == "either":
            start = len(review.words) - 1 - review.words[::-1].index("either")
            nouns = review.words[start + 1 : start + 6]
            places = [
                n
                for n, names in enumerate(reviews.ASPECTS.values())
                if set(names) & set(nouns)
            ]
            assert sum(review.complaints[n] for n in places) == 1
            halves.append(review.complaints[places[0]])
    assert 0.4 < np.mean(halves) < 0.6


# ------------------------------------------------------------------ words


def test_a_vocabulary_knows_its_own_training_texts_and_says_what_it_does_not_know():
    known = Vocabulary([("the", "soup"), ("the", "bill")], least=2)
    assert known.words == ["<padding>", "<unknown>", "the"]
    assert known.ids(("the", "soup", "quail")).tolist() == [2, UNKNOWN, UNKNOWN]
    assert len(Vocabulary(r.words for r in DRAWN["training"])) < 120


# ------------------------------------------------------------------ people

NAMES = {part: people.people(part, 100) for part in PARTS}


def test_no_name_and_no_beginning_is_in_two_parts():
    starts = [{name[:4].casefold() for name in names} for names, _ in NAMES.values()]
    assert not starts[0] & starts[1]
    assert not starts[0] & starts[2]
    assert not starts[1] & starts[2]


def test_every_language_has_names_in_every_part():
    for names, places in NAMES.values():
        assert len(names) == len(places)
        assert np.bincount(places, minlength=len(people.LOCALES)).min() >= 10


def test_a_name_of_two_languages_is_left_out():
    every = [n for names in people.family_names(10_000).values() for n in names]
    assert len(every) == len(set(every))


def test_a_part_that_is_none_is_refused():
    with pytest.raises(ValueError, match="'all' is none"):
        people.people("all")
