from unrolled.corpus import reference_text


def test_the_text_is_long_plain_and_about_python():
    text = reference_text()
    assert 300_000 < len(text) < 700_000
    assert text.isascii()
    assert "statement" in text


def test_it_is_the_same_each_time():
    assert reference_text() == reference_text()
