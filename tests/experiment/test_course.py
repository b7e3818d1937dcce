"""Every item of the course belongs to one chapter."""

import pytest

from jaxdl.experiment import CHAPTERS, ITEMS, chapter_of, item_level


def test_every_item_has_a_chapter():
    assert [chapter.number for chapter in CHAPTERS] == ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6"]
    assert [chapter_of(item).number for item in (1, 14, 15, 33, 60, 61, 110)] == [
        "1.1",
        "1.1",
        "1.2",
        "1.3",
        "1.4",
        "1.5",
        "1.6",
    ]
    assert {item for chapter in CHAPTERS for item in range(chapter.first, chapter.last + 1)} == set(range(1, 111))


def test_the_items_have_different_titles_in_the_order_of_the_course():
    assert [item.number for chapter in CHAPTERS for item in chapter.items] == [*range(1, 111)]
    assert len({item.title for item in ITEMS}) == 110
    assert max(len(item.title) for item in ITEMS) <= 60
    assert sum(item.is_testable for item in ITEMS) == 105


@pytest.mark.parametrize("item", [0, 111])
def test_an_item_outside_the_course_raises(item):
    with pytest.raises(ValueError, match=f"item must be from 1 to 110, got {item}"):
        chapter_of(item)


def test_the_items_of_a_chapter_share_a_significance_level():
    for chapter in CHAPTERS:
        items = range(chapter.first, chapter.last + 1)
        assert sum(map(item_level, items)) == pytest.approx(0.05)


def test_a_name_in_place_of_an_item_raises(unchecked):
    with pytest.raises(TypeError, match="item must be an integer, got 'dropout'"):
        unchecked(chapter_of)("dropout")
