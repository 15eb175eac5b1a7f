"""Label schemes translate every code both ways and refuse what they do not know."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.anatomy.label_schemes import COUNTED, SCHEMES, convert, get_scheme
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tool_schemes import TOOL_SCHEMES

#: Schemes of other tools, which list what they mean in a test of their own.
TOOLS = {scheme.name for scheme in TOOL_SCHEMES}
NAMES = sorted(SCHEMES.keys() - TOOLS)
#: Two SPIDER codes of one meaning: a vertebra, whole or partly visible.
PARTIAL = set(range(101, 110))


def codes_of(name: str) -> torch.Tensor:
    return torch.tensor(sorted(SCHEMES[name].codes))


def test_the_registry_holds_the_schemes_of_the_design() -> None:
    assert NAMES == [
        "binary_vertebra",
        "em_clusters",
        "parts",
        "pseudo",
        "roadmap12",
        "seed14",
        "semantic4",
        "spider",
        "spine6",
    ]


@pytest.mark.parametrize("name", [n for n in NAMES if n != "em_clusters"])
def test_encoding_undoes_decoding(name: str) -> None:
    codes = torch.tensor([c for c in codes_of(name).tolist() if c not in PARTIAL])
    decoded = get_scheme(name).decode(codes)
    assert get_scheme(name).encode(*decoded).tolist() == codes.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_decoding_gives_codes_of_structures_and_counts_only_what_is_counted(name: str) -> None:
    structure, instance = get_scheme(name).decode(codes_of(name))
    assert structure.dtype == instance.dtype == torch.uint8
    for s, i in zip(structure.tolist(), instance.tolist(), strict=True):
        assert i == 0 or Structure(s) in COUNTED


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("spider", "em_clusters")])
def test_codes_of_training_schemes_are_contiguous(name: str) -> None:
    scheme = get_scheme(name)
    assert codes_of(name).tolist() == list(range(scheme.num_classes))
    assert len(scheme.class_names) == scheme.num_classes
    assert scheme.class_names[0] == "background"


@pytest.mark.parametrize(
    ("name", "count"),
    [("semantic4", 4), ("spine6", 6), ("roadmap12", 12), ("seed14", 14), ("binary_vertebra", 2)],
)
def test_scheme_has_the_classes_its_name_promises(name: str, count: int) -> None:
    assert get_scheme(name).num_classes == count


def test_spine6_is_the_internal_code() -> None:
    structure, _ = get_scheme("spine6").decode(torch.arange(6))
    assert structure.tolist() == list(range(6))


def test_clusters_tell_their_structure_and_fit_one_byte() -> None:
    structure, _ = get_scheme("em_clusters").decode(torch.tensor([0, 9, 20, 22, 60, 179]))
    body, disc = int(Structure.VERTEBRAL_BODY), int(Structure.DISC)
    assert structure.tolist() == [0, 0, body, body, disc, int(Structure.ENDPLATE)]
    assert int(codes_of("em_clusters").max()) <= 255


def test_spider_codes_mean_what_the_data_set_says() -> None:
    codes = torch.tensor([0, 1, 9, 100, 101, 125, 201, 209])
    structure, instance = get_scheme("spider").decode(codes)
    vertebra, disc = int(Structure.VERTEBRA), int(Structure.DISC)
    assert structure.tolist() == [0, vertebra, vertebra, 4, vertebra, vertebra, disc, disc]
    assert instance.tolist() == [0, 1, 9, 0, 1, 25, 1, 9]


def test_partly_visible_vertebra_becomes_a_whole_one_of_the_same_count() -> None:
    assert convert(torch.tensor([103]), source="spider", target="spider").tolist() == [3]


@pytest.mark.parametrize("code", [10, 25, 99, 126, 200, 210, 225, 255, -1])
def test_unknown_code_is_refused_by_name(code: int) -> None:
    with pytest.raises(ValueError, match=rf"\(0-9, 100-125, 201-209\), got {code};"):
        get_scheme("spider").decode(torch.tensor([[0, code], [1, 201]]))


def test_all_unknown_codes_are_listed() -> None:
    with pytest.raises(ValueError, match="got 7, 8, 42"):
        get_scheme("parts").decode(torch.tensor([42, 0, 8, 1, 7, 7]))


def test_float_codes_are_refused() -> None:
    with pytest.raises(TypeError, match=r"integer dtype, got torch\.float32; round it first"):
        get_scheme("parts").decode(torch.tensor([1.0]))


def test_seed14_counts_upward_and_folds_higher_vertebrae_into_its_topmost() -> None:
    codes = torch.tensor([0, 1, 5, 6, 7, 9, 201, 205, 206, 207, 100])
    expected = [0, 1, 5, 6, 6, 6, 7, 11, 12, 12, 13]
    assert convert(codes, source="spider", target="seed14").tolist() == expected


def test_roadmap12_counts_downward_and_drops_what_lies_above_l1() -> None:
    codes = torch.tensor([0, 1, 5, 6, 9, 201, 205, 206, 100])
    expected = [0, 5, 1, 0, 0, 10, 6, 0, 11]
    assert convert(codes, source="spider", target="roadmap12").tolist() == expected


def test_levels_are_named_from_the_lowest_vertebra() -> None:
    assert get_scheme("roadmap12").class_names[1:6] == ("L1", "L2", "L3", "L4", "L5")
    discs = ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")
    assert get_scheme("roadmap12").class_names[6:11] == discs
    assert get_scheme("seed14").class_names[6:13:6] == ("T12", "T12-L1")


def test_finer_structures_fold_into_coarser_ones() -> None:
    structure = torch.arange(int(Structure.UNKNOWN))
    # order of Structure: background, body, posterior, disc, canal, sacrum, vertebra, cord, endplate
    assert get_scheme("semantic4").encode(structure).tolist() == [0, 1, 1, 2, 3, 0, 1, 3, 1]
    assert get_scheme("binary_vertebra").encode(structure).tolist() == [0, 1, 1, 0, 0, 0, 1, 0, 1]
    split = structure[structure != Structure.VERTEBRA]
    assert get_scheme("spine6").encode(split).tolist() == [0, 1, 2, 3, 4, 5, 4, 1]
    assert get_scheme("parts").encode(split).tolist() == [0, 1, 4, 2, 3, 0, 5, 6]


@pytest.mark.parametrize("name", ["spine6", "parts"])
def test_whole_vertebra_is_refused_where_it_must_be_split(name: str) -> None:
    structure = torch.tensor([0, int(Structure.VERTEBRA)])
    with pytest.raises(ValueError, match=r"splits vertebrae .* use 'semantic4' or 'spider'"):
        get_scheme(name).encode(structure)


@pytest.mark.parametrize("name", ["spider", "roadmap12", "seed14"])
def test_missing_instances_are_refused_with_the_remedy(name: str) -> None:
    structure = torch.tensor([0, int(Structure.VERTEBRA)])
    with pytest.raises(ValueError, match=r"for VERTEBRA, got 0; pass instance= with upward counts"):
        get_scheme(name).encode(structure)


def test_instance_beyond_the_scheme_is_refused_not_wrapped() -> None:
    structure = torch.tensor([int(Structure.DISC)])
    with pytest.raises(ValueError, match="needs instances 1-9 for DISC"):
        get_scheme("spider").encode(structure, torch.tensor([10]))
    with pytest.raises(ValueError, match="needs instances 1-25 for VERTEBRA"):
        get_scheme("spider").encode(torch.tensor([int(Structure.VERTEBRA)]), torch.tensor([200]))


def test_instances_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape of structure \(2,\), got \(1,\)"):
        get_scheme("spider").encode(torch.tensor([0, 6]), torch.tensor([1]))


def test_structure_code_beyond_the_enum_is_refused() -> None:
    with pytest.raises(ValueError, match="structure must hold codes 0-9, got 10"):
        get_scheme("semantic4").encode(torch.tensor([10]))


@pytest.mark.parametrize("name", [n for n in NAMES if n != "pseudo"])
def test_what_is_unknown_becomes_no_background(name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot say what is unknown.* use 'pseudo'"):
        get_scheme(name).encode(torch.tensor([0, int(Structure.UNKNOWN)]))


def test_pseudo_labels_have_the_internal_codes_and_the_unknown() -> None:
    codes = torch.tensor([int(member) for member in Structure])
    assert get_scheme("pseudo").decode(codes).structure.tolist() == codes.tolist()
    assert get_scheme("pseudo").codes[9].structure is Structure.UNKNOWN


def test_unknown_scheme_lists_the_valid_names() -> None:
    with pytest.raises(ValueError, match=r"binary_vertebra, em_clusters, parts, .* got 'spyder'"):
        get_scheme("spyder")


@given(codes=st.lists(st.sampled_from(sorted(SCHEMES["spider"].codes)), min_size=1, max_size=40))
def test_converting_in_two_steps_equals_one(codes: list[int]) -> None:
    tensor = torch.tensor(codes)
    once = convert(tensor, source="spider", target="binary_vertebra")
    between = convert(tensor, source="spider", target="semantic4")
    assert torch.equal(once, convert(between, source="semantic4", target="binary_vertebra"))


@given(shape=st.lists(st.integers(0, 4), min_size=0, max_size=4))
def test_shape_is_kept_even_when_empty(shape: list[int]) -> None:
    structure, instance = get_scheme("spider").decode(torch.full(shape, 201))
    assert structure.shape == instance.shape == torch.Size(shape)
    assert get_scheme("spider").encode(structure, instance).shape == torch.Size(shape)


def test_input_is_not_modified() -> None:
    codes = torch.tensor([0, 3, 100, 203])
    convert(codes, source="spider", target="seed14")
    assert codes.tolist() == [0, 3, 100, 203]
