"""What make package builds: the same bytes wherever, and an app that does the whole job."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.package import archive, deployed_files, wheels
from tests.lab import packaged
from tests.lab.demo import tell
from tests.lab.lab import Lab, start_lab
from tests.lab.story import Story

ROOT = Path(__file__).parents[2]
_LIBRARIES = ".python_packages/lib/site-packages/"
_OWN = ("function_app.py", "functions", "host.json", "requirements.txt", "shared")
_OURS = (*_OWN, "infra", "requirements.lock", deployed_files.RULES)
# PEP 552: its content is never compared with the source's.
_UNCHECKED = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")


def copied(folder: Path) -> Path:
    """This project as it lies here, in another folder and without git."""
    for name in _OURS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def built(folder: Path, umask: int = 0o022, **environment: str) -> Path:
    """Runs make package's command in a project; gives the zip."""
    ran = subprocess.run(
        [sys.executable, "infra/package"],
        cwd=folder,
        env=os.environ | environment,
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    print(ran.stdout)
    return folder / "dist/unseen.zip"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("package")


@pytest.fixture(scope="module")
def package(folder: Path) -> Path:
    """The package of this project."""
    return built(copied(folder / "one"))


@pytest.fixture(scope="module")
def files(package: Path) -> dict[str, bytes]:
    """Its files by name."""
    with zipfile.ZipFile(package) as found:
        return {name: found.read(name) for name in found.namelist()}


def test_it_is_the_same_bytes_elsewhere(package: Path, folder: Path) -> None:
    """In another folder, with git, at other times, and for somebody with other habits."""
    other = copied(folder / "another place")
    shutil.copytree(package.parent / "wheels", other / "dist/wheels")
    for file in other.rglob("*.py"):
        os.utime(file, (1, 1))
    (other / ".gitignore").write_text("__pycache__\ndist\n")
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "one")):
        subprocess.run(["git", *who, *command], cwd=other, check=True)
    habits = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "2"}
    assert built(other, umask=0o077, **habits).read_bytes() == package.read_bytes()


def test_it_holds_the_app_and_its_dependencies_and_no_more(files: dict[str, bytes]) -> None:
    own = {name for name in files if not name.startswith(_LIBRARIES)}
    sources = {name for name in own if "__pycache__" not in name}
    assert {name.partition("/")[0] for name in sources} == set(_OWN)
    assert sources >= {"functions/openapi.json", "shared/tend.py", "shared/dashboard/start.js"}
    assert list(files) == sorted(files)
    brought = {
        wheels.canonical(
            name.removeprefix(_LIBRARIES).partition(".dist-info/")[0].rpartition("-")[0]
        )
        for name in files
        if name.endswith(".dist-info/METADATA")
    }
    assert brought == {one.name for one in wheels.read_lock(ROOT)}


def test_licences_come_along_and_what_only_a_compiler_reads_does_not(
    files: dict[str, bytes],
) -> None:
    assert {name for name in files if re.search(r"\.(pyi|pyx|pxd|c|h)$", name)} == set()
    licensed = {
        name.split(".dist-info/")[0]
        for name in files
        if re.search(r"\.dist-info/.*(licen[cs]e|copying)", name, re.IGNORECASE)
    }
    with_metadata = {name.split(".dist-info/")[0] for name in files if ".dist-info/" in name}
    # What a wheel does not bring, it says in its METADATA.
    for one in with_metadata - licensed:
        assert re.search(
            rb"(?im)^(license|classifier: license)", files[f"{one}.dist-info/METADATA"]
        )


def test_each_module_has_bytecode_that_is_never_checked(
    files: dict[str, bytes], folder: Path
) -> None:
    for name in filter(re.compile(r"\.py$").search, files):
        parent, _, module = name.rpartition("/")
        compiled = files[f"{parent}/__pycache__/{module[:-3]}.cpython-313.pyc".lstrip("/")]
        assert compiled.startswith(_UNCHECKED), name
    place = str(folder).encode()
    assert [name for name, content in files.items() if place in content] == []


@pytest.fixture(scope="module")
def packaged_app(package: Path, folder: Path) -> Iterator[Path]:
    """The package, unpacked, and nobody may write there."""
    app = packaged.app_folder(package, folder / "unpacked")
    folders = [app, *(one for one in app.rglob("*") if one.is_dir())]
    for one in folders:
        one.chmod(0o555)
    yield app
    for one in folders:
        one.chmod(0o755)


@pytest.fixture
def packaged_lab(packaged_app: Path, folder: Path) -> Iterator[Lab]:
    """The lab with it; its host says what it imports from where."""
    lab = start_lab(folder / "lab", app=packaged_app, settings={"PYTHONVERBOSE": "1"})
    yield lab
    lab.close()


def test_unpacked_elsewhere_it_passes_the_demos_story(
    packaged_lab: Lab, packaged_app: Path, folder: Path, files: dict[str, bytes]
) -> None:
    tell(Story(), packaged_lab, folder)
    log = packaged_lab.host.log()
    bytecode = set(re.findall(r"^# code object from '(.+)'$", log, re.MULTILINE))
    extensions = set(re.findall(r"^# extension module \S+ loaded from '(.+)'$", log, re.MULTILINE))
    compiled = set(re.findall(r"^# code object from ([^'\n]+)$", log, re.MULTILINE))
    home = f"{packaged_app}/"
    brought = {one.removeprefix(home) for one in bytecode | extensions if one.startswith(home)}
    assert brought <= set(files)
    assert {
        "shared/__pycache__/tend.cpython-313.pyc",
        "__pycache__/function_app.cpython-313.pyc",
    } <= (brought)
    # Whatever it brings is nobody else's: neither this project's nor this environment's.
    tops = {name.removeprefix(_LIBRARIES).split("/")[0].split(".")[0] for name in files}
    tops -= {"azure", "__pycache__"}
    others = {one for one in bytecode | extensions | compiled if not one.startswith(home)}
    foreign = re.compile(rf"(?:{re.escape(str(ROOT))}|site-packages)/(?:{'|'.join(tops)})\b")
    assert sorted(filter(foreign.search, others)) == []
    assert [one for one in others if "/azure/" in one and "/azure/storage/" not in one] == []
    # Nothing of it was compiled, and nothing written.
    assert sorted(one for one in compiled if one.startswith(home)) == []
    assert archive.contents(packaged_app) == files
