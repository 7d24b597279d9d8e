"""Family names by language, for a classifier that reads their characters.

The names are those of Faker's locale providers (MIT licence). Faker is pinned in
requirements.txt, as its lists change from version to version. Nothing is downloaded.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Sequence
from importlib import import_module

import numpy as np

from unrolled.reviews import PARTS, part_of

LOCALES = {
    "Arabic": "ar_AA",
    "Armenian": "hy_AM",
    "Chinese": "zh_CN",
    "Croatian": "hr_HR",
    "Czech": "cs_CZ",
    "Dutch": "nl_NL",
    "English": "en_GB",
    "Estonian": "et_EE",
    "Finnish": "fi_FI",
    "French": "fr_FR",
    "Georgian": "ka_GE",
    "German": "de_DE",
    "Greek": "el_GR",
    "Hebrew": "he_IL",
    "Irish": "ga_IE",
    "Italian": "it_IT",
    "Russian": "ru_RU",
    "Slovak": "sk_SK",
    "Spanish": "es_ES",
    "Swedish": "sv_SE",
    "Ukrainian": "uk_UA",
    "Zulu": "zu_ZA",
}
OTHER_SCRIPTS = ("Arabic", "Armenian", "Chinese", "Georgian", "Greek", "Hebrew")
CYRILLIC = ("Russian", "Ukrainian")
LISTS = ("last_names", "last_names_male", "last_names_female", "last_names_est")


def family_names(most: int = 300) -> dict[str, list[str]]:
    """At most `most` names of each language of LOCALES, in an order without meaning.

    A name that two of the lists hold is left out, since nobody could say whose it is.
    """
    found = {language: _listed(code) for language, code in LOCALES.items()}
    lists = list(found.values())
    once = {n for names in lists for n in names if sum(n in x for x in lists) == 1}
    return {k: sorted(names & once, key=_shuffle)[:most] for k, names in found.items()}


def people(part: str, most: int = 300) -> tuple[list[str], np.ndarray]:
    """Names of one of PARTS, and the places of their languages in LOCALES, (B,).

    Names that begin with the same four characters are in the same part, so that no
    name is tested whose female form, or whose grandson, was in the training.
    """
    if part not in PARTS:
        raise ValueError(f"The parts are {', '.join(PARTS)}; {part!r} is none of them.")
    pairs = [
        (name, place)
        for place, names in enumerate(family_names(most).values())
        for name in names
        if part_of((name[:4].casefold(),)) == part
    ]
    return [name for name, _ in pairs], np.array([place for _, place in pairs])


def plain_names(languages: Sequence[str]) -> dict[str, list[str]]:
    """Names of 3 to 12 letters, a to z: without their accents, which would give many
    of them away, and without those that two of the languages then share."""
    listed = family_names(most=10_000)
    plain = {k: {_plain(n) for n in listed[k]} - {""} for k in languages}
    sets = list(plain.values())
    once = {n for names in sets for n in names if sum(n in x for x in sets) == 1}
    return {k: sorted(names & once) for k, names in plain.items()}


def held_apart(
    rng: np.random.Generator, names: Sequence[str], train: int, fresh: int
) -> tuple[list[str], list[str]]:
    """(`train`, `fresh`) drawn names; those that begin alike, by four letters, stay
    together."""
    families: dict[str, list[str]] = {}
    for name in rng.permutation(list(names)).tolist():
        families.setdefault(name[:4], []).append(name)
    mixed = [families[str(k)] for k in rng.permutation(sorted(families))]
    kept: list[str] = []
    while len(kept) < fresh and mixed:
        kept += mixed.pop()
    rest = [name for family in mixed for name in family]
    if len(kept) < fresh or len(rest) < train:
        raise ValueError(f"{len(names)} names are too few: take fewer of them.")
    return rest[:train], kept[:fresh]


def _plain(name: str) -> str:
    """In small letters and without accents; "" if that is no word of a to z."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    fits = bare.isascii() and bare.isalpha() and 3 <= len(bare) <= 12
    return bare if fits else ""


def _shuffle(name: str) -> int:
    return zlib.crc32(name.encode())


def _listed(code: str) -> set[str]:
    try:
        provider = import_module(f"faker.providers.person.{code}").Provider
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "The names by language need Faker: pip install Faker"
        ) from error
    # Estonian has a list of Russian names beside its own
    lists = [n for n in LISTS if n in vars(provider)]
    lists = ["last_names_est"] if "last_names_est" in lists else lists
    return {str(name) for n in lists for name in getattr(provider, n)}
