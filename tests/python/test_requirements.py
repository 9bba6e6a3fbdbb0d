"""Whether requirements are installed: PEP 508, PEP 440, markers, extras, and the lines that the installer has to check."""

import json
import pathlib
import subprocess
import sys
import zipfile
from importlib import metadata

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import requirements
from aimodellib._bridge.requirements import (
    canonical,
    check,
    logical_lines,
    main,
    packages,
)

MINOR = sys.version_info[1]


@pytest.fixture(autouse=True)
def installed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with packages that exist nowhere else."""
    packages = {
        "fox-alpha": ("1.2.3", []),
        "Fox.Beta": ("2.0rc1", []),
        "fox-local": ("2.13.0+cpu", []),
        "fox-post": ("1.0.post1", []),
        "fox-epoch": ("1!1.0", []),
        # Requires the first package, and others with extras.
        "fox-needs": (
            "1.0",
            [
                "fox-alpha>=1",
                "fox-missing>=1; extra == 'more'",
                "fox-alpha<1; extra == 'old'",
                "fox-alpha; extra == 'good'",
                "fox-never; python_version < '3'",
            ],
        ),
        "fox-broken": ("1.0", ["fox-missing"]),
        "fox-comma": ("1.0", ["fox-missing (>=1,)"]),
        "fox-odd": ("1.0", ["fox-never (>=1.*)", "fox-missing"]),
        "fox-above": ("1.0", ["fox-odd"]),
        "fox-unordered": ("1.0", ["fox-never; os_name ~= 'x'", "fox-missing"]),
        "fox-kernel": (
            "1.0",
            ["fox-missing; platform_release >= '20.0' and sys_platform == 'darwin'"],
        ),
        # Circular dependencies.
        "fox-ring": ("1.0", ["fox-ring[again]", "fox-needs"]),
    }
    for name, (version, requires) in packages.items():
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        extras = "".join(
            f"Provides-Extra: {extra}\n" for extra in ("more", "old", "good", "again")
        )
        lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
        folder.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extras}{lines}"
        )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# only a comment",
        "fox-alpha",
        "FOX_ALPHA",
        "fox.alpha == 1.2.3",
        "fox-alpha==1.2.*",
        "fox-alpha~=1.2",
        "fox-alpha>=1,<2,!=1.2.4",
        "fox-alpha===1.2.3",
        "fox-alpha (>=1.0)",
        "fox-alpha>=1  # a comment",
        "fox-beta>=2.0rc1",
        "fox-beta<2.1",
        "fox-local==2.13.0",
        "fox-local==2.13.0+cpu",
        "fox-post>=1.0",
        "fox-epoch>=5",
        "fox-needs",
        "fox-needs[good]",
        "fox-ring",
        "never-there; python_version < '3'",
        "never-there; sys_platform == 'win32' or os_name == 'java'",
        f"fox-alpha; python_version >= '3.{MINOR}'",
        "fox-alpha; implementation_name == 'cpython' and platform_system == 'Linux'",
        "fox-alpha \\\n  >= 1",
        "fox-alpha>=1,",
        "fox-kernel",
    ],
)
def test_installed_requirements_are_met(line: str) -> None:
    assert check(line) is None


@pytest.mark.parametrize("line", ["fox.alpha==1.2.3", "Fox-Beta>=2.0rc1"])
def test_spellings_of_a_name_are_equal_even_if_python_distinguishes_them(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", find)
    assert check(line) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("fox-missing", "fox-missing is not installed"),
        (
            "fox-alpha>=2",
            "fox-alpha 1.2.3 is installed, and 'fox-alpha>=2' is asked for",
        ),
        (
            "fox-alpha==1.2",
            "fox-alpha 1.2.3 is installed, and 'fox-alpha==1.2' is asked for",
        ),
        (
            "fox-alpha~=1.3",
            "fox-alpha 1.2.3 is installed, and 'fox-alpha~=1.3' is asked for",
        ),
        (
            "fox-alpha===1.2.3.0",
            "fox-alpha 1.2.3 is installed, and 'fox-alpha===1.2.3.0' is asked for",
        ),
        (
            "fox-beta>=2.0",
            "Fox.Beta 2.0rc1 is installed, and 'fox-beta>=2.0' is asked for",
        ),
        (
            "fox-local==2.13.0+cu126",
            "fox-local 2.13.0+cpu is installed, and 'fox-local==2.13.0+cu126' is asked for",
        ),
        (
            "fox-post==1.0",
            "fox-post 1.0.post1 is installed, and 'fox-post==1.0' is asked for",
        ),
        ("fox-epoch<1", "fox-epoch 1!1.0 is installed, and 'fox-epoch<1' is asked for"),
        ("fox-needs[more]", "fox-missing is not installed (for fox-needs)"),
        (
            "fox-needs[old]",
            "fox-alpha 1.2.3 is installed, and 'fox-alpha<1; extra == \"old\"' is asked for (for fox-needs)",
        ),
        ("fox-broken", "fox-missing is not installed (for fox-broken)"),
        ("fox-comma", "fox-missing is not installed (for fox-comma)"),
        (
            "fox-odd",
            "'fox-never (>=1.*)' must be read by the installer (for fox-odd)",
        ),
        (
            "fox-above",
            "'fox-never (>=1.*)' must be read by the installer (for fox-odd) (for fox-above)",
        ),
        (
            "fox-unordered",
            "'fox-never; os_name ~= 'x'' must be read by the installer (for fox-unordered)",
        ),
        (f"fox-missing; python_version == '3.{MINOR}'", "fox-missing is not installed"),
        ("fox-alpha\nfox-missing", "fox-missing is not installed"),
    ],
)
def test_missing_requirements_are_named(line: str, reason: str) -> None:
    said = check(line)
    assert said is not None
    # A requirement is quoted as in the file, or as packaging formats it.
    assert (
        said.replace("Fox.Beta", "fox-beta").replace("'", '"').lower()
        == reason.replace("Fox.Beta", "fox-beta").replace("'", '"').lower()
    )


@pytest.mark.parametrize(
    ("line", "verb"),
    [
        ("-r other.txt", "read"),
        ("--requirement=other.txt", "read"),
        ("-c limits.txt", "read"),
        ("-e .", "read"),
        ("--index-url https://example.com/simple", "read"),
        ("./package", "read"),
        ("fox-alpha==1.2.3 --hash=sha256:00", "read"),
        ("fox-alpha==1.2.3 \\\n    --hash=sha256:00", "read"),
        ("fox-alpha @ https://example.com/fox.whl", "fetched"),
        ("https://example.com/fox.whl", "read"),
        ("fox-alpha>>1", "read"),
        ("fox-alpha==1.*.2", "read"),
        ("fox-alpha; python_version", "read"),
        ("fox-alpha; 'a' ~= 'b'", "read"),
        ("fox-alpha; nonsense == '1'", "read"),
        ("fox-alpha; (python_version > '3'", "read"),
    ],
)
def test_other_lines_are_left_to_the_installer(line: str, verb: str) -> None:
    said = check(line)
    assert said is not None
    assert said.endswith(f"must be {verb} by the installer")


@pytest.mark.parametrize("package", ["fox-odd", "fox-unordered"])
def test_what_an_installer_has_read_is_not_left_to_it_again(package: str) -> None:
    for text in (package, f"fox-alpha==1.2.3; os_name ~= 'x'\n{package}"):
        said = check(text, installed=True)
        assert said == f"fox-missing is not installed (for {package})"
    assert check("fox-alpha>>1\n-e .\nfox-alpha @ file:///fox", installed=True) is None


@pytest.mark.parametrize("text", ["Name: fox-blank\n", "Summary: none\n", "\n"])
def test_a_package_without_a_version_is_not_installed(
    text: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path / "first", "fox-blank", "1", text)
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    for line in ("fox-blank", "fox_blank>=1"):
        assert check(line) == f"{line[:9]} is not installed"
    distribution(tmp_path / "last", "fox-blank", "1")
    monkeypatch.syspath_prepend(str(tmp_path / "last"))
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    assert check("fox-blank") is None


def test_lines_are_joined_and_comments_removed_as_in_pip() -> None:
    text = "# a\na # b\n\n  b#c\nc \\\n  ==1 \\\r\n # d\n  # e\n"
    assert logical_lines(text) == ["a", "b#c", "c   ==1"]


def distribution(folder: pathlib.Path, name: str, version: str, text: str = "") -> None:
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(
        text or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )


def test_of_two_versions_of_a_package_the_first_on_the_path_counts(
    tmp_path, monkeypatch
):
    for folder, name, version in (
        ("last", "Fox_Twice", "1.0"),
        ("first", "fox-twice", "2.0"),
        ("last", "fox-once", "3"),
    ):
        distribution(tmp_path / folder, name, version)
    distribution(tmp_path / "first", "fox-nameless", "1", "Metadata-Version: 2.1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "last"))
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    found = {
        name: version for name, version in packages().items() if "fox" in name.lower()
    }
    assert found["fox-twice"] == "2.0"
    assert found["fox-once"] == "3"
    assert not {"Fox_Twice", "fox-nameless"} & found.keys()


def test_only_the_head_of_the_metadata_names_a_package(tmp_path, monkeypatch):
    texts = {
        "fox-crlf": "Metadata-Version: 2.1\r\nname: fox-crlf\r\nVERSION:1\r\n\r\nName: described\r\n",
        "fox-long": "Name: fox-long\nSummary: a\n Name: folded\nVersion: 2\n\nVersion: 3\n",
        "fox-first": "Name: fox-first\nVersion: 4\nName: second\nVersion: 5\n",
        "fox-late": "Metadata-Version: 2.1\n\nName: fox-late\nVersion: 6\n",
        "fox-empty": "",
    }
    for name, text in texts.items():
        distribution(tmp_path, name, "1", text or "\n")
    egg = tmp_path / "fox_egg.egg-info"
    egg.write_text("Name: fox-egg\nVersion: 7\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    wrong = {"fox-late", "fox-empty", "described", "folded", "second"}
    expected = {
        "fox-crlf": "1",
        "fox-long": "2",
        "fox-first": "4",
        "fox-egg": "7",
    }
    found = packages()
    assert {name: found.get(name) for name in expected} == expected
    assert not wrong & found.keys()


def test_packages_finds_what_importlib_metadata_finds(tmp_path, monkeypatch):
    distribution(tmp_path / "fox_inner.egg" / "any", "fox-deep", "1")
    egg_info = tmp_path / "fox_inner.egg" / "EGG-INFO"
    egg_info.mkdir()
    egg_info.joinpath("PKG-INFO").write_text("Name: fox-inner\nVersion: 8\n")
    (tmp_path / "fox_bare.dist-info").mkdir()
    distribution(tmp_path, "fox-folder", "1")
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as zipped:
        zipped.writestr("fox_zip-9.dist-info/METADATA", "Name: fox-zip\nVersion: 9\n\n")
    folders = [str(tmp_path / "fox_inner.egg"), str(tmp_path), str(tmp_path / "none")]
    for path in (folders, [*folders, str(tmp_path / "zipped.zip")], sys.path):
        expected = {}
        for found in metadata.distributions(path=path):
            if found.metadata["Name"]:
                expected.setdefault(
                    canonical(found.metadata["Name"]), found.metadata["Version"]
                )
        listed = {canonical(name): version for name, version in packages(path).items()}
        assert listed == expected
        assert ("fox-zip" in listed) == ("zipped" in path[-1])
    monkeypatch.chdir(tmp_path)
    assert packages([""])["fox-folder"] == "1"


def test_packages_asks_other_finders(monkeypatch):
    class Found(metadata.Distribution):
        def read_text(self, filename):
            return "Name: fox-found\nVersion: 3\n" if filename == "METADATA" else None

        def locate_file(self, path):
            raise NotImplementedError

    class Finder(metadata.DistributionFinder):
        def find_distributions(self, context=None):
            return [Found()]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert packages()["fox-found"] == "3"


def test_packages_reads_metadata_that_is_not_utf_8(tmp_path):
    distribution(tmp_path, "fox-latin", "1")
    file = tmp_path / "fox_latin-1.dist-info" / "METADATA"
    file.write_bytes(b"Name: fox-latin\nAuthor: M\xfcller\nVersion: 1\n\n\xff\n")
    assert packages([str(tmp_path)])["fox-latin"] == "1"


def test_a_list_of_packages_imports_only_what_it_needs():
    # Each run of `train` lists its packages, and importing these modules takes longer than the list.
    code = (
        "import sys; from aimodellib._bridge.requirements import main; main(['list']); "
        "print(sorted({'importlib.metadata', 'typing', 'email', 'zipfile'} & sys.modules.keys()))"
    )
    folder = str(pathlib.Path(__file__).resolve().parents[2] / "python")
    run = [sys.executable, "-S", "-c", code]
    env = {"PYTHONPATH": folder}
    assert subprocess.run(
        run, env=env, stdout=subprocess.PIPE, check=True, universal_newlines=True
    ).stdout.endswith("}}[]\n")


def test_the_module_shadows_installed_packages(tmp_path, monkeypatch, capsys):
    distribution(tmp_path / "module", "fox-alpha", "9.9")
    monkeypatch.setattr(sys, "path", list(sys.path))
    main(["list", str(tmp_path / "module")])
    listed = json.loads(capsys.readouterr().out)
    assert listed["packages"]["fox-alpha"] == "9.9"
    assert listed["python"].startswith(f"3.{MINOR}.")
