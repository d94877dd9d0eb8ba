from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from fairlead.web.console.compiled import Compiled

_DRAW = """
import sys
from pathlib import Path
from tests.console.test_compiled import drawn
print(drawn(Path(sys.argv[1])))
"""


def drawn(folder: Path, how: str = "", name: str = "page.html") -> str:
    environment = Environment(loader=FileSystemLoader(folder), bytecode_cache=Compiled(folder, how), autoescape=True)
    return environment.get_template(name).render(word="<hello>")


def in_a_process(folder: Path, *options: str) -> str:
    """Where Python keeps what it compiles, unlike in tests."""
    told = subprocess.run(
        [sys.executable, *options, "-c", _DRAW, str(folder)], env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return told.stdout.strip()


def kept(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "__pycache__").glob("*")}


def test_a_template_is_compiled_once_for_all_processes(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("Say {{ word }}")
    assert in_a_process(tmp_path) == "Say &lt;hello&gt;"
    (kept_file,) = (tmp_path / "__pycache__").iterdir()
    written = kept_file.stat().st_mtime_ns
    assert in_a_process(tmp_path) == "Say &lt;hello&gt;"
    assert (kept_file.stat().st_mtime_ns, len(kept(tmp_path))) == (written, 1)


def test_one_that_has_changed_is_compiled_again(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("Say {{ word }}")
    in_a_process(tmp_path)
    (tmp_path / "page.html").write_text("Do not say {{ word }}")
    assert drawn(tmp_path) == "Do not say &lt;hello&gt;"


def test_what_was_compiled_in_another_way_is_left(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("Say {{ word }}")
    in_a_process(tmp_path)
    before = kept(tmp_path)
    for file in (tmp_path / "__pycache__").iterdir():  # as another way would have made it
        file.write_bytes(file.read_bytes().replace(b"Say ", b"Lie "))
    assert drawn(tmp_path) == "Lie &lt;hello&gt;"
    assert drawn(tmp_path, how="another") == "Say &lt;hello&gt;"
    assert list(kept(tmp_path)) == list(before)


def test_what_is_not_whole_is_compiled_again(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("Say {{ word }}")
    in_a_process(tmp_path)
    (file,) = (tmp_path / "__pycache__").iterdir()
    whole = file.read_bytes()
    torn = [whole[:length] for length in (0, 5, len(whole) // 3, len(whole) - 1)]
    harmed = [
        whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :] for place in range(60)
    ]  # before the code itself
    for other in (*torn, *harmed):
        file.write_bytes(other)
        assert drawn(tmp_path) == "Say &lt;hello&gt;"


def test_nothing_is_written_where_python_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("Say {{ word }}")
    assert in_a_process(tmp_path, "-B") == "Say &lt;hello&gt;"
    assert not (tmp_path / "__pycache__").exists()


def test_where_the_folder_cannot_be_written_pages_are_drawn_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("Say {{ word }}")
    (tmp_path / "__pycache__").write_text("a file, so that there can be no folder")
    assert in_a_process(tmp_path) == "Say &lt;hello&gt;"
