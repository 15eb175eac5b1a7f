"""What a source annotates limits what is learned from it and scored on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.anatomy.annotation import WORDS, class_groups, parse_annotated, report_groups

# classes of spine6: background, body, posterior, disc, canal, sacrum


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("body", (0, 1, 0, 0, 0, 0)),
        ("disc", (0, 0, 0, 1, 0, 0)),
        ("vertebra", (0, 1, 1, 0, 0, 0)),
        ("vertebra disc canal", (0, 1, 1, 2, 3, 0)),
        ("body disc canal posterior", (0, 1, 2, 3, 4, 0)),
        ("canal sacrum", (0, 0, 0, 0, 1, 2)),
        ("body posterior disc canal sacrum", (0, 1, 2, 3, 4, 5)),
    ],
)
def test_classes_of_spine6_fold_into_what_is_known(words: str, expected: tuple[int, ...]) -> None:
    assert class_groups(parse_annotated(words)) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("vertebra disc canal", (0, 1, 2, 3)),
        ("body posterior", (0, 1, 0, 0)),
        ("body canal", (0, 0, 0, 1)),  # a body alone says nothing of the whole vertebra
    ],
)
def test_classes_of_semantic4_fold_into_what_is_known(
    words: str, expected: tuple[int, ...]
) -> None:
    assert class_groups(parse_annotated(words), num_classes=4) == expected


def test_binary_target_needs_the_whole_vertebra() -> None:
    assert class_groups(frozenset({"vertebra"}), num_classes=2) == (0, 1)
    assert class_groups(frozenset({"disc"}), num_classes=2) == (0, 0)


def test_number_of_classes_without_a_target_is_refused() -> None:
    with pytest.raises(ValueError, match=r"num_classes must be one of \[2, 4, 6\], got 5"):
        class_groups(frozenset({"disc"}), num_classes=5)


@given(annotated=st.frozensets(st.sampled_from(sorted(WORDS))), count=st.sampled_from([2, 4, 6]))
def test_groups_are_contiguous_in_order_of_class(annotated: frozenset[str], count: int) -> None:
    groups = class_groups(annotated, num_classes=count)
    assert len(groups) == count
    assert groups[0] == 0
    assert list(dict.fromkeys(groups)) == list(range(max(groups) + 1))


def test_both_parts_together_allow_scoring_the_vertebra() -> None:
    assert report_groups(frozenset({"body", "posterior"})) == ("vertebra", "body", "posterior")
    assert report_groups(frozenset({"body", "disc"})) == ("body", "disc")
    assert report_groups(frozenset({"vertebra", "canal"})) == ("vertebra", "canal")


def test_words_are_read_whatever_their_case_and_separator() -> None:
    assert parse_annotated(" Body, disc;CANAL ") == frozenset({"body", "disc", "canal"})


@pytest.mark.parametrize(("text", "got"), [("bodies disc", "bodies"), ("", "nothing")])
def test_unknown_or_no_word_is_refused(text: str, got: str) -> None:
    with pytest.raises(ValueError, match=f"body, canal, disc, posterior, .* got {got}"):
        parse_annotated(text)


@pytest.mark.parametrize("text", ["vertebra body", "vertebra posterior"])
def test_whole_and_split_vertebra_together_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="got both; write 'body posterior'"):
        parse_annotated(text)
