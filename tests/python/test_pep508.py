"""Our implementation of PEP 440 and PEP 508, compared with ``packaging``."""

import itertools
import pathlib
import sys

import packaging.markers
import packaging.requirements
import packaging.specifiers
import packaging.version
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import pep440, pep508

RELEASES = ["0", "1", "1.0", "1.0.0", "1.1", "1.10", "2.2.1", "1!1.0"]
SUFFIXES = [
    "",
    "a1",
    ".b2",
    "-rc3",
    ".post1",
    "-2",
    ".dev0",
    "a1.dev2",
    "rc1.post2",
    ".post1.dev3",
    "+cpu",
    "+cu12.1",
    ".post1+1",
]
VERSIONS = [
    release + suffix for release, suffix in itertools.product(RELEASES, SUFFIXES)
]
ODD = [
    "v1.0",
    "1.0ALPHA",
    "1.0-alpha-1",
    "1.0.preview2",
    "1.0c1",
    "1.0rev3",
    "1.0.r4",
    "01.02",
    "1.0_post",
    "1.0+Ubuntu_1",
]
NO_VERSIONS = [
    "",
    "one",
    "1.",
    ".1",
    "1.0+",
    "1.0.x",
    "1..0",
    "1.0post1a1",
    "1.0 2.0",
    "1.0+a!b",
    "٣.1",
]
OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "~=", "==="]


def test_versions_satisfy_the_same_specifiers_as_in_packaging() -> None:
    operands = [
        *VERSIONS,
        *ODD,
        *(f"{release}.*" for release in RELEASES),
        "1.0a1.*",
        "1.*.0",
        *NO_VERSIONS,
    ]
    compared = 0
    for operator, operand in itertools.product(OPERATORS, operands):
        text = operator + operand
        try:
            expected = packaging.specifiers.Specifier(text)
        except packaging.specifiers.InvalidSpecifier:
            with pytest.raises(pep440.InvalidVersion):
                pep440.Specifier(text)
            continue
        try:
            ours = pep440.Specifier(text)
        except pep440.InvalidVersion:
            # The installer decides.
            assert operator == "===", text
            continue
        for version in (
            VERSIONS
            if operator != "==="
            else map(str, map(packaging.version.Version, VERSIONS))
        ):
            assert ours.contains(version) is expected.contains(
                version, prereleases=True
            ), f"{version} {text}"
            compared += 1
    assert compared > 50_000


@pytest.mark.parametrize("text", NO_VERSIONS)
def test_an_invalid_version_is_refused(text: str) -> None:
    with pytest.raises(pep440.InvalidVersion):
        pep440.Version(text)


def test_a_version_of_many_digits_is_left_to_the_installer() -> None:
    with pytest.raises(pep508.InvalidRequirement):
        pep508.Requirement("fox==" + "9" * 5000)


MARKERS = [
    "python_version >= '3.8'",
    "python_version < '3.10'",
    "'3.8' <= python_version",
    "python_version == '3.*'",
    "python_version in '3.8, 3.9'",
    "python_version not in '2.7'",
    "python_full_version > '3.8.1'",
    "sys_platform == 'linux'",
    "sys.platform != 'win32'",
    "os.name=='posix'",
    "platform_system == 'Linux' and platform_machine != 'riscv'",
    "implementation_name == 'cpython' or platform_python_implementation == 'PyPy'",
    "implementation_version >= '3.7'",
    "(sys_platform == 'win32' or python_version > '3') and os_name == 'posix'",
    "sys_platform == 'win32' or python_version > '3' and os_name == 'java'",
    "((python_version>'3'))",
    'extra == "good"',
    "extra == 'Go_od'",
    "extra != 'good' and python_version > '3'",
    "'linux' in sys_platform",
    "platform_machine in 'x86_64 aarch64'",
]


@pytest.mark.parametrize("marker", MARKERS)
def test_markers_hold_as_in_packaging(marker: str) -> None:
    for extra in ("", "good", "go-od"):
        expected = packaging.requirements.Requirement(f"fox; {marker}").marker
        ours = pep508.Requirement(f"fox; {marker}").marker
        assert ours is not None
        assert expected is not None
        assert ours.evaluate({"extra": extra}) == expected.evaluate({"extra": extra}), (
            marker,
            extra,
        )


VARIABLES = [
    "extra",
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
]
VALUES = ["20.0", "20", "6.1.0", "6.1.0-13-amd64", "6.1.*", "linux", "Linux"]


@pytest.mark.parametrize("variable", VARIABLES)
def test_values_that_are_not_versions_compare_as_in_packaging(variable: str) -> None:
    results = set()
    for operator, literal, value, reverse in itertools.product(
        OPERATORS, VALUES, VALUES, (False, True)
    ):
        sides = [variable, operator, f"'{literal}'"]
        text = "fox; " + " ".join(reversed(sides) if reverse else sides)
        expected = packaging.requirements.Requirement(text).marker
        ours = pep508.Requirement(text).marker
        assert expected is not None
        assert ours is not None
        variables = {"extra": "", variable: value}
        try:
            holds = expected.evaluate(variables)
        except packaging.markers.UndefinedComparison:
            # The installer refuses it, or knows more.
            with pytest.raises(pep508.InvalidRequirement):
                ours.evaluate(variables)
            continue
        assert ours.evaluate(variables) == holds, (text, value)
        results.add((operator, holds))
    assert {(">=", True), (">=", False), ("<=", True), ("<", False)} <= results


@pytest.mark.parametrize(
    "text",
    [
        "fox",
        "Fox_1.x-y",
        "fox >= 1 , < 2",
        "fox(>=1,<2)",
        "fox>=1,",
        "fox >=1,<2 , ; os_name == 'posix'",
        "fox (>=1,)",
        "fox ( >=1 , <2, )",
        "fox [a, B-c] ~=1.0 ; os_name == 'posix'",
        "fox[]",
        "fox @ https://example.com/fox.whl",
        "fox[a]@https://example.com/fox.whl ; os_name == 'posix'",
    ],
)
def test_requirements_parse_as_in_packaging(text: str) -> None:
    expected, ours = packaging.requirements.Requirement(text), pep508.Requirement(text)
    assert (ours.name, ours.url, ours.extras) == (
        expected.name,
        expected.url,
        expected.extras,
    )
    assert (ours.marker is None) == (expected.marker is None)
    for version in VERSIONS:
        assert ours.specifier.contains(version) == expected.specifier.contains(
            version, prereleases=True
        )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-fox",
        "fox-",
        "fox fox",
        "fox>=",
        "fox=1",
        "fox,",
        "fox (,)",
        "fox,>=1",
        "fox>=1,,",
        "fox>=1,,<2",
        "fox[a",
        "fox[a b]",
        "fox @",
        "fox;",
        "fox; ",
        "fox; os_name",
        "fox; 'a' == 'b' or",
        "fox; os_name == 'a' 'b'",
        "fox; os_name = 'a'",
        "fox; (os_name == 'a'",
        "fox; os_name == 'a')",
        "fox; os_nam == 'a'",
        "./fox",
        "fox.whl @",
        "https://example.com/fox.whl",
        "fox; os_name == 'a",
    ],
)
def test_an_invalid_requirement_is_refused(text: str) -> None:
    with pytest.raises(packaging.requirements.InvalidRequirement):
        packaging.requirements.Requirement(text)
    with pytest.raises(pep508.InvalidRequirement):
        pep508.Requirement(text)


def test_deep_parentheses_are_left_to_the_installer() -> None:
    with pytest.raises(pep508.InvalidRequirement):
        pep508.Requirement("fox; " + "(" * 100_000 + "os_name == 'a'" + ")" * 100_000)
