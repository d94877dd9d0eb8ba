"""Load a project's Python code, afresh, and say where it fails."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import sysconfig
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from fairlead.errors import ConfigurationError

_NEVER = {"fairlead", "__main__"}


class _FreshLoader(SourceFileLoader):
    """Compiles the source each time: a cached file is trusted by whole seconds, and edits come faster."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def load_object(root: Path, target: str, *, declared_in: Path) -> Any:
    """The attribute that "file.py:name" or "package.module:name" stands for. Imports of the code see `root`."""
    where, _, attribute = target.partition(":")
    if not where or not attribute:
        raise ConfigurationError(
            f"{declared_in}: {target!r} names nothing.", hint='Write "agent.py:agent" or "package.module:agent".'
        )
    if sys.path[:1] != [str(root)]:
        sys.path.insert(0, str(root))
    module = _from_file(root, where, declared_in) if where.endswith(".py") else _from_name(root, where, declared_in)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ConfigurationError(f"{declared_in}: {where} has no `{attribute}`.", hint=_offer(module))
        found = getattr(found, part)
    return found


def forget_project_code(root: Path) -> None:
    """Drop the modules that the root would provide, so that the next import reads them again."""
    importlib.invalidate_caches()
    own = {path.stem for path in root.glob("*.py")} | {path.name for path in root.iterdir() if path.is_dir()}
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top in own and top not in _NEVER and not _is_installed(module):
            del sys.modules[name]


def _from_file(root: Path, where: str, declared_in: Path) -> ModuleType:
    file = (root / where).resolve()
    if not file.is_file():
        raise ConfigurationError(f"{declared_in}: there is no file {where}.", hint=f"It is looked for in {root}.")
    name = _module_name(root, file)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(file):
        return loaded
    if loaded is not None and _is_installed(loaded):
        raise ConfigurationError(
            f"{declared_in}: {where} has the name of the installed module `{name}`.", hint="Give the file another name."
        )
    spec = importlib.util.spec_from_file_location(name, file, loader=_FreshLoader(name, str(file)))
    assert spec is not None and spec.loader is not None  # a loader was given
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise _failure(error, root, where) from error
    return module


def _from_name(root: Path, where: str, declared_in: Path) -> ModuleType:
    try:
        return importlib.import_module(where)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and where.startswith(error.name):
            raise ConfigurationError(
                f"{declared_in}: there is no module `{where}`.",
                hint=f"It is looked for in {root} and in what is installed.",
            ) from error
        raise _failure(error, root, where) from error


def _module_name(root: Path, file: Path) -> str:
    """The name by which the project's own code imports it, so that both mean one module."""
    try:
        parts = file.relative_to(root.resolve()).with_suffix("").parts
    except ValueError:
        parts = (file.stem,)
    return ".".join(parts) if all(part.isidentifier() for part in parts) else "_".join(parts)


def _is_installed(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:  # built in, or a folder without __init__
        return module.__name__ in sys.builtin_module_names
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return any(Path(file).is_relative_to(place) for place in places)


def _failure(error: BaseException, root: Path, where: str) -> ConfigurationError:
    file, line = where, 0
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if Path(frame.filename).is_relative_to(root):
                file, line = frame.filename, frame.lineno or 0
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    hint = ""
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = f"Install what provides `{error.name}`, or check its spelling."
    return ConfigurationError(f"{file}:{line}: {type(error).__name__}: {what}", hint=hint)


def _offer(module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if not name.startswith("_") and _is_own(value, module)]
    return f"It offers: {', '.join(names[:10])}." if names else "It defines nothing."


def _is_own(value: Any, module: ModuleType) -> bool:
    return not isinstance(value, (ModuleType, type)) and getattr(value, "__module__", None) != "typing"
