"""The parts of make package: what is deployed, what is locked, and a zip of the same bytes."""

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from infra.package import archive, deployed_files, wheels
from infra.package.errors import PackageError

ROOT = Path(__file__).parents[1]
RULES = (ROOT / deployed_files.RULES).read_text()
# What may lie in a project's folder, and is not deployed.
_BESIDE = [
    *(".env", ".git/config", ".venv/lib/a.py", ".python_packages/lib/a.py", ".devcontainer/a.json"),
    *("azure.yaml", "dist/unseen.zip", "key.pem", "local.settings.json", "notes.txt", "README.md"),
    *("docs/functions/a.md", "tests/shared/a.py", "node_modules/shared/a.js", "infra/main.bicep"),
]
_BYTECODE = ["function_app.pyc", "shared/__pycache__/a.pyc", "functions/deep/__pycache__/a.pyc"]


def git(folder: Path, *command: str, given: str = "") -> list[str]:
    """Names that git prints, in a repository that knows nobody's settings."""
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who |= {
        f"GIT_{one}_{what}": "a@b.c"
        for one in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    ran = subprocess.run(
        ["git", *command],
        cwd=folder,
        env=os.environ | who,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    return [name for name in re.split(r"[\0\n]", ran.stdout) if name]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with one commit."""
    for path in ("function_app.py", "shared/a.py", "functions/b.py", "notes.txt", "tests/c.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("one = 1\n")
    (tmp_path / deployed_files.RULES).write_text(RULES)
    (tmp_path / ".gitignore").write_text("*.local\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


# What is deployed


def test_the_app_is_deployed_and_nothing_else() -> None:
    known = git(ROOT, "ls-files") or pytest.fail("this copy of the project has no git")
    deployed = set(filter(deployed_files.read_rules(RULES).takes, known))
    tops = {path.partition("/")[0] for path in deployed}
    assert tops == {"function_app.py", "functions", "host.json", "requirements.txt", "shared"}
    assert deployed >= {"functions/openapi.json", "shared/dashboard/dashboard.html"}
    assert {path for path in known if path.startswith(("functions/", "shared/"))} <= deployed


def func_takes(path: str) -> bool:
    """As Core Tools 4 read the file: one pattern from the path's beginning to the end of a word.

    `*` is one character or more of a name, `**` also of folders; what is taken in wins over what
    is left out. https://github.com/Azure/azure-functions-core-tools, GitIgnoreParser.
    """
    lines = [line for line in RULES.split("\n") if line and not line.startswith("#")]

    def matches(patterns: list[str]) -> bool:
        words = [re.escape(one.removeprefix("/")) for one in patterns]
        words = [one.replace(r"\*\*", ".+").replace(r"\*", "[^/]+") for one in words]
        return re.match(rf"(?:{'|'.join(words)})\b", path) is not None

    out = [line for line in lines if not line.startswith("!")]
    return matches([line[1:] for line in lines if line.startswith("!")]) or not matches(out)


def test_func_and_azd_read_the_file_as_we_do(tmp_path: Path) -> None:
    ours = deployed_files.read_rules(RULES).takes
    paths = git(ROOT, "ls-files") + _BESIDE + _BYTECODE
    # azd: as git does, says https://learn.microsoft.com/azure/developer/azure-developer-cli/service-packaging-ignore-files
    (tmp_path / ".gitignore").write_text(RULES)
    git(tmp_path, "init", "-q")
    checked = ("check-ignore", "--no-index", "--stdin", "-z")
    ignored = set(git(tmp_path, *checked, given="\0".join(paths)))
    assert [one for one in paths if ours(one) == (one in ignored)] == []
    # func would send bytecode along, which does no harm.
    assert {one for one in paths if ours(one) != func_takes(one)} == set(_BYTECODE[1:])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first line"),
        ("!/shared", "first line"),
        ("/*\ntests/", "'tests/' is neither"),
        ("/*\n!shared", "'!shared' is neither"),
        ("/*\n!/shared/deep", "'!/shared/deep' is neither"),
        ("/*\n**/*.pyc", "'**/*.pyc' is neither"),
        ("/*\n!/", "'!/' is neither"),
    ],
)
def test_a_rule_that_others_read_otherwise_is_refused(text: str, says: str) -> None:
    with pytest.raises(PackageError, match=re.escape(says)):
        deployed_files.read_rules(text)


def test_what_git_knows_is_deployed_with_the_content_that_it_has(project: Path) -> None:
    (project / "shared/a.py").write_text("one = 2\n")
    (project / "notes.txt").write_text("changed too")
    (project / "functions/b.py").unlink()
    (project / "shared/mine.local").write_text("git ignores it")
    found = deployed_files.find(project)
    assert found.paths == ["function_app.py", "shared/a.py"]
    assert found.changed == ["functions/b.py", "shared/a.py"]


def test_a_stray_file_is_named_and_not_shipped(project: Path) -> None:
    (project / "scratch.py").write_text("beside the app: nobody minds")
    assert "scratch.py" not in deployed_files.find(project).paths
    (project / "shared/stray.py").write_text("")
    with pytest.raises(PackageError, match=r"git does not know shared/stray\.py\. Add"):
        deployed_files.find(project)


def test_without_git_everything_that_the_rules_take_is_deployed(project: Path) -> None:
    (project / ".git").rename(project.with_name("elsewhere"))
    (project / "shared/__pycache__").mkdir()
    (project / "shared/__pycache__/a.pyc").write_bytes(b"")
    (project / "local.settings.json").write_text("{}")
    assert deployed_files.find(project).paths == [
        "function_app.py",
        "functions/b.py",
        "shared/a.py",
    ]


@pytest.mark.parametrize("name", ["local.settings.json", ".env", ".env.prod", "tls.pem", "a.pfx"])
def test_a_secret_is_refused_even_where_it_was_committed(project: Path, name: str) -> None:
    (project / "shared" / name).write_text("secret")
    git(project, "add", "-f", "-A")
    with pytest.raises(PackageError, match=rf"shared/{re.escape(name)} looks like a secret"):
        deployed_files.find(project)


def test_a_symbolic_link_is_refused(project: Path) -> None:
    (project / "shared/link.py").symlink_to("a.py")
    git(project, "add", "-A")
    with pytest.raises(PackageError, match=r"shared/link\.py is a symbolic link"):
        deployed_files.find(project)


# What is locked


def test_the_lock_has_all_that_the_app_needs_and_nothing_more() -> None:
    locked = {one.name: one.version for one in wheels.read_lock(ROOT)}
    azure = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux"}
    azure |= {
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "extra": "",
    }
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    waiting = [line for line in lines if line and not line.startswith("#")]
    needed = {}
    while waiting:
        one = Requirement(waiting.pop())
        name = wheels.canonical(one.name)
        asked = (name, frozenset(one.extras))
        if asked in needed or (one.marker and not one.marker.evaluate(azure)):
            continue
        needed[asked] = one
        assert name in locked, f"{one} is not locked: make lock"
        assert locked[name] in one.specifier, f"{one} is locked as {locked[name]}: make lock"
        waiting += importlib.metadata.requires(name) or []
    assert {name for name, _ in needed} == set(locked)


def test_what_is_tested_is_what_is_deployed() -> None:
    locked = {one.name: one.version for one in wheels.read_lock(ROOT)}
    assert {name: importlib.metadata.version(name) for name in locked} == locked


@pytest.mark.parametrize(
    ("asked", "lock", "says"),
    [
        (
            "msal==2.0",
            "msal==1.0 --hash=sha256:" + "0" * 64,
            "does not have msal==2.0: run make lock",
        ),
        ("msal==1.0", "", "does not have msal==1.0: run make lock"),
        ("msal>=1.0", "msal==1.0 --hash=sha256:" + "0" * 64, "'msal>=1.0' is not NAME==VERSION"),
        ("msal==1.0", "msal==1.0", "'msal==1.0' is not NAME==VERSION --hash"),
    ],
)
def test_a_lock_that_does_not_fit_is_refused(
    tmp_path: Path, asked: str, lock: str, says: str
) -> None:
    (tmp_path / "requirements.txt").write_text(f"# what it needs\n{asked}\n")
    (tmp_path / "requirements.lock").write_text(lock)
    with pytest.raises(PackageError, match=re.escape(says)):
        wheels.read_lock(tmp_path)


# Wheels


def locked_in(folder: Path, line: str) -> list[wheels.Locked]:
    (folder / "requirements.txt").write_text("")
    (folder / "requirements.lock").write_text(line)
    return wheels.read_lock(folder)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"PIP_NO_INDEX": "1"}, "unheard-of==1.0 has no wheel for Linux x86_64 and Python 3.13"),
        ({"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, "is there a network?"),
    ],
)
def test_what_can_not_be_fetched_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], says: str
) -> None:
    plain = {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1", "PIP_FIND_LINKS": ""}
    for name, value in (plain | setting).items():
        monkeypatch.setenv(name, value)
    locked = locked_in(tmp_path, "unheard-of==1.0 --hash=sha256:" + "0" * 64)
    with pytest.raises(PackageError, match=re.escape(says)):
        wheels.fetch(tmp_path, locked, tmp_path / "wheels")


def a_wheel(folder: Path, *names: str) -> Path:
    file = folder / "one-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive_:
        for name in names:
            archive_.writestr(name, name)
    return file


def test_a_wheel_is_unpacked_where_imports_look(tmp_path: Path) -> None:
    stubs = ("one/a.pyi", "one/a.pyx", "one/a.c")
    kept = (
        "one/__init__.py",
        "one/a.so",
        "one-1.0.dist-info/METADATA",
        "one-1.0.dist-info/LICENSE",
    )
    moved = ("one-1.0.data/purelib/two.py", "one-1.0.data/platlib/three.so")
    gone = ("one-1.0.data/scripts/run", "one-1.0.data/headers/one.h", "one-1.0.data/data/share/a")
    wheels.unpack([a_wheel(tmp_path, *stubs, *kept, *moved, *gone)], tmp_path / "site")
    assert set(archive.contents(tmp_path / "site")) == {*kept, "two.py", "three.so"}


def test_a_wheel_that_was_changed_is_refused_and_a_good_one_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    wheel = a_wheel(index, "one.py")
    about = "Metadata-Version: 2.1\nName: one\nVersion: 1.0"
    with zipfile.ZipFile(wheel, "a") as whole:
        whole.writestr("one-1.0.dist-info/WHEEL", "Wheel-Version: 1.0")
        whole.writestr("one-1.0.dist-info/METADATA", about)
    for name, value in {
        "NO_INDEX": "1",
        "FIND_LINKS": str(index),
        "CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    changed = locked_in(tmp_path, "one==1.0 --hash=sha256:" + "0" * 64)
    with pytest.raises(PackageError, match="DO NOT MATCH THE HASHES"):
        wheels.fetch(tmp_path, changed, tmp_path / "wheels")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    good = locked_in(tmp_path, f"one==1.0 --hash=sha256:{sha256}")
    fetched = wheels.fetch(tmp_path, good, tmp_path / "wheels")
    assert [file.name for file in fetched] == [wheel.name]
    wheel.unlink()
    assert wheels.fetch(tmp_path, good, tmp_path / "wheels") == fetched


@pytest.mark.parametrize("name", ["../out.py", "/out.py", "one-1.0.data/purelib/../../out.py"])
def test_a_wheel_may_not_write_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackageError, match="would land elsewhere"):
        wheels.unpack([a_wheel(tmp_path, name)], tmp_path / "site")


# The zip


def test_the_same_files_make_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a.py": b"one = 1\n", "b/c.py": b"two = 2\n" * 100}
    archive.write(files, tmp_path / "one.zip")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "315532800")
    archive.write(files, tmp_path / "deep/two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "deep/two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as written:
        about = {(one.date_time[0], one.external_attr >> 16) for one in written.infolist()}
        assert about == {(1980, 0o100644)}


@pytest.mark.parametrize("told", ["0", "-1", "1e9", "yesterday", "9" * 12])
def test_a_time_that_no_zip_can_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", told)
    with pytest.raises(PackageError, match="SOURCE_DATE_EPOCH"):
        archive.write({"a": b""}, tmp_path / "one.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "one.zip").write_bytes(b"the one before")
    with pytest.raises(TypeError):
        archive.write({"a": b"", "b": None}, tmp_path / "one.zip")  # type: ignore[dict-item]
    assert [file.name for file in tmp_path.iterdir()] == ["one.zip"]
    assert (tmp_path / "one.zip").read_bytes() == b"the one before"


# The command


def test_a_failure_is_one_sentence(project: Path) -> None:
    (project / "shared/stray.py").write_text("")
    command = [sys.executable, "infra/package", "--root", str(project)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
    assert not (project / "dist").exists()
