from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from unrolled.corpus import in_blocks, reference_text, without_repeats
from unrolled.ngrams import KneserNey, _discounts

rng = np.random.default_rng(3)
V = 5
TEXT = rng.choice(V - 1, size=400, p=[0.5, 0.3, 0.15, 0.05])


def written_out(text, order):
    """p(symbol, context) by counting in dictionaries, from the formula."""
    starts = range(len(text) - order + 1)
    tables = {order: Counter(tuple(text[i : i + order]) for i in starts)}
    for n in range(order - 1, 0, -1):
        tables[n] = Counter(gram[1:] for gram in tables[n + 1])
    taken = {n: _discounts(np.array([*t.values()])) for n, t in tables.items()}

    def p(v, context):
        shorter = p(v, context[1:]) if context else 1 / V
        n = len(context) + 1
        after = {g[-1]: c for g, c in tables[n].items() if g[:-1] == context}
        if not after:
            return shorter
        off = {w: taken[n][min(c, 3)] for w, c in after.items()}
        total = sum(after.values())
        own = after.get(v, 0) - off.get(v, 0)
        return own / total + sum(off.values()) / total * shorter

    return p


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_it_is_the_formula_written_out(order):
    held = rng.integers(V, size=60)
    p, text = written_out(TEXT.tolist(), order), held.tolist()
    want = [
        p(text[t], tuple(text[t - order + 1 : t])) for t in range(order - 1, len(text))
    ]
    got = KneserNey(TEXT, V, order).probabilities(held)
    assert np.allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("order", [1, 3, 5])
def test_the_probabilities_of_all_symbols_sum_to_one(order, scale):
    model = KneserNey(TEXT, V, order, scale)
    for before in (TEXT[:10], np.full(9, V - 1), rng.integers(V, size=8)):
        probs = model.next_symbols(before)
        assert probs.sum() == pytest.approx(1, abs=1e-12)
        assert probs.min() > 0


def test_a_symbol_counts_by_how_many_contexts_it_has_not_by_how_often_it_came():
    """Kneser and Ney's point: "Francisco" is frequent, but after one word only."""
    san, francisco, *others = range(6)
    text = [san, francisco] * 40
    for k, w in enumerate(others * 6):
        text += [w, others[(k + 1) % 4]]
    probs = KneserNey(np.array(text), 7, 2).next_symbols(np.array([0, 6]))
    assert text.count(francisco) > 2 * text.count(others[0])
    assert probs[francisco] < min(probs[w] for w in others)


def test_an_order_without_a_key_is_refused():
    with pytest.raises(ValueError, match="An order of 12 over 90 symbols"):
        KneserNey(TEXT, 90, 12)


# --------------------------------------------------------------------- the corpus


def test_a_paragraph_that_was_there_before_is_left_out():
    text = "one\n\ntwo\n   lines\n\none\n\ntwo\nlines\n\nthree"
    assert without_repeats(text) == "one\n\ntwo\n   lines\n\nthree"


def test_the_manual_repeats_itself_and_without_repeats_hardly():
    """Sixty characters of a held-out block that stand in the other blocks as well."""

    def known(text):
        learn, _, held = in_blocks(text)
        seen = {learn[i : i + 60] for i in range(len(learn) - 60)}
        places = range(0, len(held) - 60, 11)
        return sum(held[i : i + 60] in seen for i in places) / len(places)

    whole = reference_text()
    assert known(whole) > 0.1
    assert known(without_repeats(whole)) < 0.06


def test_blocks_are_contiguous_and_nothing_is_in_two_of_them():
    text = "".join(map(chr, range(1000, 3000)))
    learn, valid, test = in_blocks(text)
    assert sorted(learn + valid + test) == list(text)
    assert len(valid) == len(test) == len(text) // 10
    for part, blocks in ((valid, 2), (test, 2)):
        breaks = sum(ord(b) - ord(a) != 1 for a, b in pairwise(part))
        assert breaks == blocks - 1
